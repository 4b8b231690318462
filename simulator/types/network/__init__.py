"""Microsoft.Network: virtual networks, security groups, NAT, private endpoints, private DNS."""

from __future__ import annotations

from dataclasses import replace

from simulator.engine.declaration import NameRule, ResourceType, Route
from simulator.types.network import (
    bastions,
    connections,
    endpoint_policies,
    gateways,
    nat,
    peerings,
    private_dns,
    private_endpoints,
    routes,
    security_groups,
    virtual_networks,
    zone_groups,
)

#: Source: learn.microsoft.com, "Naming rules and restrictions for Azure resources" (Microsoft.Network) and the words
#: that clients quote of InvalidResourceName.
NAMES = NameRule(
    r"\w|\w[\w.-]{0,78}\w",
    "InvalidResourceName",
    "Resource name {name} is invalid. The name can be up to 80 characters long. It must begin with a word character, "
    "and it must end with a word character or with '_'. The name may contain word characters or '.', '-', '_'.",
)

_NAMED: tuple[ResourceType, ...] = (
    *virtual_networks.TYPES,
    *peerings.TYPES,
    *security_groups.TYPES,
    *nat.TYPES,
    *bastions.TYPES,
    *gateways.TYPES,
    *connections.TYPES,
    *routes.TYPES,
    *endpoint_policies.TYPES,
    *private_endpoints.TYPES,
    *zone_groups.TYPES,
)
TYPES: tuple[ResourceType, ...] = (
    *(one if one.name_rule else replace(one, name_rule=NAMES) for one in _NAMED),
    *private_dns.TYPES,
)
ROUTES: tuple[Route, ...] = private_dns.ROUTES
