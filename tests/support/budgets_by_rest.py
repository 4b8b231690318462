"""A budget by REST, and what a tick would have left of it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from controlplane.governance.budgets.model import Budget, Crossing
from controlplane.objects.repository import put
from tests.support.api import GROUPS, Api

PATHS = {
    "workspace": "workspaces/churn-dev/budget",
    "project": "projects/churn/budget",
    "department": "departments/retail/budget",
}


async def ready(api: Api) -> None:
    await api.register()
    await api.finish(await api.create())


async def stored(api: Api, scope: str = "workspace.churn-dev") -> Any:
    objects = api.services.governed
    assert objects is not None
    return await objects.require(Budget, scope)


async def change(api: Api, **changes: Any) -> None:
    """What a tick left."""
    objects, before = api.services.governed, await stored(api)
    assert objects is not None
    await objects.commit(put(before, before.value.model_copy(update=changes)))


def owner(api: Api) -> str:
    """Whom the spec names; he may also change the workspace."""
    group = GROUPS["churn", "Workspace.Contributor"]
    return api.issuer.token("olga", oid="00000000-0000-0000-0000-0000000000a1", groups=[group])


def crossings(api: Api, *figures: int) -> tuple[Crossing, ...]:
    """Of the first tiers of the rule, one for each figure."""
    now = api.clock.now()
    return tuple(
        Crossing(tier=tier, generation=1, month=f"{now:%Y-%m}", at=now, figure=Decimal(figure), seen_by="live")
        for tier, figure in enumerate(figures)
    )
