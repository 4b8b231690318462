"""Privileged Identity Management: who may take a role for a while, as the product sees it."""

from __future__ import annotations

from typing import Any

from controlplane.workspaces.access.effective import Held
from simulator.engine.hooks import Caller
from simulator.planes.roles import OWNER
from tests.hooks.scenarios import noticed, succeeded
from tests.support.blueprints import example
from tests.support.quiet_product import QuietProduct

SUPPORT, SCIENTISTS = (f"00000000-0000-0000-0000-0000000000{end}" for end in ("d7", "d1"))
USER_ACCESS_ADMINISTRATOR = "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9"


def asked(principal: str, kind: str = "AdminAssign", days: int = 365) -> dict[str, Any]:
    """A request for Owner."""
    return {
        "properties": {
            "requestType": kind,
            "principalId": principal,
            "roleDefinitionId": f"/providers/Microsoft.Authorization/roleDefinitions/{OWNER}",
            "scheduleInfo": {"expiration": {"type": "AfterDuration", "duration": f"P{days}D"}},
        }
    }


def created(product: QuietProduct) -> str:
    """A workspace with personas; where requests for its storage go."""
    succeeded(product.create(example("personas")))
    return f"{product.ids()['storage']}/providers/Microsoft.Authorization/roleEligibilityScheduleRequests"


def eligible(product: QuietProduct) -> list[Held]:
    """What the product sees that somebody may take."""
    judged = product.validate()
    return [held for held in judged.grants.held if held.eligible]


@noticed("eligibility-takes-effect", world="empty")
def support_becomes_eligible(product: QuietProduct) -> None:
    requests = created(product)
    product.owner("PUT", f"{requests}/{SUPPORT}", asked(SUPPORT))
    assert [held.principal for held in eligible(product)] == [SUPPORT]


@noticed("eligibility-request-rules", world="empty")
def an_eligibility_without_an_end_is_not_made(product: QuietProduct) -> None:
    requests = created(product)
    product.owner("PUT", f"{requests}/{SUPPORT}", asked(SUPPORT, days=3650))
    assert eligible(product) == []


@noticed("eligibility-not-under-a-condition", world="empty")
def the_operator_cannot_hand_out_owner_by_way_of_pim(product: QuietProduct) -> None:
    requests, operator = created(product), product.azure.world.seeded("operator")
    group = product.ids()["resource-group"]
    product.azure.engine.grant(group, USER_ACCESS_ADMINISTRATOR, operator["id"], condition="@Request[x] Never {}")
    product.azure.call("operator", "PUT", f"{requests}/{SCIENTISTS}?api-version=2020-10-01", asked(SCIENTISTS))
    assert eligible(product) == []


def support_person(product: QuietProduct, requests: str) -> tuple[str, str]:
    """Somebody of the group that is eligible; where that person's requests go."""
    product.owner("PUT", f"{requests}/{SUPPORT}", asked(SUPPORT))
    person = product.azure.world.directory.person("sam")["id"]
    product.azure.add_caller("sam", Caller(person, None, "sam@contoso.com", "User", (SUPPORT,)))
    return person, requests.replace("roleEligibilityScheduleRequests", "roleAssignmentScheduleRequests")


def takes(product: QuietProduct, person: str, requests: str, duration: str = "PT2H") -> None:
    """Owner, for a while."""
    body = asked(person, "SelfActivate")
    body["properties"]["justification"] = "incident 42"
    body["properties"]["scheduleInfo"]["expiration"]["duration"] = duration
    product.azure.call("sam", "PUT", f"{requests}/{SUPPORT}?api-version=2020-10-01", body)


def activated(product: QuietProduct, person: str) -> list[bool]:
    """What the product sees that a person holds: whether each was taken by PIM."""
    return [held.is_activated for held in product.validate().grants.held if held.principal == person]


@noticed("activation-takes-effect", world="empty")
def support_takes_a_role(product: QuietProduct) -> None:
    person, requests = support_person(product, created(product))
    takes(product, person, requests)
    assert activated(product, person) == [True]


@noticed("activation-ends", world="empty")
def an_activation_is_over_after_its_time(product: QuietProduct) -> None:
    person, requests = support_person(product, created(product))
    takes(product, person, requests)
    product.advance(7300)
    assert activated(product, person) == []


@noticed("activation-request-rules", world="empty")
def an_activation_for_days_is_not_made(product: QuietProduct) -> None:
    person, requests = support_person(product, created(product))
    takes(product, person, requests, "PT72H")
    assert activated(product, person) == []
