"""The whole product on this machine: the simulator and the functions as child processes on free loopback ports."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import httpx

from funchost.keys import EVENT_GRID_KEY, keys_of

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
    """Where things listen, and the simulator's env file as a mapping. The first host's are ``api_url`` and
    ``functions_pid``; ``hosts`` are all of them: their URLs and processes."""

    azure: Mapping[str, str]
    api_url: str
    directory: Path
    simulator_pid: int
    functions_pid: int
    hosts: tuple[tuple[str, int], ...] = ()
    storage: str = ""
    children: tuple[tuple[str, subprocess.Popen[bytes], Path], ...] = ()
    """What each is, its process and its log."""

    def require_alive(self) -> None:
        """Raises ``StartFailed`` for a process that has ended."""
        for what, process, log in self.children:
            if (code := process.poll()) is not None:
                raise StartFailed(f"{what} has ended ({code}); its log, {log}, ends with:\n{_end_of(log)}")


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
        "CONTROLPLANE_METRICS_ENDPOINT": azure["METRICS_ENDPOINT"],
        "CONTROLPLANE_LOGS_ENDPOINT": azure["LOGS_ENDPOINT"],
        "CONTROLPLANE_PRICES_ENDPOINT": azure["PRICES_ENDPOINT"],
        "CONTROLPLANE_TENANT_IDS": json.dumps([azure["AZURE_TENANT_ID"]]),
        "CONTROLPLANE_AUDIENCE": azure["API_CLIENT_ID"],
        "CONTROLPLANE_OBSERVER_CLIENT_ID": azure["OBSERVER_CLIENT_ID"],
        "CONTROLPLANE_OPERATOR_CLIENT_ID": azure["OPERATOR_CLIENT_ID"],
        "CONTROLPLANE_ARCHIVER_CLIENT_ID": azure["ARCHIVER_CLIENT_ID"],
        "CONTROLPLANE_ARCHIVER_OBJECT_ID": azure["ARCHIVER_OBJECT_ID"],
        "CONTROLPLANE_STORE": "sqlite",
        "CONTROLPLANE_SQLITE_PATH": str(directory / "store.db"),
        "CONTROLPLANE_SQLITE_QUEUE": str(directory / "queue.db"),
    }


def callbacks(azure: Mapping[str, str], directory: Path, api_url: str) -> dict[str, str]:
    """Settings by which the simulator's Event Grid and Azure Monitor reach the functions at ``api_url``, whose keys are
    in ``directory``. All hosts of one store have the same: what monitors have in Azure names them."""
    keys_of(directory)  # makes the file
    key = json.loads((directory / "keys.json").read_text())["systemKeys"][EVENT_GRID_KEY]
    return {
        "CONTROLPLANE_EVENTS_URL": f"{api_url}/runtime/webhooks/EventGrid?functionName=events&code={key}",
        "CONTROLPLANE_ALERTS_URL": f"{api_url}/api/alerts",
        "CONTROLPLANE_ALERTS_APP_URI": f"api://{azure['API_CLIENT_ID']}",
        "CONTROLPLANE_ALERTS_APP_OBJECT_ID": azure["API_CLIENT_ID"],
    }


def on_storage(environment: Mapping[str, str], connection_string: str) -> dict[str, str]:
    """The same settings with the store and the queue in a storage account."""
    kept = {name: value for name, value in environment.items() if not name.startswith("CONTROLPLANE_SQLITE_")}
    return {**kept, "CONTROLPLANE_STORE": "azure", "AzureWebJobsStorage": connection_string}


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
    directory: Path, environment: Mapping[str, str], *options: str, port: int = 0, name: str = "functions"
) -> tuple[subprocess.Popen[bytes], str]:
    """Starts ``python -m funchost`` and waits until it serves; returns its base URL.

    It listens on storage queues where the settings put the store into a storage account. Hosts of one ``directory``
    share their state and differ in ``name``, that of their log.
    """
    ready_file = directory / ("funchost.ready" if name == "functions" else f"{name}.ready")
    ready_file.unlink(missing_ok=True)
    queues = "storage" if environment.get("CONTROLPLANE_STORE") == "azure" else "sqlite"
    state = ("--queues", queues, *(("--state", str(directory)) if queues == "storage" else ()))
    command = [sys.executable, "-m", "funchost", "--port", str(port), "--ready-file", str(ready_file), *state, *options]
    process = _spawn(command, directory / f"{name}.log", environment)
    _wait_for(ready_file, process, directory / f"{name}.log")
    return process, ready_file.read_text().strip()


@contextmanager
def local_stack(
    directory: Path,
    *options: str,
    time_scale: float,
    ports: tuple[int, int] = (0, 0),
    hosts: int = 1,
    store: Literal["sqlite", "azure"] = "sqlite",
    platform: bool = False,
) -> Iterator[LocalStack]:
    """Simulator (with ``options``) and functions, stopped at the end whatever happens.

    With ``platform`` it is as an installation has it: a resource group of its own, for what belongs to no workspace;
    and its time is the simulator's clock, which goes as the machine's until somebody moves it.

    ``hosts`` function hosts work on one store: SQLite files in ``directory``, or an Azurite of their own.
    """
    for port in ports:
        _refuse_taken(port)  # before anything is removed: what serves there may be using it
    for name in ("store.db", "queue.db"):
        for leftover in directory.glob(f"{name}*"):
            leftover.unlink()
    with ExitStack() as running:
        simulator, azure = start_simulator(directory, "--time-scale", str(time_scale), *options, port=ports[0])
        running.callback(stop, simulator)
        environment, storage = controlplane_environment(azure, directory), ""
        if store == "azure":
            from tests.support.azurite import start_azurite  # only who asks for it needs Node.js

            storage = running.enter_context(start_azurite(directory)).connection_string
            environment = on_storage(environment, storage)
        if platform:
            environment |= {"CONTROLPLANE_CLOCK": f"{azure['SIMULATOR_URL']}/simulator/clock"}
            environment |= {"CONTROLPLANE_SHARED_GROUP_ID": shared_group(azure)}
        first = ports[1] or free_port()
        environment |= callbacks(azure, directory, f"http://127.0.0.1:{first}")
        started: list[tuple[str, int]] = []
        children = [("the simulator", simulator, directory / "simulator.log")]
        for number in range(hosts):
            name = "functions" if number == 0 else f"functions-{number + 1}"
            port = first if number == 0 else 0
            functions, url = start_functions(directory, environment, port=port, name=name)
            running.callback(stop, functions)
            started.append((url, functions.pid))
            children.append(("the function host", functions, directory / f"{name}.log"))
        yield LocalStack(
            azure, started[0][0], directory, simulator.pid, started[0][1], tuple(started), storage, tuple(children)
        )


def shared_group(azure: Mapping[str, str]) -> str:
    """Makes the platform's own resource group in the simulator's first subscription; returns its id."""
    group = f"/subscriptions/{azure['AZURE_SUBSCRIPTION_ID']}/resourceGroups/rg-mlops-platform"
    call = {"kind": "arm", "method": "PUT", "path": group, "apiVersion": "2021-04-01"}
    wish = {**call, "body": {"location": "westeurope"}}
    with httpx.Client(base_url=azure["SIMULATOR_URL"], verify=azure["SSL_CERT_FILE"], timeout=60) as simulator:
        simulator.post("/simulator/inject", json=wish).raise_for_status()
    return group


def stop(process: subprocess.Popen[bytes], patience: float = 10.0) -> None:
    """SIGTERM, then SIGKILL."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


#: The last that this process chose, which nobody may listen on yet.
_given: deque[int] = deque(maxlen=100)


def free_port() -> int:
    """One that stays free until it is asked for: below those that systems give to whoever asks for any, and of a part
    of them that processes which start hosts at the same time seldom share."""
    slices, first, size = 30, 15_000, 500
    begin = first + os.getpid() % slices * size
    while True:
        port = random.SystemRandom().randrange(begin, begin + size)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            if port not in _given:
                _given.append(port)
                return port


def _refuse_taken(port: int) -> None:
    with socket.socket(socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise StartFailed(f"port {port} is in use; is `make run` or `make sim` running? Stop it.") from error


def _end_of(log: Path) -> str:
    return log.read_text(errors="replace")[-2000:]


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


def _wait_for(path: Path, process: subprocess.Popen[bytes], log: Path, patience: float = 180.0) -> None:
    deadline = time.monotonic() + patience
    while not path.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            stop(process)
            raise StartFailed(_end_of(log))
        time.sleep(0.02)
