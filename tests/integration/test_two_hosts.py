"""Two function hosts on one store: who is stopped in the middle of a PUT does no harm, then or when it goes on."""

from __future__ import annotations

import os
import re
import signal
import time
from collections import Counter
from pathlib import Path

from tests.support.two_hosts import Estate, several_hosts

LEASE_SECONDS = 3.0
WORKSPACES = 20


def hold(estate: Estate, name: str) -> None:
    """The PUT of a workspace's storage account waits before it takes effect."""
    estate.hold(f"/resourceGroups/rg-churn-{name}/providers/Microsoft.Storage/storageAccounts/[^/]+$")


def assert_one_effect_each(estate: Estate) -> None:
    ended = {name: estate.operation(name) for name in estate.operations}
    assert {name: one["status"] for name, one in ended.items() if one["status"] != "Succeeded"} == {}
    assert estate.doubled() == []
    inventories = {name: estate.inventory(name) for name in estate.operations}
    usual = Counter(frozenset(found.items()) for found in inventories.values()).most_common(1)[0][0]
    assert sum(dict(usual).values()) > 40
    unusual = {name: sorted(usual ^ found.items()) for name, found in inventories.items()}
    assert {name: kinds for name, kinds in unusual.items() if kinds} == {}, "missing somewhere, or left over"


def test_a_host_that_is_stopped_inside_a_put_for_twice_its_lease(tmp_path: Path) -> None:
    """The PUT takes effect when the other host has taken over; ``tests/crash`` has what happens when it is there."""
    with several_hosts(tmp_path, store="azure", lease_seconds=LEASE_SECONDS) as estate:
        names = [f"two-{number:02d}" for number in range(WORKSPACES)]
        held = names[WORKSPACES // 2]
        hold(estate, held)
        estate.create(names)
        estate.until_held()
        worker = estate.owner(held)
        assert worker is not None
        os.kill(worker, signal.SIGSTOP)
        try:
            stopped = time.monotonic()
            # The other host takes it over once it has a slot free for it; only then has the PUT its effect.
            estate.until(lambda: (estate.wake(), estate.owner(held) not in (None, worker))[1], every=0.5)
            estate.release()
            time.sleep(max(0.0, 2 * LEASE_SECONDS - (time.monotonic() - stopped)))
        finally:
            os.kill(worker, signal.SIGCONT)
        # What it has to say now is refused, be it by the lease or by the ETag of the row it would write; or a
        # connection that died in its sleep ends it.
        gave_way = rf"tick gave way workspace={held} code=(LeaseLost|UpdateConditionNotSatisfied)"
        refused = re.compile(rf"{gave_way}|tick raised workspace={held} ")
        estate.until(lambda: refused.search(estate.log(estate.host_of(worker))), about=held)
        estate.finish()
        assert_one_effect_each(estate)
        assert estate.plan(held) == []


def test_a_worker_that_is_killed_inside_a_put_is_followed_by_another(tmp_path: Path) -> None:
    with several_hosts(tmp_path, store="sqlite", count=1, lease_seconds=LEASE_SECONDS) as estate:
        hold(estate, "killed")
        estate.create(["killed", "beside"])
        estate.until_held()
        worker = estate.owner("killed")
        assert worker is not None
        os.kill(worker, signal.SIGKILL)
        estate.release()
        estate.finish()
        assert_one_effect_each(estate)
        assert estate.plan("killed") == []
