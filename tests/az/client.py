"""The Azure CLI, as these tests use it: a configuration folder of its own, the simulator as its cloud."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.support.waiting import PATIENCE_SECONDS

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".venv-az" / "bin" / "python"
WORKER = Path(__file__).with_name("worker.py")
CLOUD = "SimulatedCloud"
NOT_FOUND = 3  # the CLI's exit status when Azure answers 404

#: What must not reach into a command from whoever runs the tests.
_FOREIGN = ("AZURE_", "ARM_", "IDENTITY_", "MSI_")


class AzFailed(AssertionError):
    """A command that had to succeed did not."""


def environment(folder: Path, simulator: dict[str, str], **more: str) -> dict[str, str]:
    """The CLI's settings as environment variables (docs: "Azure CLI configuration"): no telemetry, no browser, nothing
    kept outside `folder`. `core.instance_discovery` is off because MSAL asks login.microsoftonline.com about
    authorities it does not know, which is what the CLI documents for clouds of one's own."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(_FOREIGN)}
    return {
        **inherited,
        "AZURE_CONFIG_DIR": str(folder),
        "AZURE_EXTENSION_DIR": str(folder / "extensions"),
        "AZURE_CORE_COLLECT_TELEMETRY": "false",
        "AZURE_CORE_INSTANCE_DISCOVERY": "false",
        "AZURE_CORE_ENCRYPT_TOKEN_CACHE": "false",
        "AZURE_CORE_SURVEY_MESSAGE": "false",
        "AZURE_CORE_OUTPUT": "json",
        "AZURE_CORE_NO_COLOR": "true",
        "AZURE_EXTENSION_USE_DYNAMIC_INSTALL": "no",
        "AZURE_DEFAULTS_LOCATION": "westeurope",
        "REQUESTS_CA_BUNDLE": simulator["REQUESTS_CA_BUNDLE"],
        "SSL_CERT_FILE": simulator["SSL_CERT_FILE"],
        **more,
    }


def process(env: dict[str, str], command: str) -> subprocess.CompletedProcess[str]:
    """One command in a process of its own, as people run it."""
    arguments = [str(PYTHON), "-m", "azure.cli", *shlex.split(command)]
    return subprocess.run(arguments, env=env, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)


class Az:
    """Commands in one process that stays: see worker.py."""

    def __init__(self, env: dict[str, str]) -> None:
        self.env = env
        log = Path(env["AZURE_CONFIG_DIR"])
        log.mkdir(parents=True, exist_ok=True)
        self._log = (log / "worker.log").open("w")
        self._process = subprocess.Popen(
            [str(PYTHON), str(WORKER)], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log,
            text=True,
        )  # fmt: skip

    def __enter__(self) -> Az:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._log.close()

    def invoke(self, command: str) -> tuple[int, str, str]:
        """(exit status, what it printed, what it logged as an error)."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(shlex.split(command)) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"the CLI's process ended at: az {command}"
        answer = json.loads(line)
        return int(answer["exit"] or 0), str(answer["out"]), str(answer["error"])

    def __call__(self, command: str) -> Any:
        """Run a command that succeeds; its JSON, or None when it prints nothing."""
        code, out, error = self.invoke(command)
        if code:
            raise AzFailed(f"az {command}\nexit {code}: {error}")
        return json.loads(out) if out.strip() else None

    def refused(self, command: str) -> str:
        """Run a command that Azure refuses; what the CLI says."""
        code, out, error = self.invoke(command)
        assert code, f"az {command} was accepted: {out[:500]}"
        return error

    def missing(self, command: str) -> bool:
        """Whether a command ends with the CLI's status for what is not there."""
        return self.invoke(command)[0] == NOT_FOUND
