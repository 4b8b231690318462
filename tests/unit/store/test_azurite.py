"""The emulator that the Azure side is tested on: it starts, and no process of it stays behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.support import azurite as module
from tests.support.azurite import ROOT, AzuriteMissing, RunningAzurite, start_azurite
from tests.support.waiting import PATIENCE_SECONDS, until

_STARTER = """
import sys, time
from pathlib import Path
from tests.support.azurite import start_azurite
running = start_azurite(Path(sys.argv[1]))
print(running.process.pid, running.table_url, flush=True)
time.sleep(600)
"""


def test_the_three_services_answer(azurite: RunningAzurite) -> None:
    for url in (azurite.blob_url, azurite.queue_url, azurite.table_url):
        assert httpx.get(url, timeout=PATIENCE_SECONDS).headers["server"].startswith("Azurite-")


def test_it_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _STARTER, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        pid, url = starter.stdout.readline().split()
        assert httpx.get(url, timeout=PATIENCE_SECONDS).status_code >= 400
        starter.send_signal(signal.SIGKILL)
    until(lambda: not _is_alive(int(pid)), says=lambda: "Azurite outlived the process that started it")


def _is_alive(pid: int) -> bool:
    """Nobody may be there to collect an orphan; its state then says that it has ended."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def test_where_it_is_missing_the_message_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(module, "ENTRY", ROOT / "tools" / "azurite" / "nowhere.js")
        with pytest.raises(AzuriteMissing, match="make azurite"):
            start_azurite(tmp_path)
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(AzuriteMissing, match="Node"):
        start_azurite(tmp_path)
