"""Private endpoints with their zone groups: the only ways in (S1-33…38)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from controlplane.workspaces import kinds as k
from controlplane.workspaces.blueprint.context import Site, resource
from controlplane.workspaces.blueprint.data_accounts import accounts
from controlplane.workspaces.blueprint.dns import zone_id, zone_keys
from controlplane.workspaces.blueprint.network import subnet_id
from controlplane.workspaces.model import Expectation, Resource
from controlplane.workspaces.spec_model import WorkspaceSpec

APPROVED = Expectation(
    "properties.privateLinkServiceConnections[*].properties.privateLinkServiceConnectionState.status",
    ("Approved",),
    "ConnectionNotApproved",
)


@dataclass(frozen=True, slots=True)
class _Endpoint:
    key: str
    target: str
    """Key of the resource it leads to."""
    group: str
    zones: tuple[str, ...]
    requirements: tuple[str, ...]
    after: tuple[str, ...] = ()
    ours: bool = True
    """False: it leads to something of somebody else's, which is no resource of the blueprint."""
    addresses: int = 1
    """What it takes of its subnet: one for each name that is answered by itself."""


_ENDPOINTS = (
    # API, notebooks and inference: "How to use your workspace with a custom DNS server".
    _Endpoint("workspace", "workspace", "amlworkspace", ("api", "notebooks"), ("S1-34", "S1-35"), addresses=3),
    _Endpoint("blob", "storage", "blob", ("blob",), ("S1-34",)),
    # One storage account takes one endpoint at a time: StorageAccountOperationInProgress ("Tutorial: integrate Azure
    # Functions with private endpoints" describes it).
    _Endpoint("file", "storage", "file", ("file",), ("S1-34",), ("private-endpoint/blob",)),
    _Endpoint("vault", "vault", "vault", ("vault",), ("S1-34",)),
    # The registry and its data endpoint: "Connect privately to an Azure container registry using Azure Private Link".
    _Endpoint("registry", "registry", "registry", ("registry",), ("S1-34", "S1-36"), addresses=2),
)


#: Endpoint → requirements on its names, where they are others than one.
_NAMES = {"workspace": ("S1-38", "S1-44")}


def endpoint_id(site: Site, which: str) -> str:
    return site.id(k.PRIVATE_ENDPOINT, site.names.plain("pe", which))


def endpoint_addresses(spec: WorkspaceSpec) -> int:
    """What all of a spec's endpoints take of their subnet, without Azure's five."""
    to_data = sum(len(account.groups) for account in accounts(spec))
    return sum(endpoint.addresses for endpoint in _ENDPOINTS) + to_data


def private_endpoints(site: Site, targets: dict[str, str]) -> Iterator[Resource]:
    """``targets``: key → ARM id."""
    for endpoint in _ENDPOINTS:
        ours = endpoint.target != "registry" or site.makes_registry
        yield _endpoint(site, replace(endpoint, ours=ours), targets[endpoint.target])
        yield _zone_group(site, endpoint)


def data_endpoints(site: Site) -> Iterator[Resource]:
    """To the storage accounts of datastores (S2-65)."""
    for account in accounts(site.spec):
        before: tuple[str, ...] = ()
        for group in account.groups:
            key = f"{account.key}-{group}"
            endpoint = _Endpoint(key, account.key, group, (group,), ("S2-65",), before, ours=False)
            yield _endpoint(site, endpoint, account.arm_id)
            yield _zone_group(site, endpoint)
            before = (f"private-endpoint/{key}",)


def _endpoint(site: Site, endpoint: _Endpoint, target: str) -> Resource:
    connection = {
        "name": endpoint.key,
        "properties": {"privateLinkServiceId": target, "groupIds": [endpoint.group]},
    }
    after = endpoint.after
    if endpoint.key == "workspace" and not site.is_managed:
        # S1-45, as X-17 answers it: after the computes with public addresses; the others come after it.
        after = tuple(f"cluster/{one.name}" for one in site.spec.compute.clusters if one.public_ip)
    body = site.tracked(
        {
            "subnet": {"id": subnet_id(site, "private-endpoints")},
            "privateLinkServiceConnections": [connection],
            # Approved by itself, not by a person who may forget it (S1-37).
            "manualPrivateLinkServiceConnections": [],
        }
    )
    return resource(
        f"private-endpoint/{endpoint.key}",
        k.PRIVATE_ENDPOINT,
        endpoint_id(site, endpoint.key),
        body,
        (*((endpoint.target,) if endpoint.ours else ()), "subnet/private-endpoints", *after),
        ready=(APPROVED,),
        requirements=(
            *endpoint.requirements,
            *(("S1-37",) if endpoint.ours else ()),
            *(("S1-45",) if endpoint.key == "workspace" and after else ()),
        ),
    )


def _zone_group(site: Site, endpoint: _Endpoint) -> Resource:
    configs = [
        {
            "name": site.cloud.zones[zone].replace(".", "-"),
            "properties": {"privateDnsZoneId": zone_id(site, zone)},
        }
        for zone in endpoint.zones
    ]
    return resource(
        f"zone-group/{endpoint.key}",
        k.ZONE_GROUP,
        f"{endpoint_id(site, endpoint.key)}/privateDnsZoneGroups/default",
        {"properties": {"privateDnsZoneConfigs": configs}},
        (f"private-endpoint/{endpoint.key}", *zone_keys(site, *endpoint.zones)),
        requirements=_NAMES.get(endpoint.key, ("S1-44",)) if endpoint.ours else (),
    )
