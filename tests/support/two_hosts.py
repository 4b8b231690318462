"""Several function hosts on one store, with the simulator before them, and what a test has to see and do from outside.

with several_hosts(folder, store="azure", lease_seconds=3) as estate:
    estate.create(["one", "two"])
    held = estate.until_held()             # a PUT that the simulator keeps waiting is there
    os.kill(estate.owner("one"), SIGSTOP)
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

import httpx
import psutil

from controlplane.azure.storage_account import StorageAccount
from controlplane.azure.storage_connection import from_connection_string
from controlplane.azure.storage_queue import AzureQueue
from controlplane.azure.tables import AzureTableStore
from controlplane.clocks import SystemClock
from controlplane.ports.store import Store, WorkQueue
from controlplane.store import SqliteQueue, SqliteStore
from controlplane.triggers.sweeps import SweepDeps, wake_due
from controlplane.workspaces.repository import WorkspaceRepository
from controlplane.workspaces.rows import PARTITION
from tests.support.azurite import start_azurite
from tests.support.simulator import RunningSimulator, start_simulator
from tests.support.waiting import PATIENCE_SECONDS, until
from tools.local import controlplane_environment, on_storage, start_functions, stop
from tools.to_json import to_json

ROOT = Path(__file__).resolve().parents[2]
API = {"api-version": "2026-11-01"}
StoreKind = Literal["sqlite", "azure"]
_T = TypeVar("_T")


@dataclass
class Estate:
    """``hosts`` are process ids of the hosts, ``urls`` their addresses, in the same order."""

    folder: Path
    simulator: RunningSimulator
    urls: list[str]
    hosts: list[int]
    store: Store
    queue: WorkQueue
    close_store: Callable[[], Coroutine[Any, Any, None]]
    client: httpx.Client
    operations: dict[str, str] = field(default_factory=dict)
    """Workspace → address of its creation."""
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)

    def create(self, names: list[str]) -> None:
        """Asks the hosts in turn; each workspace has a part of the project's pool of its own."""
        project = to_json(ROOT / "examples/projects/churn.yaml")
        self.client.put(f"{self.urls[0]}/api/projects/churn", json=project).raise_for_status()
        for number, name in enumerate(names):
            spec = to_json(ROOT / "examples/workspaces/secure-classical.yaml")
            spec["network"]["addressSpace"] = f"10.40.{4 * number}.0/22"
            url = self.urls[number % len(self.urls)]
            answer = self.client.put(f"{url}/api/workspaces/{name}", json=spec).raise_for_status()
            self.operations[name] = answer.headers["Operation-Location"]

    def operation(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.client.get(self.operations[name]).raise_for_status().json()
        return found

    def plan(self, name: str) -> list[tuple[str, str]]:
        """What a PUT of the stored spec would change."""
        answer = self.client.get(f"{self.urls[0]}/api/workspaces/{name}").raise_for_status().json()
        body = {"spec": answer["spec"]}
        plan = self.client.post(f"{self.urls[0]}/api/workspaces/{name}:plan", json=body).raise_for_status().json()
        return [(c["key"], c["action"]) for c in plan["changes"] if c["action"].lower() != "none"]

    def until(self, done: Callable[[], _T | None], every: float = 0.02, about: str = "") -> _T:
        """The first answer that is true. A failure shows the ends of the logs, or their lines ``about`` something."""
        return until(done, every=every, says=lambda: self.logs(about))

    def hold(self, path: str) -> None:
        """The next PUT there waits before it takes effect, until :meth:`release`."""
        rule = {"method": "PUT", "path": path, "delay": PATIENCE_SECONDS, "times": 1}
        self.simulator.faults([rule])

    def until_held(self) -> None:
        """Returns when the simulator's fault rule has a call in its hands."""
        rules = lambda: self.simulator.control("GET", "faults")["rules"]  # noqa: E731
        self.until(lambda: any(rule["fired"] for rule in rules()))

    def release(self) -> None:
        """What is held takes effect, whether anybody waits for the answer or not."""
        self.simulator.faults([])

    def owner(self, name: str) -> int | None:
        """Process id of the tick that holds a workspace: leases say whose they are as ``host:pid:number``."""
        entity = self.do(self.store.get(PARTITION, f"l!{name}"))
        return int(entity.value["owner"].split(":")[1]) if entity is not None else None

    def host_of(self, worker: int) -> int:
        """Which host a worker process belongs to, as an index."""
        return self.hosts.index(psutil.Process(worker).ppid())

    def wake(self) -> None:
        """What the hosts' own timer does each minute, now."""
        clock = SystemClock()
        self.do(wake_due(SweepDeps(WorkspaceRepository(self.store), self.queue, clock, clock)))

    def all_ended(self) -> bool:
        return all(self.operation(name)["isTerminal"] for name in self.operations)

    def finish(self) -> None:
        """Wakes and waits until every creation has its end."""
        woken = 0.0

        def ended() -> bool:
            nonlocal woken
            if time.monotonic() - woken > 1.0:
                self.wake()
                woken = time.monotonic()
            return self.all_ended()

        self.until(ended, every=0.25)

    def log(self, host: int) -> str:
        """What a host and its workers said."""
        return (self.folder / f"host-{host}.log").read_text(errors="replace")

    def logs(self, about: str = "") -> str:
        return "\n".join(f"--- host {i}\n{self._lines(i, about)[-6000:]}" for i in range(len(self.hosts)))

    def _lines(self, host: int, about: str) -> str:
        return "\n".join(line for line in self.log(host).splitlines() if about in line)

    def doubled(self) -> list[str]:
        """Resources that were created, or whose creation was begun, more than once; and what was deleted."""
        calls = [call for call in self.simulator.calls() if call["plane"] == "arm"]
        created = Counter(c["path"].lower() for c in calls if c["method"] == "PUT" and c["status"] == 201)
        operations = self.simulator.control("GET", "operations")["value"]
        begun = Counter(o["resourceId"].lower() for o in operations if o["verb"] == "create")
        deleted = [f"deleted: {c['path']}" for c in calls if c["method"] == "DELETE"]
        return sorted(key for key, count in (created | begun).items() if count > 1) + deleted

    def inventory(self, name: str) -> Mapping[str, int]:
        """Type → how many there are in a workspace's resource group."""
        group = f"/resourcegroups/rg-churn-{name}/"
        ids = [arm_id.lower() for arm_id in self.simulator.state()]
        parts = [one.split(group)[1].split("/") for one in ids if group in one]
        return Counter("/".join([part[1], *part[2::2]]) for part in parts)

    def close(self) -> None:
        self.do(self.close_store())
        self._loop.close()

    def do(self, work: Coroutine[Any, Any, _T]) -> _T:
        return self._loop.run_until_complete(work)


@contextmanager
def several_hosts(
    folder: Path, *, store: StoreKind, count: int = 2, lease_seconds: float = 3.0, time_scale: float = 1000.0
) -> Iterator[Estate]:
    """A simulator that does not throttle, an Azurite where the store is ``azure``, and hosts; all of them end."""
    with ExitStack() as running:
        simulator = running.enter_context(start_simulator(folder, time_scale=time_scale))
        simulator.settings(throttling=False)
        environment = controlplane_environment(simulator.env, folder)
        if store == "azure":
            environment = on_storage(environment, running.enter_context(start_azurite(folder)).connection_string)
        environment["CONTROLPLANE_LEASE_SECONDS"] = str(lease_seconds)
        urls, hosts = [], []
        for number in range(count):
            process, url = start_functions(folder, environment, name=f"host-{number}")
            running.callback(stop, process)
            urls.append(url)
            hosts.append(process.pid)
        bearer = simulator.token(roles=["Platform.Admin"], user="ada")
        headers = {"Authorization": f"Bearer {bearer}"}
        client = running.enter_context(httpx.Client(headers=headers, params=API, timeout=PATIENCE_SECONDS))
        estate = Estate(folder, simulator, urls, hosts, *_opened(environment), client)
        running.enter_context(closing(estate))
        yield estate


def _opened(environment: Mapping[str, str]) -> tuple[Store, WorkQueue, Callable[[], Coroutine[Any, Any, None]]]:
    """The hosts' store and queue for this process, and how they are closed."""
    if environment["CONTROLPLANE_STORE"] == "azure":
        account = StorageAccount(from_connection_string(environment["AzureWebJobsStorage"]))
        return AzureTableStore(account, "controlplane"), AzureQueue(account, "ticks"), account.close
    store = SqliteStore(environment["CONTROLPLANE_SQLITE_PATH"])
    queue = SqliteQueue(environment["CONTROLPLANE_SQLITE_QUEUE"], "ticks")

    async def close() -> None:
        store.close()
        queue.close()

    return store, queue, close
