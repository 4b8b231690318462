"""Promotions, steps and events against the simulator, by the product's adapters with the operator's own rights."""

# ruff: noqa: F811  (pytest's fixtures are named by their parameters)

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from controlplane.azure.arm_client import ArmClient
from controlplane.azure.reader import ArmReader
from controlplane.azure.topics import TopicTokens
from controlplane.azure.writer import ArmWriter
from controlplane.delivery.notifier import ChannelNotifier
from controlplane.errors import Rejected
from controlplane.notifications.channels import Channel
from controlplane.objects.repository import of_workspace
from controlplane.promotion.facts import told_of
from controlplane.promotion.intake import promotion_of
from controlplane.promotion.model import Promotion
from controlplane.promotion.poll import Found, lost_versions
from controlplane.retraining.parts import parts
from controlplane.retraining.remediation.model import Remediation, RemediationPolicy
from controlplane.retraining.signal import Evidence, Signal, SignalKind, Source, signal_id
from controlplane.retraining.signals.intake import hear
from controlplane.retraining.tasks import Task, TaskState
from tests.support.clock import FrozenClock
from tests.support.monitored import Monitored
from tests.support.own_roles import FOLLOWING, role
from tests.support.retraining_world import RetrainingWorld
from tests.support.simulator import RunningSimulator, simulator, simulator_process  # noqa: F401

ROLES = "Microsoft.Authorization/roleDefinitions"
#: "EventGrid Data Sender": https://learn.microsoft.com/azure/role-based-access-control/built-in-roles
SENDER = "d5a91429-5739-47e2-a06b-3470a27159e7"


@pytest.fixture(autouse=True)
def environment(simulator: RunningSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "IDENTITY_ENDPOINT", "IDENTITY_HEADER"):
        monkeypatch.setenv(name, simulator.env[name])


@pytest.fixture
async def world(simulator: RunningSimulator) -> AsyncIterator[RetrainingWorld]:
    made = RetrainingWorld(clock=FrozenClock(datetime.now(UTC)))
    # What is listed of before the workspace was ours is nobody's promotion.
    made.record = made.record.model_copy(update={"created_at": datetime(2020, 1, 1, tzinfo=UTC)})
    arm = ArmClient(simulator.env["ARM_ENDPOINT"], simulator.env["OPERATOR_CLIENT_ID"])
    made.deps = replace(made.deps, reader=ArmReader(arm), writer=ArmWriter(arm))
    made.machines = replace(made.machines, parts=parts(made.deps))
    await made.begin()
    yield made
    await arm.close()


@pytest.fixture
def azure(simulator: RunningSimulator, world: RetrainingWorld) -> Iterator[Monitored]:
    made = Monitored(simulator)
    made.workspace = world.known.workspace_id
    made.group = made.workspace.partition("/providers/")[0]
    made.logs = f"{made.group}/providers/Microsoft.OperationalInsights/workspaces/logs"
    try:
        made.build()
        yield made
    finally:
        made.http.close()


def event(world: RetrainingWorld) -> dict[str, Any]:
    return {
        "topic": world.known.workspace_id,
        "eventType": "Microsoft.MachineLearningServices.ModelRegistered",
        "eventTime": world.clock.now().isoformat(),
        "id": "e",
        "subject": "models/churn:1",
        "data": {"ModelName": "churn", "ModelVersion": 1},
    }


async def promotions(world: RetrainingWorld) -> tuple[Promotion, ...]:
    return (await world.objects.page(Promotion, of_workspace(Promotion, "ws"))).values


async def test_a_version_is_read_back_from_azure(world: RetrainingWorld, azure: Monitored) -> None:
    await hear(world.intake, event(world))
    await world.tick()
    (found,) = await promotions(world)
    assert found.lineage is not None
    assert found.lineage.created_at is not None
    assert {one.name: one.verdict for one in found.requirements}["available"] == "holds"


async def test_a_version_of_which_no_event_told_is_found(world: RetrainingWorld, azure: Monitored) -> None:
    world.clock.advance(60)
    assert [one.reason for one in (await lost_versions(world.deps, world.known)).taken] == ["stored"]
    assert await lost_versions(world.deps, world.known) == Found(())
    assert [(one.model, one.version) for one in await promotions(world)] == [("churn", "1")]


async def slow(world: RetrainingWorld) -> Task:
    """The endpoint is slow, and a step is allowed."""
    await world.register()
    policy = RemediationPolicy.model_validate({"maxInstances": 3})
    await world.add(Remediation(id="ws", incarnation=1, project="churn", policy=policy, generation=1))
    now = world.clock.now()
    signal = Signal(
        id=signal_id("ws", "k"), due_at=now, workspace="ws", project="churn", kind=SignalKind.LATENCY,
        source=Source.POLL, dedupe_key="k", observed_at=now, received_at=now,
        target=f"{world.known.workspace_id.lower()}/onlineendpoints/churn", evidence=Evidence(read_back=True),
    )  # fmt: skip
    await world.add(signal)
    await world.tick()
    return (await world.objects.require(Task, signal.id)).value


async def test_a_slow_endpoint_gets_an_instance(world: RetrainingWorld, azure: Monitored) -> None:
    task = await slow(world)
    blue = f"{azure.workspace}/onlineEndpoints/churn/deployments/blue"
    for _ in range(20):
        if task.state is not TaskState.ACTING:
            break
        azure.running.control("PUT", "clock", json={"advanceSeconds": 60, "azure": True})
        world.clock.advance(60)
        await world.tick()
        task = (await world.objects.require(Task, task.id)).value
    assert (task.state, task.error) == (TaskState.DONE, None)
    shown = azure.call("GET", blue).json()
    assert (shown["sku"]["capacity"], shown["properties"]["instanceType"]) == (3, "Standard_DS3_v2")
    green = azure.call("GET", blue.replace("blue", "green")).json()
    assert green["sku"]["capacity"] == 2


@pytest.mark.parametrize("missing", sorted(FOLLOWING))
async def test_without_a_right_it_is_said(world: RetrainingWorld, azure: Monitored, missing: str) -> None:
    without(azure, missing)
    task = await slow(world)
    assert (task.state, task.error.code if task.error else None) == (TaskState.FAILED, "AuthorizationFailed")


async def test_what_may_not_be_read_is_not_judged(world: RetrainingWorld, azure: Monitored) -> None:
    without(azure, "Microsoft.MachineLearningServices/workspaces/models/versions/read")
    await hear(world.intake, event(world))
    await world.tick()
    (found,) = await promotions(world)
    assert (found.lineage, found.reason) == (None, "It could not be read: AuthorizationFailed.")


def without(azure: Monitored, missing: str) -> None:
    found, scope, query = role("role-operator"), azure.running.subscription, {"api-version": "2022-04-01"}
    listed = azure.http.get(f"{scope}/providers/{ROLES}", params=query).json()["value"]
    name = next(one["name"] for one in listed if one["properties"]["roleName"] == found["Name"])
    body = {
        "roleName": found["Name"], "type": "CustomRole", "description": found["Description"],
        "assignableScopes": [scope], "permissions": [{"actions": [one for one in found["Actions"] if one != missing]}],
    }  # fmt: skip
    url = f"{scope}/providers/{ROLES}/{name}"
    azure.http.put(url, params=query, json={"properties": body}).raise_for_status()


async def test_a_topic_takes_what_the_operator_may_send(world: RetrainingWorld, azure: Monitored) -> None:
    """By identity and role; without the role it is refused, and tried again later."""
    env, host = azure.running.env, httpx.URL(azure.running.url)
    topic = f"{azure.group}/providers/Microsoft.EventGrid/topics/told"
    schema = {"inputSchema": "CloudEventSchemaV1_0", "disableLocalAuth": True}
    made = azure.put(topic, {"location": "westeurope", "properties": schema})
    channel = Channel.model_validate({"name": "grid", "kind": "eventGrid", "url": made["properties"]["endpoint"]})
    tokens = TopicTokens(env["OPERATOR_CLIENT_ID"], "AzureCloud", (f"{host.host}:{host.port}",))
    notifier = ChannelNotifier((channel,), {}, tokens.token, azure.running.context())
    told = told_of(promotion_of(world.known, ("churn", "1"), world.clock.now()), world.clock.now())
    try:
        with pytest.raises(Rejected) as refused:
            await notifier.send(channel, told, world.clock.now())
        assert refused.value.status == 401
        grant(azure, topic)
        await notifier.send(channel, told, world.clock.now())
    finally:
        await notifier.close()
        await tokens.close()


def grant(azure: Monitored, scope: str) -> None:
    definition = f"{azure.running.subscription}/providers/{ROLES}/{SENDER}"
    who = azure.running.control("GET", "settings")["principals"]["operator"]
    grants = {"roleDefinitionId": definition, "principalId": who, "principalType": "ServicePrincipal"}
    url = f"{scope}/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}"
    azure.http.put(url, params={"api-version": "2022-04-01"}, json={"properties": grants}).raise_for_status()
