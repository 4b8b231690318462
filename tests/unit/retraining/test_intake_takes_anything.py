"""Hints about a workspace of ours, with anything in any place: stored, refused or left alone; and each that was stored
can be decided, and retrains nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.errors import Rejected
from controlplane.retraining.model import Outcome
from controlplane.retraining.signals.alarm import alarm
from controlplane.retraining.signals.intake import hear
from tests.support.retraining_world import RetrainingWorld
from tests.unit.retraining.test_decoders_take_anything import HURRIED, each_text_broken, spoiled
from tests.unit.retraining.test_from_event_to_run import EAGER
from tests.unit.retraining.test_samples import ALERTS, EVENTS, load

_MADE = RetrainingWorld()


def ours(name: str) -> Any:
    """A sample of now, about the workspace of the world."""
    text = json.dumps(load(name))
    now, group = _MADE.clock.now().isoformat(), _MADE.known.workspace_id.partition("/providers/")[0]
    body = json.loads(text)
    if "data" in body and "essentials" in body["data"]:
        body["data"]["essentials"] |= {"firedDateTime": now, "alertTargetIDs": [f"{group}/providers/a/b/c"]}
        data = body["data"]["alertContext"].get("AlertData")
        if data:
            data["Scope"] = group
    else:
        said = {"topic": _MADE.known.workspace_id, "source": _MADE.known.workspace_id, "eventTime": now, "time": now}
        body |= {key: value for key, value in said.items() if key in body}
    return body


async def settled(world: RetrainingWorld) -> None:
    await world.tick()
    assert await world.runs() == ()
    assert all(one.outcome in (Outcome.NOTIFY, Outcome.IGNORE, Outcome.REFUSE) for one in await world.decisions())
    assert all(one.due_at is None for one in await world.signals())


@HURRIED
@given(st.sampled_from(sorted(EVENTS)).map(ours).flatmap(spoiled))
async def test_events(event: Any) -> None:
    if not isinstance(event, dict):
        return
    world = RetrainingWorld()
    await world.begin(EAGER)
    await hear(world.intake, event)
    await settled(world)


@HURRIED
@given(st.sampled_from(sorted(ALERTS)).map(ours).flatmap(spoiled))
async def test_alerts(body: Any) -> None:
    if not isinstance(body, dict):
        return
    world = RetrainingWorld()
    await world.begin(EAGER)
    try:
        await alarm(world.intake, body)
    except Rejected as error:
        assert error.code == "InvalidAlert"
    await settled(world)


@pytest.mark.parametrize("name", ["SYNTHESIZED-eventgrid-RunStatusChanged.modelmonitor-breach", *ALERTS])
async def test_half_characters_stop_nothing(name: str) -> None:
    world = RetrainingWorld()
    await world.begin(EAGER)
    for body in each_text_broken(ours(name)):
        try:
            await (hear if name in EVENTS else alarm)(world.intake, body)
        except Rejected as error:
            assert error.code == "InvalidAlert"
    await settled(world)
