"""How long an operation may take."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from controlplane.operations.model import OperationKind
from controlplane.workspaces import kinds as k
from controlplane.workspaces.deadlines import CEILING, FACTOR, FLOOR, time_for
from controlplane.workspaces.durations import expected_seconds
from controlplane.workspaces.model import Action, Blueprint
from tests.support.tick_world import SUBSCRIPTION, World, resource


def chain(length: int) -> Blueprint:
    """Clusters that need one another."""
    clusters = tuple(
        resource(f"c{n}", k.COMPUTE, f"/subscriptions/x/c{n}", (f"c{n - 1}",) if n else ()) for n in range(length)
    )
    return Blueprint("ws", SUBSCRIPTION, "westeurope", clusters, ())


@pytest.mark.parametrize("kind", OperationKind)
def test_it_lies_between_floor_and_ceiling(kind: OperationKind) -> None:
    for length in (0, 1, 20, 1000):
        assert FLOOR <= time_for(chain(length), kind) <= CEILING
    assert time_for(chain(0), kind) == FLOOR
    assert time_for(chain(1000), kind) == CEILING
    assert time_for(World().blueprint(), kind) == FLOOR


def test_between_them_it_grows_with_the_longest_chain() -> None:
    one = expected_seconds(k.COMPUTE, Action.CREATE)
    length = int(FLOOR.total_seconds() / FACTOR / one) + 3
    wanted = timedelta(seconds=FACTOR * length * one)
    assert time_for(chain(length), OperationKind.CREATE) == wanted
    beside = chain(length)
    wide = replace(beside, resources=(*beside.resources, resource("lone", k.COMPUTE, "/subscriptions/x/lone", ())))
    assert time_for(wide, OperationKind.CREATE) == wanted, "what goes on beside it costs no time"
    assert time_for(chain(length), OperationKind.UPDATE) > wanted, "an update may have to replace"
