"""Everything the crash test runs, and what it compares: one simulator, one proxy before it, one zygote.

A run is a creation of the example workspace by the real queue worker. It is *accepted* by the real API, *killed* once
where its case says, and *brought back* by the product's own ``wake_due`` on the same files. Nothing else helps it: the
message the dead worker held stays hidden for ten minutes, its lease ends by itself.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from controlplane.clocks import SystemClock
from controlplane.store import SqliteQueue, SqliteStore
from controlplane.triggers.sweeps import SweepDeps, wake_due
from controlplane.workspaces.repository import WorkspaceRepository
from tests.support.arm_proxy import ArmProxy, Watched
from tests.support.simulator import RunningSimulator, start_simulator
from tests.support.zygote import ROOT, Zygote, zygote
from tools.local import controlplane_environment

NAME = "crash"
API_VERSION = "2026-11-01"
SCALE = 2000.0
LEASE_SECONDS = 1.0
#: Pause between two looks of the wake timer, after one that found something. In Azure it is a minute.
WAKE_SECONDS = 0.5
#: So short that the messages between ticks matter.
SHORT_TICK_SECONDS = 0.3
PATIENCE_SECONDS = 90.0
#: An accepted request is copied for so long: an operation has two hours.
ACCEPTED_SECONDS = 1200.0


@dataclass(frozen=True)
class Case:
    """Where to kill: ``at`` a call to ARM, a commit of the ticks, or a commit of the accepting request; the
    ``number``-th of the run, before or ``after`` its effect. ``messages`` is how often each message is sent."""

    at: str = "never"
    number: int = 0
    after: bool = False
    messages: int = 1
    tick_seconds: float = 60.0

    @property
    def name(self) -> str:
        """As CRASH_CASES takes it: ``call-after-17``."""
        moment = "after" if self.after else "before"
        sent = {0: "-dropped", 1: "", 2: "-doubled"}[self.messages]
        return f"{self.at}-{moment}-{self.number}{sent}"

    @classmethod
    def named(cls, name: str) -> Case:
        at, moment, number, *sent = name.split("-")
        messages = {"dropped": 0, "doubled": 2}[sent[0]] if sent else 1
        return cls(at, int(number), moment == "after", messages, 60.0 if messages == 1 else SHORT_TICK_SECONDS)


@dataclass(frozen=True)
class Ended:
    """How a run ended. What is compared is ``facts`` and ``azure``; the rest says what happened on the way."""

    facts: Mapping[str, Any]
    azure: Mapping[str, Any]
    created_twice: tuple[str, ...]
    refused: Mapping[str, int]
    early_polls: tuple[str, ...]
    calls: tuple[str, ...]
    accepting: tuple[str, ...]
    commits: tuple[str, ...]
    killed_at: str | None
    restarts: int
    seconds: float


class DidNotEnd(AssertionError):
    """The operation did not come to its end in time."""


class Lab:
    """One run after the other."""

    def __init__(self, folder: Path, simulator: RunningSimulator, proxy: ArmProxy, copies: Zygote) -> None:
        self._folder = folder
        self._simulator = simulator
        self._proxy = proxy
        self._zygote = copies
        self._home = folder / "run"
        self._template = folder / "accepted"
        self._accepted_at = float("-inf")
        self._case = Case()

    def run(self, case: Case) -> Ended:
        """Raises ``DidNotEnd``; its text and the folder's files say how far it came."""
        started = time.monotonic()
        self._case = case
        self._simulator.reset(seed="contoso", scale=SCALE)
        killed_at = self._accept(case)
        self._simulator.clear_calls()
        with self._files() as files:
            run = _Run(self, case, files)
            try:
                run.go()
            finally:
                run.end()
            ended = run.facts()
        state = self._simulator.state()
        names = addresses_of(state) | {run.operation_id: "the operation"}
        facts = {**ended, **self._asked_again()}
        return Ended(
            facts={name: comparable(fact, names) for name, fact in facts.items()},
            azure={arm_id: comparable(body, names) for arm_id, body in state.items()},
            **self._recorded(),
            calls=tuple(run.calls),
            accepting=tuple(self._lines("accepting")),
            commits=tuple(self.commits()),
            killed_at=killed_at or run.killed_at,
            restarts=run.restarts,
            seconds=time.monotonic() - started,
        )

    # -- the accepting side -------------------------------------------------------------------------------------------

    def _accept(self, case: Case) -> str | None:
        """A home with an accepted request in it. One that is undisturbed is made once and copied."""
        if case.at == "accept":
            self._empty_home()
            return self._accepted_in_spite_of(case)
        kept = self._template / str(case.messages)
        if time.monotonic() - self._accepted_at > ACCEPTED_SECONDS:
            shutil.rmtree(self._template, ignore_errors=True)
            self._accepted_at = time.monotonic()
        if not kept.exists():
            self._empty_home()
            self._ask(self._creation(), messages=case.messages)
            self._template.mkdir(exist_ok=True)
            shutil.copytree(self._home, kept)
        shutil.rmtree(self._home, ignore_errors=True)
        shutil.copytree(kept, self._home)
        return None

    def _accepted_in_spite_of(self, case: Case) -> str | None:
        """The API dies at a commit; the caller got no answer and asks again."""
        order = self._api_order(self._creation(), case.messages)
        pid = self._zygote.start({**order, "killAt": case.number, "after": case.after})
        if self._zygote.wait(pid) == 0:
            return None
        killed_at = self._lines("accepting")[-1]
        answers = self._ask(self._creation(), messages=case.messages, statuses=(200, 201, 202, 409))
        # Whoever repeats the PUT learns of the operation that the first one began, or begins it.
        known = (answers[-1]["body"].get("error") or {}).get("code")
        assert (answers[-1]["status"] == 409) == (known == "AnotherOperationInProgress"), answers
        return killed_at

    def _empty_home(self) -> None:
        shutil.rmtree(self._home, ignore_errors=True)
        self._home.mkdir()

    def _creation(self) -> list[tuple[str, str, Any]]:
        spec = _example("workspaces/secure-classical.yaml")
        return [
            ("PUT", "/api/projects/churn", _example("projects/churn.yaml")),
            ("PUT", f"/api/workspaces/{NAME}", spec),
        ]

    def _asked_again(self) -> dict[str, Any]:
        """What a caller sees afterwards: the workspace, its operations, and the plan of the same spec."""
        path = f"/api/workspaces/{NAME}"
        spec = _example("workspaces/secure-classical.yaml")
        workspace, plan, operations = self._ask(
            [("GET", path, None), ("POST", f"{path}:plan", {"spec": spec}), ("GET", "/api/operations", None)]
        )
        changes = [(c["key"], c["action"]) for c in plan["body"]["changes"] if c["action"].lower() != "none"]
        return {
            "plan": changes,
            "operations": len(operations["body"]["value"]),
            "workspace": workspace["body"],
        }

    def _ask(
        self, requests: list[tuple[str, str, Any]], *, messages: int = 1, statuses: tuple[int, ...] = (200, 201, 202)
    ) -> list[dict[str, Any]]:
        order = self._api_order(requests, messages)
        pid = self._zygote.start(order)
        code = self._zygote.wait(pid)
        if code != 0:
            raise AssertionError(f"the API ended with {code}: {self.log()}")
        answers: list[dict[str, Any]] = json.loads(Path(order["answers"]).read_text())
        for answer in answers:
            assert answer["status"] in statuses, answer
        return answers

    def _api_order(self, requests: list[tuple[str, str, Any]], messages: int) -> dict[str, Any]:
        token = self._simulator.token(roles=["Platform.Admin"], user="ada")
        more = {"token": token, "apiVersion": API_VERSION, "requests": requests}
        return self._order("api", self._simulator.url, messages) | more | {"answers": str(self._home / "answers.json")}

    # -- the ticks ----------------------------------------------------------------------------------------------------

    def start_ticks(self, watched: Watched, case: Case | None, messages: int) -> int:
        """A new queue worker; its calls to ARM are ``watched``, its death at a commit is ``case``'s."""
        self._proxy.watched = watched
        order = self._order("ticks", self._proxy.url, messages)
        if case is not None and case.at == "commit":
            order |= {"killAt": case.number, "after": case.after}
        return self._zygote.start(order)

    def settle(self) -> None:
        self._proxy.settle()

    def commits(self) -> list[str]:
        """What the ticks of this run committed, or were about to."""
        return self._lines("commits")

    @property
    def copies(self) -> Zygote:
        return self._zygote

    def _order(self, run: str, endpoint: str, messages: int) -> dict[str, Any]:
        environment = controlplane_environment(self._simulator.env, self._home) | {
            "CONTROLPLANE_ARM_ENDPOINT": endpoint,
            "IDENTITY_ENDPOINT": f"{endpoint}/msi/token",
            "CONTROLPLANE_LEASE_SECONDS": str(LEASE_SECONDS),
            "CONTROLPLANE_TICK_SECONDS": str(self._case.tick_seconds),
        }
        return {
            "run": run,
            "environment": environment,
            "folder": str(self._home),
            "log": str(self._home / f"{run}.log"),
            "commits": str(self._home / "commits") if run == "ticks" else str(self._home / "accepting"),
            "messages": messages,
        }

    # -- looking at it ------------------------------------------------------------------------------------------------

    @contextmanager
    def _files(self) -> Iterator[Files]:
        files = Files(self._home, max(1, self._case.messages))
        try:
            yield files
        finally:
            files.close()

    def _recorded(self) -> dict[str, Any]:
        calls = [call for call in self._simulator.calls() if call["plane"] == "arm"]
        created = Counter(c["path"].lower() for c in calls if c["method"] == "PUT" and c["status"] == 201)
        operations = self._simulator.control("GET", "operations")["value"]
        begun = Counter(o["resourceId"].lower() for o in operations if o["verb"] == "create")
        twice = {key for key, count in (created | begun).items() if count > 1}
        twice |= {call["path"] for call in calls if call["method"] == "DELETE"}
        refused = Counter(str(c["error"].get("code")) for c in calls if c["status"] >= 400 and c["method"] != "GET")
        early = tuple(f"{c['method']} {c['path']}" for c in calls if c["early_poll"])
        return {"created_twice": tuple(sorted(twice)), "refused": dict(refused), "early_polls": early}

    def _lines(self, name: str) -> list[str]:
        path = self._home / name
        return path.read_text().splitlines() if path.exists() else []

    def log(self) -> str:
        """The end of what the run's processes logged."""
        paths = (self._home / "ticks.log", self._home / "api.log")
        return "\n".join(f"--- {p.name}\n{p.read_text(errors='replace')[-4000:]}" for p in paths if p.exists())

    def keep(self, where: Path) -> None:
        """Copies the files of the last run."""
        shutil.copytree(self._home, where, dirs_exist_ok=True)
        (where / "calls.json").write_text(json.dumps(self._simulator.calls(), indent=1))
        (where / "state.json").write_text(json.dumps(self._simulator.state(), indent=1))


class Files:
    """The store and the queue of a run, opened by the test process as the wake timer would."""

    def __init__(self, home: Path, messages: int) -> None:
        self._messages = messages
        self._store = SqliteStore(home / "store.db")
        self._queue = SqliteQueue(home / "queue.db", "ticks")
        self.repository = WorkspaceRepository(self._store)
        self._loop = asyncio.new_event_loop()

    def close(self) -> None:
        self._store.close()
        self._queue.close()
        self._loop.close()

    def do(self, work: Any) -> Any:
        return self._loop.run_until_complete(work)

    def wake(self) -> int:
        """The product's timer, once for each time that a message is sent; how many messages there were."""
        clock = SystemClock()
        deps = SweepDeps(self.repository, self._queue, clock, clock)
        return sum(int(self.do(wake_due(deps))) for _ in range(self._messages))

    def is_leased(self) -> bool:
        return bool(self.do(self.repository.is_leased(NAME, SystemClock().now())))


class _Run:
    """From the accepted request to the operation's end."""

    def __init__(self, lab: Lab, case: Case, files: Files) -> None:
        self._lab = lab
        self._case = case
        self._files = files
        self._pid = 0
        self._watched = Watched()
        self._woken_at = time.monotonic()
        self.calls: list[str] = []
        self.killed_at: str | None = None
        self.restarts = -1
        self.operation_id = ""

    def go(self) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        self._start(self._case)
        while not self._is_over():
            if time.monotonic() > deadline:
                raise DidNotEnd(f"{self._case.name}: {self._story()}\n{self._lab.log()}")
            code = self._lab.copies.exit_code(self._pid)
            if code is not None:
                self._note_death(code)
                self._start(None)
            if time.monotonic() - self._woken_at > WAKE_SECONDS and self._files.wake():
                self._woken_at = time.monotonic()
            time.sleep(0.02)

    def end(self) -> None:
        """The run is over: its worker has nothing to say any more."""
        if self._pid:
            self._lab.copies.kill(self._pid)
            self._note_death(self._lab.copies.wait(self._pid))

    def facts(self) -> dict[str, Any]:
        """What the store holds of it, without times."""
        stored = self._files.do(self._files.repository.load(NAME))
        (operation,), _ = self._files.do(self._files.repository.list_operations())
        self.operation_id = operation.id
        return {
            "status": operation.status.value,
            "error": operation.error,
            "steps": sorted((s.key, s.action, s.status.value, s.resource_id) for s in operation.steps),
            "active": stored.record.active_operation,
            "conditions": sorted((c.type, c.status.value, c.reason) for c in stored.status.conditions),
            "inventory": {key: owned.resource_id for key, owned in stored.status.inventory.items()},
            "outputs": dict(stored.status.outputs),
            "observedGeneration": stored.status.observed_generation,
        }

    def _start(self, case: Case | None) -> None:
        self._watched = Watched(kill=self._kill)
        if case is not None and case.at == "call":
            self._watched.kill_at, self._watched.after = case.number, case.after
        self._pid = self._lab.start_ticks(self._watched, case, self._case.messages)
        self.restarts += 1

    def _kill(self) -> None:
        self._lab.copies.kill(self._pid)

    def _note_death(self, code: int) -> None:
        self._pid = 0
        assert code == -9, f"the worker ended by itself, with {code}: {self._lab.log()}"
        self._lab.settle()
        self.calls += self._watched.calls
        self.killed_at = self.killed_at or self._watched.killed_at
        if self._case.at == "commit" and self.restarts == 0 and len(self._lab.commits()) == self._case.number:
            self.killed_at = self._lab.commits()[-1]

    def _is_over(self) -> bool:
        """The operation has its end, and no tick is at work any more."""
        (operation,), _ = self._files.do(self._files.repository.list_operations())
        if not operation.status.is_terminal or self._watched.dead:
            return False
        return not self._files.is_leased()

    def _story(self) -> str:
        (operation,), _ = self._files.do(self._files.repository.list_operations())
        open_steps = [
            (s.key, s.status.value, s.waiting_for, s.attempts) for s in operation.steps if s.status != "Succeeded"
        ]
        return f"operation {operation.status.value}, {self.restarts} restarts, open: {open_steps[:8]}"


_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")


def comparable(value: Any, names: Mapping[str, str]) -> Any:
    """A body without its times and ETags, with ``names`` for what differs from run to run. References have no order."""
    if isinstance(value, Mapping):
        kept = {k: v for k, v in value.items() if k != "etag" and not (isinstance(v, str) and _MOMENT.match(v))}
        return {k: comparable(v, names) for k, v in kept.items()}
    if isinstance(value, list | tuple):
        items = [comparable(item, names) for item in value]
        has_ids = all(isinstance(item, Mapping) and "id" in item for item in items)
        return sorted(items, key=lambda item: str(item["id"])) if has_ids else items
    return names.get(value, value) if isinstance(value, str) else value


def addresses_of(state: Mapping[str, Any]) -> dict[str, str]:
    """Address → whose it is. Endpoints get them in the order in which Azure happens to finish them."""
    found: dict[str, str] = {}
    for arm_id, body in state.items():
        for config in body.get("properties", {}).get("ipConfigurations", ()):
            address = config.get("properties", {}).get("privateIPAddress")
            if address:
                found[address] = f"address of {arm_id} {config['name']}"
    return found


def _example(path: str) -> Any:
    return json.loads(json.dumps(yaml.safe_load((ROOT / "examples" / path).read_text()), default=str))


@contextmanager
def crash_lab(folder: Path) -> Iterator[Lab]:
    """A lab of one's own."""
    folder.mkdir(exist_ok=True)
    with start_simulator(folder, time_scale=SCALE) as simulator, zygote(folder, simulator.env) as copies:
        proxy = ArmProxy(simulator.url, folder)
        try:
            yield Lab(folder, simulator, proxy, copies)
        finally:
            proxy.close()
