"""People's roles end with the project when that was told for a fortnight, and never before."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta

import pytest

from controlplane.governance.expiry.model import AccessNotice
from controlplane.governance.expiry.project_end import is_over, noticed
from tests.support.expiry_world import DAY, ExpiryWorld
from tests.unit.governance.expiry.test_expiry_ticks import days, play

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
TOLD = "ControlPlane.Expiry.AccessEnds"


def ends(project: list[date], step: timedelta = DAY, most: int = 60) -> int | None:
    """After how many looks roles end. ``project``: the last day at each look; the last one stays."""
    notice: AccessNotice | None = None
    for number in range(most):
        end, now = project[min(number, len(project) - 1)], NOW + number * step
        notice = noticed(notice, end, now)
        if is_over(notice, end, now, ended=False):
            return number
    return None


def test_an_end_that_is_near_is_told_for_its_whole_time() -> None:
    assert ends([date(2026, 11, 3)]) == 14
    assert ends([date(2026, 11, 15)]) == 14
    assert ends([date(2026, 11, 30)]) == 29


def test_an_end_that_is_moved_earlier_is_told_anew() -> None:
    assert ends([date(2026, 11, 14)] * 10 + [date(2026, 11, 5)]) == 24
    assert ends([date(2026, 11, 14)] * 10 + [date(2026, 11, 16)]) == 15


def test_a_clock_that_leaps_ends_nothing_sooner() -> None:
    assert ends([date(2026, 11, 3)], step=timedelta(days=100)) == 13  # 26 hours of each are counted
    assert ends([date(2026, 11, 3)], step=timedelta(hours=6)) == 56


def test_roles_that_ended_stay_so_whatever_was_told() -> None:
    later = NOW + 300 * DAY
    assert is_over(None, date(2026, 11, 3), later, ended=True)
    assert not is_over(None, date(2026, 11, 3), later, ended=False)
    assert not is_over(None, None, later, ended=True)


@pytest.mark.parametrize("ended", [False, True])
def test_a_typo_of_a_year_takes_nobodys_roles_in_the_first_look(ended: bool) -> None:
    async def scene(world: ExpiryWorld) -> None:
        await world.register("2020-01-01")  # stored before days that are over were refused
        await world.look()
        found = await days(world, 13)
        record = await world.record()
        assert (record.active_operation, record.access_ended) == (None, False)
        assert found.access_notice is not None
        assert (await world.told()).count(TOLD) == 1
        if ended:
            await asyncio.sleep(DAY.total_seconds())
            await world.look()
            assert (await world.record()).access_ended

    play(scene, rule=None, project_end="2027-12-31")


def test_roles_come_back_when_the_project_has_no_end_any_more() -> None:
    async def scene(world: ExpiryWorld) -> None:
        await world.look()
        await days(world, 14)
        await world.settle_workspace()
        assert (await world.record()).access_ended
        await world.register(None)
        await days(world, 1)
        await world.settle_workspace()
        assert not (await world.record()).access_ended

    play(scene, rule=None, project_end="2026-11-03")
