"""Microsoft.Network: virtual networks, security groups, NAT, private endpoints, private DNS."""

from __future__ import annotations

from simulator.engine.declaration import ResourceType, Route
from simulator.types.network import (
    nat,
    peerings,
    private_dns,
    private_endpoints,
    security_groups,
    virtual_networks,
    zone_groups,
)

TYPES: tuple[ResourceType, ...] = (
    *virtual_networks.TYPES,
    *peerings.TYPES,
    *security_groups.TYPES,
    *nat.TYPES,
    *private_endpoints.TYPES,
    *zone_groups.TYPES,
    *private_dns.TYPES,
)
ROUTES: tuple[Route, ...] = private_dns.ROUTES
