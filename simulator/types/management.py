"""Microsoft.Management/managementGroups: what subscriptions lie in. Shown only: the tree is the world's.

Source: REST reference "Management Groups - Get" 2021-04-01. What is granted there is inherited by the subscriptions
below (`simulator.planes.authority.above`).
"""

from __future__ import annotations

from simulator.engine.declaration import ResourceType, Scope

TYPES: tuple[ResourceType, ...] = (
    ResourceType(
        name="Microsoft.Management/managementGroups",
        scope=Scope.TENANT,
        location="none",
        tags=False,
        top_level=(),
        keys=("id", "type", "name", "properties"),
        methods=frozenset({"GET", "LIST"}),
        provisioning_state=False,
    ),
)
