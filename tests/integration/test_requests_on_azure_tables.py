"""Requests, lists, repetitions and the sweep with their rows in Azure Tables, on Azurite."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from email.utils import format_datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from controlplane.azure.storage_account import StorageAccount
from controlplane.azure.storage_connection import from_connection_string
from controlplane.azure.tables import AzureTableStore
from controlplane.operations.repeatability import KEPT
from controlplane.triggers.poison import run_poison
from controlplane.triggers.sweeps import SweepDeps, keep_up, wake_due
from controlplane.workspaces.healing import CareDeps
from controlplane.workspaces.upkeep import Failure, Upkeep
from tests.support.api import Api, running_api, spec
from tests.support.azurite import RunningAzurite
from tests.support.stores import new_name


@pytest.fixture
async def api(tmp_path: Path, azurite: RunningAzurite) -> AsyncIterator[Api]:
    account = StorageAccount(from_connection_string(azurite.connection_string))
    try:
        async with running_api(tmp_path, AzureTableStore(account, new_name("requests"))) as running:
            yield running
    finally:
        await account.close()


async def test_five_at_once_have_one_effect_and_one_answer(api: Api) -> None:
    await api.register()
    headers = {
        "Repeatability-Request-ID": "7f8d1f9e-0000-4000-8000-000000000001",
        "Repeatability-First-Sent": format_datetime(api.clock.now(), usegmt=True),
    }

    async def put() -> tuple[int, bytes]:
        answer = await api.call("PUT", "workspaces/churn-dev", spec(), headers=headers)
        return answer.status_code, answer.content

    answers = set(await asyncio.gather(*(put() for _ in range(5))))
    assert [status for status, _ in answers] == [201]
    assert {await put()} == answers
    assert len((await api.call("GET", "operations")).json()["value"]) == 1
    api.clock.advance(KEPT.total_seconds() + 1)
    assert await Upkeep(api.services.repository.store).forget_answers(api.clock.now()) == 1


async def test_lists_go_on_where_they_were(api: Api) -> None:
    await api.register("churn", "fraud")
    names = [f"ws-{number}" for number in range(5)]
    for number, name in enumerate(names):
        project = ("churn", "fraud")[number % 2]
        await api.create(name, project=project, address_space=f"10.{40 + number}.0.0/22")
    for token, wanted in ((None, names), (api.member("churn", "Approver"), names[::2])):
        for query in ({}, {"filter": "state eq 'Converging'"}):
            found: list[str] = []
            page = {"maxpagesize": "2", **query}
            while page:
                answer = (await api.call("GET", "workspaces", token=token, **page)).json()
                found += [item["name"] for item in answer["value"]]
                link = urlsplit(answer.get("nextLink", "")).query
                page = {name: values[0] for name, values in parse_qs(link).items()}
            assert found == wanted


async def test_what_five_ticks_failed_at_ends_and_rests(api: Api) -> None:
    await api.register()
    operation_id = await api.create()
    repository, clock = api.services.repository, api.clock
    upkeep = Upkeep(repository.store)
    sweep = SweepDeps(repository, api.queue, clock, clock, upkeep)
    assert (await wake_due(sweep), await keep_up(sweep)) == (1, 0)
    clock.advance(60)
    await upkeep.note_failure("churn-dev", Failure("KaputtError", "The house burns.", "c0ffee", clock.now()))
    message = json.dumps({"kind": "workspace", "name": "churn-dev"}).encode()
    for _ in range(2):
        await run_poison(message, CareDeps(repository, upkeep, clock, clock))
    ended = (await api.call("GET", f"operations/{operation_id}")).json()
    assert (ended["status"], ended["error"]["code"]) == ("Failed", "TickFailedRepeatedly")
    assert ended["error"]["details"][0]["code"] == "KaputtError"
    assert (await wake_due(sweep), await keep_up(sweep)) == (0, 0)
    assert (await api.call("PUT", "workspaces/churn-dev", spec())).status_code == 202
