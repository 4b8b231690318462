"""``make demo``: the main job on a fresh simulator, through processes, as a new user sees it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tools.demo.chapters import CHAPTERS

ROOT = Path(__file__).resolve().parents[2]


def demo(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tools.demo", *options]
    environment = {**os.environ, "COLUMNS": "200"}
    streams: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=ROOT, env=environment, **streams) as process:
        try:
            said, faults = process.communicate(timeout=3000)
        finally:
            if process.poll() is None:
                process.terminate()  # it stops what it has started
    return subprocess.CompletedProcess(command, process.returncode, said, faults)


def last_words(done: subprocess.CompletedProcess[str]) -> str:
    """Why it ended, where a long report is cut."""
    return f"exit code {done.returncode}\n{done.stderr[-4000:]}\n{done.stdout[-8000:]}"


@pytest.mark.slow
def test_every_chapter_holds_and_the_exit_code_says_so(tmp_path: Path) -> None:
    done = demo("--time-scale", "100", "--directory", str(tmp_path))
    assert done.returncode == 0, last_words(done)
    for number, (title, _) in enumerate(CHAPTERS, start=1):
        assert f"{number}. {title}" in done.stdout
    assert "STO.PublicNetworkAccess" in done.stdout
    assert "DNS.LinkSpoke" in done.stdout
    month = (
        "the tier of 50 % (500.00) is reached",
        "RequestDisallowedByPolicy",
        "BudgetRaiseNotAllowed",
        "warned: It was idle for 14 days.",
        "ExtensionNotAllowed",
        "active: extended until",
        "computes in Azure: none",
        "active: It was restored.",
    )
    assert [one for one in month if one not in done.stdout] == []


@pytest.mark.slow
def test_a_step_that_fails_fails_the_demo(tmp_path: Path) -> None:
    faults = tmp_path / "faults.yaml"
    faults.write_text(
        "rules:\n"
        "  - {name: no-registry, method: PUT, path: /registries/, failOperation:"
        " {code: QuotaExceeded, message: No more registries.}}\n"
    )
    done = demo("--time-scale", "100", "--directory", str(tmp_path), "--faults", str(faults))
    assert done.returncode == 1
    assert "QuotaExceeded" in done.stdout
