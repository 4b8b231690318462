from __future__ import annotations

import asyncio
from typing import Any

import pytest

from controlplane.azure.arm_client import ArmClient
from controlplane.azure.catalog import CACHE_SECONDS, INVISIBLE_CACHE_SECONDS, AzureCatalog
from controlplane.errors import Rejected, Transient
from controlplane.ports.reader import Catalog
from tests.unit.azure.server import Answer, FakeArm

SUBSCRIPTION = "5b1f2e6a-0000-4000-8000-000000000001"
PATH = f"/subscriptions/{SUBSCRIPTION}"
SKUS = f"{PATH}/providers/Microsoft.Compute/skus"


class Hand:
    """A monotonic clock moved by hand."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def hand() -> Hand:
    return Hand()


@pytest.fixture
def catalog(arm: FakeArm, client: ArmClient, hand: Hand) -> Catalog:
    arm.on("GET", PATH, Answer(body={"subscriptionId": SUBSCRIPTION, "state": "Enabled"}))
    arm.on("GET", f"{PATH}/locations", Answer(body={"value": [{"name": "westeurope"}, {"name": "eastus2"}]}))
    vm = {"name": "Standard_DS3_v2", "resourceType": "virtualMachines", "restrictions": []}
    disk = {"name": "Premium_LRS", "resourceType": "disks"}
    arm.on("GET", SKUS, Answer(body={"value": [disk], "nextLink": "/skus2"}))
    arm.on("GET", "/skus2", Answer(body={"value": [vm]}))
    return AzureCatalog(client, hand)


async def test_what_a_region_offers(arm: FakeArm, catalog: Catalog) -> None:
    facts = await catalog.facts(SUBSCRIPTION, "westeurope")
    assert facts.visible
    assert facts.locations == {"westeurope", "eastus2"}
    assert dict(facts.vm_sizes) == {
        "standard_ds3_v2": {"name": "Standard_DS3_v2", "resourceType": "virtualMachines", "restrictions": []}
    }
    [asked] = [call.target for call in arm.calls if call.target.startswith(SKUS)]
    assert "$filter=location+eq+'westeurope'" in asked


async def test_an_unknown_region_has_no_sizes_and_costs_no_question(arm: FakeArm, catalog: Catalog) -> None:
    facts = await catalog.facts(SUBSCRIPTION, "atlantis")
    assert facts.visible
    assert facts.vm_sizes == {}
    assert len(arm.calls) == 2


def refusal(status: int, code: str) -> Answer:
    return Answer(status, {"error": {"code": code, "message": "m"}})


@pytest.mark.parametrize(
    "answer",
    [
        refusal(404, "SubscriptionNotFound"),
        refusal(403, "AuthorizationFailed"),
        refusal(400, "InvalidSubscriptionId"),
        Answer(404),
    ],
)
async def test_an_invisible_subscription_is_an_answer(arm: FakeArm, catalog: Catalog, answer: Answer) -> None:
    arm.on("GET", PATH, answer)
    facts = await catalog.facts(SUBSCRIPTION, "westeurope")
    assert (facts.visible, facts.locations, facts.vm_sizes) == (False, frozenset(), {})


@pytest.mark.parametrize(
    ("answer", "kind"),
    [(refusal(503, "ServerBusy"), Transient), (refusal(401, "InvalidAuthenticationToken"), Rejected)],
)
async def test_not_knowing_is_an_error_and_is_not_kept(
    arm: FakeArm, catalog: Catalog, answer: Answer, kind: type[Exception]
) -> None:
    arm.on("GET", PATH, answer, Answer(body={}))
    with pytest.raises(kind):
        await catalog.facts(SUBSCRIPTION, "westeurope")
    assert (await catalog.facts(SUBSCRIPTION, "westeurope")).visible


async def test_sizes_that_may_not_be_listed_do_not_hide_the_subscription(arm: FakeArm, catalog: Catalog) -> None:
    arm.on("GET", SKUS, refusal(403, "AuthorizationFailed"))
    with pytest.raises(Rejected):
        await catalog.facts(SUBSCRIPTION, "westeurope")


async def test_facts_are_asked_for_once_and_kept_for_an_hour(arm: FakeArm, catalog: Catalog, hand: Hand) -> None:
    first = await asyncio.gather(*(catalog.facts(SUBSCRIPTION, "westeurope") for _ in range(5)))
    asked = len(arm.calls)
    assert asked == 4
    hand.seconds += CACHE_SECONDS - 1
    assert await catalog.facts(SUBSCRIPTION.upper(), "WestEurope") == first[0]
    assert len(arm.calls) == asked
    hand.seconds += 2
    await catalog.facts(SUBSCRIPTION, "westeurope")
    assert len(arm.calls) == 2 * asked


async def test_a_subscription_that_becomes_visible_is_seen_soon(arm: FakeArm, catalog: Catalog, hand: Hand) -> None:
    visible: Any = Answer(body={})
    arm.on("GET", PATH, refusal(404, "SubscriptionNotFound"), visible)
    assert not (await catalog.facts(SUBSCRIPTION, "westeurope")).visible
    hand.seconds += INVISIBLE_CACHE_SECONDS + 1
    assert (await catalog.facts(SUBSCRIPTION, "westeurope")).visible
