"""What could not be read is unknown, also where something beside it is harmlessly busy: it may be at work."""

from __future__ import annotations

from typing import Any

import pytest

from controlplane.arm import fold
from controlplane.errors import Transient
from controlplane.governance.expiry.archive import ArchiveState
from controlplane.governance.expiry.clues import CAPACITY, REQUESTS
from controlplane.governance.expiry.model import Stage, Verdict
from tests.support.expiry_world import DAY, ExpiryWorld
from tests.unit.governance.expiry.test_archive_again import DATED, to_archiving
from tests.unit.governance.expiry.test_expiry_evidence import Change, seen
from tests.unit.governance.expiry.test_expiry_ticks import days, play
from tests.unit.governance.expiry.test_last_day_in_use import nodes, to_asked, yes


def new_endpoint(world: ExpiryWorld, requests: float | None = 0.0) -> None:
    arm_id = world.endpoint("new", requests=requests)
    world.world.azure.resources[fold(arm_id)]["systemData"]["createdAt"] = (world.now - DAY / 8).isoformat()


def silent(world: ExpiryWorld) -> None:
    new_endpoint(world)
    world.endpoint("silent", requests=None)


def requests_away(world: ExpiryWorld) -> None:
    new_endpoint(world)
    world.metrics.failed[fold(f"{world.workspace}/onlineEndpoints/churn")] = REQUESTS


def new_and_silent(world: ExpiryWorld) -> None:
    new_endpoint(world, requests=None)


def new_and_uncontrolled(world: ExpiryWorld) -> None:
    new_endpoint(world)
    for deployment in ("blue", "green"):
        arm_id = f"{world.workspace}/onlineEndpoints/new/deployments/{deployment}"
        world.metrics.values[fold(arm_id)].pop(CAPACITY)


def metrics_away(world: ExpiryWorld) -> None:
    new_endpoint(world)
    world.metrics.away = True


def uncounted(world: ExpiryWorld) -> None:
    nodes(world, running=0, idle=1)
    shown: dict[str, Any] = {"computeType": "AmlCompute", "properties": {}, "provisioningState": "Succeeded"}
    world.world.azure.plant(f"{world.workspace}/computes/gpu", properties=shown)


def stateless(world: ExpiryWorld) -> None:
    world.instance("Failed")
    world.instance("", "grace")


PAIRS: dict[str, tuple[Change, str, str]] = {
    "an endpoint without samples beside a new one": (silent, "endpoints", "silent"),
    "requests that failed beside a new one": (requests_away, "endpoints", "churn"),
    "a new endpoint that nobody measured": (new_and_silent, "endpoints", "new is new"),
    "a new endpoint whose silence nothing proves": (new_and_uncontrolled, "endpoints", "new is new"),
    "metrics that are away beside a new one": (metrics_away, "endpoints", "ServiceUnavailable"),
    "a cluster without a count beside a node that waits": (uncounted, "clusters", "gpu"),
    "an instance without a state beside a broken one": (stateless, "instances", "grace"),
}


@pytest.mark.parametrize("name", PAIRS)
def test_what_is_busy_hides_nothing_that_could_not_be_read(name: str) -> None:
    change, clue, said = PAIRS[name]
    evidence = seen(change, after="P1D")
    (found,) = [one for one in evidence.clues if one.name == clue]
    assert (found.verdict, evidence.verdict, evidence.working) == (Verdict.BUSY, Verdict.BUSY, ())
    assert any(said in one for one in evidence.unread), evidence


def test_a_new_endpoint_that_was_seen_not_to_be_called_was_read() -> None:
    evidence = seen(new_endpoint, after="P1D")
    assert (evidence.verdict, evidence.unread) == (Verdict.BUSY, ())


def test_a_last_day_waits_for_what_could_not_be_read_beside_what_is_busy() -> None:
    async def scene(world: ExpiryWorld) -> None:
        silent(world)
        await to_asked(world)
        await yes(world)
        new = world.world.azure.resources[fold(f"{world.workspace}/onlineEndpoints/new")]
        for _ in range(5):
            new["systemData"]["createdAt"] = (world.now + DAY * 7 / 8).isoformat()
            held = await days(world, 1)
        assert (held.stage, held.evidence is not None and held.evidence.verdict) == (Stage.GRACE, Verdict.BUSY)
        assert any("silent has too few samples" in one for one in held.reasons)

    play(scene, rule=DATED)


def test_the_look_before_the_first_write_sees_it_too() -> None:
    async def scene(world: ExpiryWorld) -> None:
        arm_id = world.endpoint()
        await to_archiving(world)
        silent(world)
        await world.tick()
        archive = await world.archive()
        assert (archive.state, archive.kept) == (ArchiveState.STORING, ())
        assert archive.problem is not None and archive.problem.code == "IdlenessUnknown"
        assert "silent has too few samples" in archive.problem.message
        assert fold(arm_id) in world.world.azure.resources

    play(scene, rule=DATED)


def test_a_read_that_failed_is_named() -> None:
    def away(world: ExpiryWorld) -> None:
        gone = Transient("ConnectionLost", "gone", retry_after=1)
        world.world.azure.fail("LIST", f"{world.workspace}/computes", lambda: gone, times=9)

    assert any("ConnectionLost" in one for one in seen(away).unread)
