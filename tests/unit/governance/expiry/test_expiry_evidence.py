"""Evidence of idleness: positive, complete, counted; what fails or is thin is unknown, and unknown is not idle."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from controlplane.arm import fold
from controlplane.errors import Rejected, Transient
from controlplane.governance.expiry.clues import CONTROL, CORES, REQUESTS, Past
from controlplane.governance.expiry.look import look
from controlplane.governance.expiry.model import Evidence, Verdict
from controlplane.retraining.known import known
from tests.support.expiry_world import DAY, ExpiryWorld, meaning
from tests.support.virtual_time import run

Change = Callable[[ExpiryWorld], object]


def seen(change: Change | None = None, *, after: str = "P30D") -> Evidence:
    async def play() -> Evidence:
        made = ExpiryWorld()
        with meaning(made):
            await made.begin()
            made.endpoint()
            made.cluster(0)
            made.instance("Stopped")
            made.job("old", "Completed", made.now - 60 * DAY)
            if change is not None:
                change(made)
            found = known(await made.record())
            return await look((made.deps.reader, made.deps.polls), found, after, made.now)

    return run(play())


def told(evidence: Evidence, name: str) -> Verdict:
    (found,) = [one.verdict for one in evidence.clues if one.name == name]
    return found


def test_all_that_says_idle_is_idle_in_eight_calls() -> None:
    evidence = seen()
    assert evidence.verdict is Verdict.IDLE, evidence
    assert evidence.calls == 8
    assert [one.name for one in evidence.clues] == [
        "age", "clusters", "instances", "jobs", "endpoints", "earlierLooks", "activeCores", "serverlessEndpoints",
    ]  # fmt: skip


def by_token(world: ExpiryWorld) -> None:
    world.world.azure.plant(f"{world.workspace}/serverlessEndpoints/llama", properties={"authMode": "Key"})


def young(world: ExpiryWorld) -> None:
    world.world.azure.body(world.workspace)["systemData"]["createdAt"] = (world.now - 10 * DAY).isoformat()


def coming(world: ExpiryWorld) -> None:
    world.cluster(0)
    world.world.azure.body(f"{world.workspace}/computes/cpu")["properties"]["properties"]["targetNodeCount"] = 1


def new_endpoint(world: ExpiryWorld) -> None:
    made = (world.now - DAY).isoformat()
    world.world.azure.body("/onlineendpoints/churn")["systemData"]["createdAt"] = made


BUSY: dict[str, tuple[Change, str]] = {
    "a node": (lambda w: w.cluster(1), "clusters"),
    "a node on its way": (coming, "clusters"),
    "an instance that runs": (lambda w: w.instance("Running"), "instances"),
    "an instance that starts": (lambda w: w.instance("Starting"), "instances"),
    "a job that runs": (lambda w: w.job("long", "Running", w.now - 90 * DAY), "jobs"),
    "a job that ended lately": (lambda w: w.job("late", "Failed", w.now - 5 * DAY), "jobs"),
    "a call": (lambda w: w.endpoint(requests=0.1), "endpoints"),
    "an endpoint that is new": (new_endpoint, "endpoints"),
    "a workspace that is new": (young, "age"),
    "cores": (lambda w: w.active(4.0), "activeCores"),
}


@pytest.mark.parametrize("name", BUSY)
def test_each_sign_of_use_is_use(name: str) -> None:
    change, clue = BUSY[name]
    evidence = seen(change)
    assert (evidence.verdict, told(evidence, clue)) == (Verdict.BUSY, Verdict.BUSY), evidence


def strange(world: ExpiryWorld) -> None:
    world.world.azure.plant(f"{world.workspace}/computes/odd", properties={"properties": {}})


def attached(world: ExpiryWorld) -> None:
    """They say nothing of nodes or of a state, as nothing that is attached has to."""
    for kind in ("Kubernetes", "VirtualMachine", "Databricks", "SynapseSpark", "AmlCompute", "ComputeInstance"):
        properties = {"computeType": kind, "isAttachedCompute": True, "properties": {}}
        world.world.azure.plant(f"{world.workspace}/computes/{kind}", properties=properties)


def refused(path: str) -> Change:
    def fail(world: ExpiryWorld) -> None:
        error = Rejected("AuthorizationFailed", "No.", status=403)
        world.world.azure.fail("LIST", f"{world.workspace}{path}", lambda: error, times=99)

    return fail


def no_control(world: ExpiryWorld) -> None:
    world.metrics.values[fold(world.workspace)] = {}


def not_answered(world: ExpiryWorld) -> None:
    del world.metrics.values[fold(world.workspace)]


def failed(metric: str, of: str = "") -> Change:
    def fail(world: ExpiryWorld) -> None:
        world.metrics.failed[fold(f"{world.workspace}{of}")] = metric

    return fail


def thin(world: ExpiryWorld) -> None:
    world.metrics.coverage = 0.89


def away(world: ExpiryWorld) -> None:
    world.metrics.away = True


UNKNOWN: dict[str, tuple[Change, str]] = {
    "computes that cannot be read": (refused("/computes"), "clusters"),
    "jobs that cannot be read": (refused("/jobs"), "jobs"),
    "an endpoint by the token, whose calls nobody shows": (by_token, "serverlessEndpoints"),
    "endpoints by the token that cannot be read": (refused("/serverlessEndpoints"), "serverlessEndpoints"),
    "endpoints that cannot be read": (refused("/onlineEndpoints"), "endpoints"),
    "an endpoint without samples": (lambda w: w.endpoint("silent", requests=None), "endpoints"),
    "a compute that does not say what it is": (strange, "instances"),
    "cores without a control": (no_control, "activeCores"),
    "a workspace that Azure does not answer": (not_answered, "activeCores"),
    "cores that failed": (failed(CORES), "activeCores"),
    "a control that failed": (failed(CONTROL), "activeCores"),
    "an endpoint's requests that failed": (failed(REQUESTS, "/onlineEndpoints/churn"), "endpoints"),
    "samples of less than nine tenths": (thin, "activeCores"),
    "metrics that are away": (away, "activeCores"),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_is_not_known_is_not_idle(name: str) -> None:
    change, clue = UNKNOWN[name]
    evidence = seen(change)
    assert (evidence.verdict, told(evidence, clue)) == (Verdict.UNKNOWN, Verdict.UNKNOWN), evidence


def test_nine_tenths_are_enough() -> None:
    def nearly(world: ExpiryWorld) -> None:
        world.metrics.coverage = 0.91

    assert seen(nearly).verdict is Verdict.IDLE


def test_what_is_attached_says_nothing_of_idleness() -> None:
    """An archive leaves it: what no look can read of it keeps no workspace for ever."""
    evidence = seen(attached)
    assert (evidence.verdict, evidence.unread) == (Verdict.IDLE, ()), evidence


def test_zeros_of_cores_are_zero_too() -> None:
    def zeros(world: ExpiryWorld) -> None:
        world.metrics.values[fold(world.workspace)] = {CONTROL: 3.0, CORES: 0.0}

    assert seen(zeros).verdict is Verdict.IDLE


def test_an_estate_that_takes_too_many_calls_is_unknown() -> None:
    def many(world: ExpiryWorld) -> None:
        for number in range(80):
            world.endpoint(f"e{number}")

    evidence = seen(many)
    assert (evidence.verdict, evidence.calls) == (Verdict.UNKNOWN, 6)


def test_what_an_earlier_look_saw_run_is_use_until_the_period_is_over() -> None:
    async def play(before: timedelta) -> Verdict:
        made = ExpiryWorld()
        with meaning(made):
            await made.begin()
            found, ports = known(await made.record()), (made.deps.reader, made.deps.polls)
            return (await look(ports, found, "P30D", made.now, Past(busy_at=made.now - before))).verdict

    assert run(play(29 * DAY)) is Verdict.BUSY
    assert run(play(31 * DAY)) is Verdict.IDLE


def test_a_store_of_faults_is_no_error() -> None:
    def lost(world: ExpiryWorld) -> None:
        for method in ("GET", "LIST"):
            world.world.azure.fail(method, "", lambda: Transient("ConnectionLost", "gone", retry_after=1), times=99)

    evidence = seen(lost)
    assert evidence.verdict is Verdict.UNKNOWN
    assert {one.verdict for one in evidence.clues} == {Verdict.UNKNOWN, Verdict.IDLE}
