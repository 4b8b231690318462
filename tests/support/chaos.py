"""One chaos run: a workspace is created, drifts, is repaired and deleted, while one call in ten goes wrong.

After each operation the faults are off and everything is looked at: the operation, Azure, the store, what the recorder
says of polls that came too early, and what is known where they were sent of writes that did. What ended Failed says
why, and the same request again converges.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from controlplane.errors import ControlPlaneError
from controlplane.operations.model import Operation, OperationStatus, StepStatus
from controlplane.workspaces.reconcile import tick
from controlplane.workspaces.reconcile.deps import TickDeps
from controlplane.workspaces.repository import WorkspaceRepository
from controlplane.workspaces.rows import PARTITION
from tests.support.blueprints import example
from tests.support.chaos_rules import FATAL, UnsureStore, is_fatal, rules
from tests.support.product import NAME, Product, running_product
from tests.support.waiting import PATIENCE_SECONDS

WORKSPACE = f"workspaces/{NAME}"
#: A step that waits for an answer of Azure, and a lease that a tick left behind, take seconds.
LEASE_SECONDS = 1.5
SCALE = 1000.0
#: How often a caller repeats a request that Azure, or the store, did not let through.
TRIES = 20
#: Causes that are nobody's defect: they come from the rules.
CAUSES = frozenset({FATAL})


@dataclass
class Ended:
    """How a run ended. ``wrong`` is empty when everything holds."""

    seed: int
    ends: list[str] = field(default_factory=list)
    """Per operation: its kind and ``converged``, or the code of its error."""
    wrong: list[str] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    early_polls: int = 0
    early_writes: int = 0
    lost_in_store: int = 0
    calls: int = 0
    seconds: float = 0.0

    @property
    def line(self) -> str:
        verdict = "FAILED" if self.wrong else "ok"
        early = f"early {self.early_polls}/{self.early_writes}"
        met = f"{sum(self.faults.values())} of {self.calls} calls, {self.lost_in_store} of the store"
        return f"{verdict:6} seed {self.seed:4} {self.seconds:5.1f} s  {met:38} {early:10} {', '.join(self.ends)}"


class Chaos:
    """Runs on one product, one after the other."""

    def __init__(self, product: Product) -> None:
        self._product = product
        self._undisturbed: Mapping[str, frozenset[str]] | None = None
        self._found: Ended
        self._seed = 0
        self._store: UnsureStore | None = None

    def run(self, seed: int) -> Ended:
        """Never raises for what a run shows: it is in ``wrong``."""
        if self._undisturbed is None:
            self._undisturbed = self._calm()
        started = time.monotonic()
        self._seed, self._found = seed, Ended(seed)
        try:
            self._begin()
            self._create()
            self._repair()
            self._delete()
        except (AssertionError, TimeoutError, httpx.HTTPError, ControlPlaneError) as error:
            self._found.wrong.append(f"{type(error).__name__}: {error}")
        self._found.seconds = time.monotonic() - started
        return self._found

    # -- the three scenarios ------------------------------------------------------------------------------------------

    def _calm(self) -> Mapping[str, frozenset[str]]:
        """What exists, and what the inventory holds, after a creation that nothing disturbs."""
        self._product.reset()
        before = self._ids()
        operation = self._product.finish(self._product.put())
        assert operation.status == "Succeeded", operation.error
        return {
            "azure": self._ids() - before,
            "inventory": frozenset(arm_id.lower() for arm_id in self._product.ids().values()),
        }

    def _begin(self) -> None:
        product = self._product
        product.reset()
        self._before = self._ids()
        self._store = UnsureStore(product.store, self._seed) if self._seed % 2 else None
        durations = self._store or product.store
        repository = WorkspaceRepository(durations)
        product.deps = replace(product.deps, repository=repository, durations=durations, lease_seconds=LEASE_SECONDS)

    def _create(self) -> None:
        operation = self._disturbed("PUT", WORKSPACE, example(), allowDestructive="true")
        self._has_ended(operation)
        if operation.status is OperationStatus.FAILED:
            self._holds_what_is_there()
            operation = self._again("PUT", WORKSPACE, example(), allowDestructive="true")
        self._is_whole(operation)
        self._made_once()

    def _repair(self) -> None:
        product, ids = self._product, self._product.ids()
        links = sorted(key for key in ids if key.startswith("dns-link/"))
        drift = [ids[key] for key in (links[self._seed % len(links)], "diagnostics/workspace") if key in ids]
        for arm_id in drift:
            assert product.owner.delete(arm_id).status_code < 300
        product.simulator.inject(kind="public-access", account=ids["storage"])
        product.owner.settle()
        self._expect(bool(product.failing()), "the drift was not seen")
        operation = self._disturbed("POST", f"{WORKSPACE}:repair")
        self._has_ended(operation)
        if operation.status is OperationStatus.FAILED:
            operation = self._again("POST", f"{WORKSPACE}:repair")
        self._is_whole(operation)

    def _delete(self) -> None:
        operation = self._disturbed("DELETE", WORKSPACE)
        self._has_ended(operation)
        if operation.status is OperationStatus.FAILED:
            operation = self._again("DELETE", WORKSPACE)
        self._expect(operation.status is OperationStatus.SUCCEEDED, f"deletion {operation.status}: {operation.error}")
        kept = {left.resource_id.lower() for left in operation.residue}
        left = {arm_id for arm_id in self._ids() - self._before if arm_id not in kept and not _is_record(arm_id)}
        self._expect(not left, f"left in Azure, and not named: {sorted(left)[:5]}")
        self._expect(self._product.call("GET", WORKSPACE).status_code == 404, "the workspace is still there")
        self._store_is_consistent(gone=True)

    # -- running ------------------------------------------------------------------------------------------------------

    def _disturbed(self, method: str, path: str, body: Any = None, **query: str) -> Operation:
        """A request and its operation to the end, under this seed's faults."""
        simulator = self._product.simulator
        since = max((call["n"] for call in simulator.calls()), default=0)
        simulator.faults(rules(self._seed))
        for name in ("observer", "operator"):
            simulator.control("POST", "tokens/expire", json={"principal": name})
        if self._store is not None:
            self._store.on = True
        try:
            operation = self._product.run(self._to_the_end(method, path, body, query))
        finally:
            if self._store is not None:
                self._store.on = False
                self._found.lost_in_store = self._store.lost
            self._found.faults.update(
                {rule["name"]: rule["fired"] for rule in simulator.control("GET", "faults")["rules"]}
            )
            running = simulator.settings()["runningOperations"]
            simulator.faults([])
        self._expect(not running, f"{running} operations still run in Azure after {operation.kind} ended")
        self._product.owner.settle()
        calls = simulator.calls(since=since)
        self._found.calls += len(calls)
        self._count_early(calls)
        cause = f" {operation.error.code}" if operation.error else ""
        self._found.ends.append(
            f"{operation.kind} {'converged' if operation.status == 'Succeeded' else 'ended'}{cause}"
        )
        return operation

    def _again(self, method: str, path: str, body: Any = None, **query: str) -> Operation:
        """The same request once more, undisturbed."""
        return self._product.run(self._to_the_end(method, path, body, query))

    async def _to_the_end(self, method: str, path: str, body: Any, query: Mapping[str, str]) -> Operation:
        accepted = await self._accepted(method, path, body, query)
        if self._seed % 3:
            return await self._ticked(accepted, self._product.deps)
        both = [self._product.deps, self._product.another_ticker("second")]
        first, _ = await asyncio.gather(*(self._ticked(accepted, deps) for deps in both))
        return first

    async def _accepted(self, method: str, path: str, body: Any, query: Mapping[str, str]) -> str:
        """The id of the operation; a caller repeats what was answered with a passing fault."""
        for _ in range(TRIES):
            answer = await self._product.send(method, path, body, **query)
            if answer.status_code in (200, 201, 202):
                return str(answer.json()["id"])
            assert answer.status_code in (429, 500, 502, 503, 504), f"{method} {path}: {answer.text}"
            # As told, for as long as a throttled subscription takes; a caller who hurries is refused all the time.
            await asyncio.sleep(float(answer.headers.get("retry-after", "0.05")))
        raise AssertionError(f"{method} {path} was never accepted: {answer.text}")

    async def _ticked(self, operation_id: str, deps: TickDeps) -> Operation:
        """What queue and timer do: a tick whenever it is due, also after one that the store made fail."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                await tick(NAME, deps)
            except ControlPlaneError as error:
                if error.code != "StoreUnavailable":
                    raise
            operation = await self._product.operation(operation_id)
            if operation.status.is_terminal:
                return operation
            if time.monotonic() > deadline:
                moving = [(s.key, str(s.status), s.waiting_for, s.attempts) for s in operation.steps if not _over(s)]
                raise TimeoutError(f"{operation.kind} {operation.status}: {moving[:6]}")
            stored = await self._product.services.repository.load(NAME)
            due = stored.record.due_at if stored else None
            pause = (due - datetime.now(UTC)).total_seconds() if due else 0.0
            await asyncio.sleep(min(max(0.02, pause), 2.0))

    # -- looking ------------------------------------------------------------------------------------------------------

    def _expect(self, holds: bool, otherwise: str) -> None:
        if not holds:
            self._found.wrong.append(otherwise)

    def _ids(self) -> frozenset[str]:
        return frozenset(arm_id.lower() for arm_id in self._product.simulator.state())

    def _has_ended(self, operation: Operation) -> None:
        """Its steps too, and a failure says why."""
        open_steps = [step.key for step in operation.steps if not _over(step)]
        self._expect(not open_steps, f"{operation.kind} ended with open steps: {open_steps}")
        if operation.status is not OperationStatus.FAILED:
            self._expect(operation.status is OperationStatus.SUCCEEDED, f"{operation.kind} ended {operation.status}")
            return
        assert operation.error is not None
        named = operation.error.code in CAUSES and is_fatal(self._seed)
        steps = [(s.key, s.action, s.attempts, s.error) for s in operation.steps if s.status is StepStatus.FAILED]
        self._expect(named, f"{operation.kind} failed with {operation.error.code}: {operation.error.message} {steps}")

    def _is_whole(self, operation: Operation) -> None:
        """As declared, validated, and exactly what an undisturbed creation leaves."""
        assert self._undisturbed is not None
        self._expect(operation.status is OperationStatus.SUCCEEDED, f"{operation.kind} again: {operation.error}")
        failing = [(finding["controlId"], finding["resourceKey"]) for finding in self._product.failing()]
        self._expect(not failing, f"not as declared after {operation.kind}: {failing[:5]}")
        self._expect(self._product.plan()["isEmpty"], f"a plan after {operation.kind} is not empty")
        now = self._ids() - self._before
        lost, more = self._undisturbed["azure"] - now, now - self._undisturbed["azure"]
        self._expect(not lost, f"lost after {operation.kind}: {sorted(lost)[:5]}")
        self._expect(not more, f"doubled or orphaned after {operation.kind}: {sorted(more)[:5]}")
        inventory = {arm_id.lower() for arm_id in self._product.ids().values()}
        self._expect(inventory == self._undisturbed["inventory"], f"the inventory differs after {operation.kind}")
        self._expect(self._product.record().incarnation == 1, "a second incarnation")
        self._store_is_consistent()

    def _holds_what_is_there(self) -> None:
        """After a creation that failed: nothing is there that the inventory does not hold."""
        assert self._undisturbed is not None
        # Azure makes grants by itself, which nobody has adopted yet.
        made = (self._ids() - self._before) & {call["path"].lower() for call in self._product.writes()}
        strange = self._ids() - self._before - self._undisturbed["azure"]
        held = {arm_id.lower() for arm_id in self._product.ids().values()}
        self._expect(made <= held, f"made, and not in the inventory: {sorted(made - held)[:5]}")
        self._expect(not strange, f"orphaned: {sorted(strange)[:5]}")
        self._store_is_consistent()

    def _made_once(self) -> None:
        operations = self._product.simulator.control("GET", "operations")["value"]
        begun = Counter(one["resourceId"].lower() for one in operations if one["verb"] == "create")
        calls = self._product.simulator.calls(method="PUT", plane="arm", status=201)
        begun |= Counter(call["path"].lower() for call in calls if call["operation"] is None)
        twice = sorted(arm_id for arm_id, count in begun.items() if count > 1)
        self._expect(not twice, f"created twice: {twice[:5]}")

    def _count_early(self, calls: list[dict[str, Any]]) -> None:
        polls = [call for call in calls if call["early_poll"]]
        writes, self._product.patience.early = self._product.patience.early, []
        self._found.early_polls += len(polls)
        self._found.early_writes += len(writes)
        self._expect(not polls, f"early polls: {[(c['n'], c['method'], c['path'][-60:]) for c in polls[:3]]}")
        self._expect(not writes, f"early writes: {writes[:3]}")

    def _store_is_consistent(self, *, gone: bool = False) -> None:
        """One due row where the record says, no lease held, no operation that is not over."""
        rows = self._product.run(_everything(self._product.store.query))
        due = [row for row in rows if row.startswith("d!")]
        record = rows.get(f"w!{NAME}")
        self._expect((record is None) is gone, "the record is there" if gone else "the record is gone")
        if record is None:
            self._expect(not due, f"due rows of nothing: {due}")
        else:
            self._expect(len(due) == 1, f"due rows: {due}")
            self._expect(record.get("activeOperation") is None, "an operation is still the active one")
        held = self._product.run(self._product.services.repository.is_leased(NAME, datetime.now(UTC)))
        self._expect(not held or self._store is not None, "the lease is still held")
        unended = [row for row, value in rows.items() if row.startswith("o!") and value["status"] in _UNENDED]
        self._expect(not unended, f"operations that are not over: {unended}")


def _is_record(arm_id: str) -> bool:
    """Whether Azure keeps this of something soft-deleted, which the residue names by the id that it had."""
    kinds = ("/microsoft.keyvault/locations/", "/microsoft.machinelearningservices/softdeletedworkspaces/")
    return any(kind in arm_id for kind in kinds)


_UNENDED = ("NotStarted", "Running")


def _over(step: Any) -> bool:
    return step.status in (StepStatus.SUCCEEDED, StepStatus.FAILED, StepStatus.CANCELED)


async def _everything(query: Callable[..., Any]) -> dict[str, Any]:
    """Row → value of the partition of workspaces."""
    found: dict[str, Any] = {}
    continuation = None
    while True:
        page = await query(PARTITION, continuation=continuation)
        found |= {entity.row: entity.value for entity in page.entities}
        continuation = page.continuation
        if continuation is None:
            return found


@contextmanager
def chaos(folder: Path) -> Iterator[Chaos]:
    """A simulator and a product of their own."""
    with running_product(folder, time_scale=SCALE) as product:
        yield Chaos(product)
