"""What a subscription is billed in, as far as its cost rows have said."""

from __future__ import annotations

from controlplane.governance.costs.model import CostScope
from controlplane.objects.repository import Objects


async def billed_in(objects: Objects | None, subscription: str) -> str | None:
    """None: no row was read yet. Raises ``Transient``."""
    stored = await objects.get(CostScope, subscription.lower()) if objects is not None else None
    return stored.value.currency if stored is not None else None
