"""Privileged Identity Management: who may take a role for a while, as the product sees it."""

from __future__ import annotations

from typing import Any

from controlplane.workspaces.access.effective import Held
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
