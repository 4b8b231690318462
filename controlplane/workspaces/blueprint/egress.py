"""Ways out of the training subnet: a NAT gateway, or a route to the hub's firewall; a policy on storage (S1-70, S1-71).

Sources: https://learn.microsoft.com/azure/machine-learning/how-to-secure-training-vnet (no public IP needs a NAT
gateway or a route to a firewall; with one, nodes with public addresses need a route of the tag AzureMachineLearning to
the internet); https://learn.microsoft.com/azure/machine-learning/how-to-prevent-data-loss-exfiltration (service
endpoint policy: the workspace's storage account and the alias of Azure Machine Learning).
"""

from __future__ import annotations

from collections.abc import Iterator

from controlplane.workspaces import kinds as k
from controlplane.workspaces.blueprint.context import Site, resource
from controlplane.workspaces.model import Resource

_GROUP = ("resource-group",)
_NAT_HUB = "nat-gateway/hub"
_ROUTES, _POLICY = "route-table/training", "service-endpoint-policy/training"
_STANDARD = {"name": "Standard"}
#: The alias stands for the accounts of Azure Machine Learning itself, which nodes fetch their environment from.
_ALIAS = "/services/Azure/MachineLearning"


def has_public_nodes(site: Site) -> bool:
    """Whether any cluster's nodes have public addresses."""
    return any(cluster.public_ip for cluster in site.spec.compute.clusters)


def egress(site: Site) -> Iterator[Resource]:
    """What the training subnet leads out through. Dependencies outside: ``storage``."""
    if site.spec.network.egress.kind == "firewall":
        yield _route_table(site)
    else:
        yield from nat(site, "ml")
    if site.spec.network.egress.storage_endpoint_policy:
        yield _policy(site)


def of_subnet(site: Site) -> tuple[tuple[str, ...], dict[str, object]]:
    """What the training subnet depends on for its way out, and how it says so."""
    keys: tuple[str, ...] = ("nat-gateway",)
    says: dict[str, object] = {"natGateway": {"id": nat_id(site, "ml")}}
    if site.spec.network.egress.kind == "firewall":
        keys, says = (_ROUTES,), {"routeTable": {"id": _routes_id(site)}}
    if site.spec.network.egress.storage_endpoint_policy:
        keys = (*keys, _POLICY)
        # A policy takes effect where the subnet has the service's endpoint.
        says["serviceEndpoints"] = [{"service": "Microsoft.Storage"}]
        says["serviceEndpointPolicies"] = [{"id": _policy_id(site)}]
    return keys, says


def nat(site: Site, which: str) -> Iterator[Resource]:
    """Machines without public addresses leave through a NAT gateway; default outbound access is off everywhere."""
    # A gateway serves one network. The ML network's came first and has the short names.
    address_key, gateway_key = ("public-ip/nat", "nat-gateway") if which == "ml" else ("public-ip/nat-hub", _NAT_HUB)
    address = site.id(k.PUBLIC_IP, site.names.plain("pip", address_key.partition("/")[2]))
    yield public_ip(site, address_key, address)
    body = site.tracked({"idleTimeoutInMinutes": 10, "publicIpAddresses": [{"id": address}]}, sku=_STANDARD)
    yield resource(gateway_key, k.NAT_GATEWAY, nat_id(site, which), body, (address_key,), requirements=("S1-71",))


def nat_id(site: Site, which: str) -> str:
    return site.id(k.NAT_GATEWAY, site.names.plain("ng", which))


def public_ip(site: Site, key: str, address: str, **more: object) -> Resource:
    """A static address of the Standard SKU, the only one that NAT gateways, Bastions and VPN gateways take."""
    body = site.tracked(
        {"publicIPAllocationMethod": "Static", "publicIPAddressVersion": "IPv4", "idleTimeoutInMinutes": 4},
        sku=_STANDARD,
        **more,
    )
    return resource(key, k.PUBLIC_IP, address, body, _GROUP)


def _route_table(site: Site) -> Resource:
    hop = {"nextHopType": "VirtualAppliance", "nextHopIpAddress": site.spec.network.egress.next_hop}
    routes = [{"name": "to-firewall", "properties": {"addressPrefix": "0.0.0.0/0", **hop}}]
    if has_public_nodes(site):
        # What comes in by a node's address has to go back by it, not through the firewall.
        back = {"addressPrefix": "AzureMachineLearning", "nextHopType": "Internet"}
        routes.append({"name": "azure-machine-learning", "properties": back})
    # Routes that gateways announce would compete with the one to the firewall.
    body = site.tracked({"disableBgpRoutePropagation": True, "routes": routes})
    return resource(_ROUTES, k.ROUTE_TABLE, _routes_id(site), body, _GROUP, requirements=("S1-70", "S1-71"))


def _routes_id(site: Site) -> str:
    return site.id(k.ROUTE_TABLE, site.names.plain("rt", "training"))


def _policy(site: Site) -> Resource:
    account = site.id(k.STORAGE, site.names.storage)
    definitions = [
        {"name": "workspace-storage", "properties": {"service": "Microsoft.Storage", "serviceResources": [account]}},
        {"name": "azure-machine-learning", "properties": {"service": "Global", "serviceResources": [_ALIAS]}},
    ]
    body = site.tracked({"serviceEndpointPolicyDefinitions": definitions})
    return resource(
        _POLICY, k.SERVICE_ENDPOINT_POLICY, _policy_id(site), body, (*_GROUP, "storage"), requirements=("S1-03",)
    )


def _policy_id(site: Site) -> str:
    return site.id(k.SERVICE_ENDPOINT_POLICY, site.names.plain("sep", "training"))
