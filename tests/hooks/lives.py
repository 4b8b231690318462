"""A workspace from its creation to its end, and once more: most of what Azure does by itself shows in it."""

from __future__ import annotations

from tests.hooks.scenarios import noticed, succeeded
from tests.support.quiet_product import QuietProduct


@noticed(
    "compute-pulls-from-registry",
    "nsg-inline-rules",
    "nsg-shows-rules",
    "peering-connects-twins",
    "private-endpoint-addresses",
    "private-endpoint-connects-target",
    "private-endpoint-interface",
    "private-endpoint-leaves",
    "private-endpoint-shape",
    "storage-services",
    "target-shows-connections",
    "vnet-shows-children",
    "zone-group-records",
    world="empty",
)
def a_whole_life(product: QuietProduct) -> None:
    succeeded(product.create())
    assert product.failing() == set()
    assert product.plan().plan.changes
    succeeded(product.delete())
