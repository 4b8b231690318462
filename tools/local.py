"""The whole product on this machine: the simulator and the functions as child processes on free loopback ports."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
#: From the simulator's env file to what clients of Azure read in their own environment.
_CLIENT_NAMES = (
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
    "IDENTITY_ENDPOINT",
    "IDENTITY_HEADER",
    "ARM_CLOUD_METADATA_URL",
)


class StartFailed(RuntimeError):
    """A child process ended or stayed silent; the text is the end of its log."""


@dataclass(frozen=True, slots=True)
class LocalStack:
    """Where things listen, and the simulator's env file as a mapping."""

    azure: Mapping[str, str]
    api_url: str
    directory: Path
    simulator_pid: int
    functions_pid: int


def read_env(path: Path) -> dict[str, str]:
    """``KEY=value`` lines."""
    lines = (line.partition("=") for line in path.read_text().splitlines() if "=" in line)
    return {key.strip(): value.strip() for key, _, value in lines}


def controlplane_environment(azure: Mapping[str, str], directory: Path) -> dict[str, str]:
    """The function app's settings for an Azure that the simulator plays; in Azure they are app settings."""
    return {
        **{name: azure[name] for name in _CLIENT_NAMES if name in azure},
        "CONTROLPLANE_ARM_ENDPOINT": azure["ARM_ENDPOINT"],
        "CONTROLPLANE_AUTHORITY_HOST": azure["AZURE_AUTHORITY_HOST"],
        "CONTROLPLANE_TENANT_IDS": json.dumps([azure["AZURE_TENANT_ID"]]),
        "CONTROLPLANE_AUDIENCE": azure["API_CLIENT_ID"],
        "CONTROLPLANE_OBSERVER_CLIENT_ID": azure["OBSERVER_CLIENT_ID"],
        "CONTROLPLANE_OPERATOR_CLIENT_ID": azure["OPERATOR_CLIENT_ID"],
        "CONTROLPLANE_STORE": "sqlite",
        "CONTROLPLANE_SQLITE_PATH": str(directory / "store.db"),
        "CONTROLPLANE_SQLITE_QUEUE": str(directory / "queue.db"),
    }


def start_simulator(directory: Path, *options: str, port: int = 0) -> tuple[subprocess.Popen[bytes], dict[str, str]]:
    """Starts ``python -m simulator`` and waits for its env file."""
    directory.mkdir(parents=True, exist_ok=True)
    env_file = directory / "azure.env"
    env_file.unlink(missing_ok=True)
    command = [sys.executable, "-m", "simulator", "--port", str(port), "--env-file", str(env_file), *options]
    process = _spawn(command, directory / "simulator.log", {})
    _wait_for(env_file, process, directory / "simulator.log")
    return process, read_env(env_file)


def start_functions(
    directory: Path, environment: Mapping[str, str], *, port: int = 0
) -> tuple[subprocess.Popen[bytes], str]:
    """Starts ``python -m funchost`` and waits until it serves; returns its base URL."""
    ready_file = directory / "funchost.ready"
    ready_file.unlink(missing_ok=True)
    command = [sys.executable, "-m", "funchost", "--port", str(port), "--ready-file", str(ready_file)]
    process = _spawn(command, directory / "functions.log", environment)
    _wait_for(ready_file, process, directory / "functions.log")
    return process, ready_file.read_text().strip()


@contextmanager
def local_stack(
    directory: Path, *options: str, time_scale: float, ports: tuple[int, int] = (0, 0)
) -> Iterator[LocalStack]:
    """Simulator (with ``options``) and functions, stopped at the end whatever happens."""
    for port in ports:
        _refuse_taken(port)  # before anything is removed: what serves there may be using it
    for name in ("store.db", "queue.db"):
        for leftover in directory.glob(f"{name}*"):
            leftover.unlink()
    running: list[subprocess.Popen[bytes]] = []
    try:
        simulator, azure = start_simulator(directory, "--time-scale", str(time_scale), *options, port=ports[0])
        running.append(simulator)
        functions, url = start_functions(directory, controlplane_environment(azure, directory), port=ports[1])
        running.append(functions)
        yield LocalStack(azure, url, directory, simulator.pid, functions.pid)
    finally:
        for process in reversed(running):
            stop(process)


def stop(process: subprocess.Popen[bytes], patience: float = 10.0) -> None:
    """SIGTERM, then SIGKILL."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _refuse_taken(port: int) -> None:
    with socket.socket(socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise StartFailed(f"port {port} is in use; is `make run` or `make sim` running? Stop it.") from error


def _spawn(command: list[str], log: Path, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        return subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **environment, "PYTHONUNBUFFERED": "1"},
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )


def _wait_for(path: Path, process: subprocess.Popen[bytes], log: Path, patience: float = 60.0) -> None:
    deadline = time.monotonic() + patience
    while not path.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            stop(process)
            raise StartFailed(log.read_text(errors="replace")[-2000:])
        time.sleep(0.02)
