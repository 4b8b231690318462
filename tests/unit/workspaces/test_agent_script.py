"""What a build agent's machine runs as root, run here up to where it would unpack what it fetched."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from controlplane.workspaces import agent_versions
from controlplane.workspaces.blueprint.agent_script import agent_script
from controlplane.workspaces.spec_model import Agents

PACKAGE = b"what Microsoft released"
#: Commands of the machine, of which each run is told in a file; curl brings a package.
STUBS = {
    "id": "exit 0",
    "install": "exit 0",
    "curl": 'while [ "$1" != -o ]; do shift; done; printf %s "$PACKAGE" >"$2"; echo "curl $3" >>"$TOLD"',
    "tar": 'echo unpacked >>"$TOLD"; exit 1',
}


def script(**values: str) -> str:
    return base64.b64decode(agent_script(Agents.model_validate(values))).decode()


def run(folder: Path, text: str, package: bytes) -> list[str]:
    """What the machine did before it unpacked, and whether it did."""
    commands, told = folder / "bin", folder / "told"
    commands.mkdir()
    for name, body in STUBS.items():
        (commands / name).write_text(f"#!/bin/bash\n{body}\n")
        (commands / name).chmod(0o755)
    bash = shutil.which("bash")
    assert bash is not None
    environment = {"PATH": f"{commands}:{os.environ['PATH']}", "PACKAGE": package.decode(), "TOLD": str(told)}
    environment["TMPDIR"] = str(folder)
    done = subprocess.run([bash, "-c", text], env=environment, capture_output=True, timeout=30, check=False)
    assert done.returncode != 0
    return told.read_text().splitlines()


@pytest.mark.parametrize(("package", "unpacked"), [(PACKAGE, True), (b"something else", False)])
def test_a_package_is_unpacked_when_it_is_the_released_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: bytes, unpacked: bool
) -> None:
    monkeypatch.setitem(agent_versions.SHA256, agent_versions.NEWEST, hashlib.sha256(PACKAGE).hexdigest())
    version = agent_versions.NEWEST
    url = f"https://download.agent.dev.azure.com/agent/{version}/vsts-agent-linux-x64-{version}.tar.gz"
    assert run(tmp_path, script(), package) == [f"curl {url}", *(["unpacked"] if unpacked else [])]


def test_the_default_version_is_one_whose_digest_is_known() -> None:
    assert Agents().version in agent_versions.SHA256
    assert agent_versions.SHA256[agent_versions.NEWEST] in script()
    assert "--proto '=https'" in script()
    assert "sha256sum" not in script(version="4.250.1")
