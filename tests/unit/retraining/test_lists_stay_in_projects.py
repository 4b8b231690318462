"""What is listed of a workspace is its project's, whoever had the name before."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from controlplane.objects.repository import put
from controlplane.operations.paging import Operator, Paging, Term
from controlplane.projects.access import Caller, Permission
from controlplane.retraining.services.deps import listed
from controlplane.retraining.signal import Signal, SignalKind, Source, signal_id
from tests.support.api import GROUPS, Api, running_api


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    async with running_api(tmp_path) as running:
        await running.register("churn", "fraud")
        yield running


def member(project: str) -> Caller:
    return Caller("tenant", project, frozenset(), frozenset({GROUPS[project, "Workspace.Reader"]}))


async def plant(api: Api, project: str, key: str) -> str:
    now = api.clock.now()
    signal = Signal(
        id=signal_id("team-one", key),
        workspace="team-one",
        project=project,
        kind=SignalKind.CUSTOM,
        source=Source.PERSON,
        dedupe_key=key,
        observed_at=now,
        received_at=now,
    )
    await api.services.for_models().objects.commit(put(None, signal))
    return signal.id


async def seen(api: Api, caller: Caller, *terms: Term) -> list[str]:
    asked = (Signal, Permission.OPERATIONS_LIST)
    found, _ = await listed(api.services.for_models(), caller, asked, Paging(terms=terms))
    return [one.id for one in found]


async def test_of_a_name_that_another_project_had_nothing_is_listed(api: Api) -> None:
    theirs = await plant(api, "fraud", "before")
    api.clock.advance(60)
    mine = await plant(api, "churn", "now")
    await api.create("team-one")
    by_name = Term("workspace", Operator.EQ, "team-one")
    assert await seen(api, member("churn"), by_name) == [mine]
    assert await seen(api, member("churn")) == [mine]
    assert await seen(api, member("fraud"), by_name) == []
    assert await seen(api, member("fraud")) == [theirs]
    assert await seen(api, Caller("tenant", "eve"), by_name) == []
