"""Windows that no event told of: recorded once, in whatever order, without a decision."""

from __future__ import annotations

import asyncio
import itertools
from datetime import timedelta

import pytest

from controlplane.objects.repository import put
from controlplane.retraining.model import Window, WindowVerdict
from controlplane.retraining.signal import SignalKind
from controlplane.retraining.signals.intake import hear
from controlplane.retraining.signals.windows import record_window
from tests.support.clock import START
from tests.support.retraining_world import DRIFT, MONITOR, RetrainingWorld
from tests.unit.retraining.test_admission import Slow
from tests.unit.retraining.test_from_event_to_run import EAGER


def window(day: int, verdict: WindowVerdict = WindowVerdict.CLEAR) -> Window:
    return Window(
        monitor=MONITOR, signal_name=DRIFT, kind=SignalKind.DATA_DRIFT, at=START + timedelta(days=day), verdict=verdict
    )


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
async def test_they_are_one_window_each_in_any_order(order: tuple[int, ...]) -> None:
    world = RetrainingWorld()
    await world.begin(EAGER)
    for day in order:
        assert await record_window(world.objects, world.known, "churn", window(day, WindowVerdict.UNKNOWN))
        assert await record_window(world.objects, world.known, "churn", window(day))
        assert not await record_window(world.objects, world.known, "churn", window(day, WindowVerdict.UNKNOWN))
        assert not await record_window(world.objects, world.known, "churn", window(day))
    state = (await world.state()).value
    assert state.windows == tuple(window(day) for day in range(3))
    assert state.policy is not None, "the policy is in the same row"
    assert await world.signals() == await world.decisions() == ()


async def test_a_breach_is_no_mere_window_and_is_not_taken_back() -> None:
    world = RetrainingWorld()
    await world.begin(EAGER)
    with pytest.raises(ValueError, match="signal"):
        await record_window(world.objects, world.known, "churn", window(0, WindowVerdict.BREACH))
    await hear(world.intake, world.breach("step"))
    await world.tick()
    (known,) = (await world.state()).value.windows
    assert not await record_window(
        world.objects, world.known, "churn", known.model_copy(update={"verdict": WindowVerdict.CLEAR})
    )
    assert (await world.state()).value.windows == (known,)


async def test_a_model_without_a_row_and_one_of_a_workspace_that_is_gone_begin_anew() -> None:
    world = RetrainingWorld()
    await world.begin(EAGER)
    assert await record_window(world.objects, world.known, "other", window(0))
    assert (await world.state("other")).value.windows == (window(0),)
    stored = await world.state()
    older = stored.value.model_copy(update={"incarnation": 0, "windows": (window(5),)})
    await world.objects.commit(put(stored, older))
    assert await record_window(world.objects, world.known, "churn", window(0))
    state = (await world.state()).value
    assert (state.incarnation, state.windows, state.policy) == (1, (window(0),), None)


async def test_two_polls_at_once_lose_no_window() -> None:
    world = RetrainingWorld(store=Slow())
    await world.begin(EAGER)
    many = (record_window(world.objects, world.known, "churn", window(day)) for day in range(6))
    assert all(await asyncio.gather(*many))
    assert (await world.state()).value.windows == tuple(window(day) for day in range(6))
