"""What every neighbourhood of the blueprint is given: the spec, and what was derived from it once."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypedDict, Unpack

from controlplane.json_types import JsonObject
from controlplane.workspaces import kinds as k
from controlplane.workspaces.blueprint.clouds import CLOUDS, Cloud
from controlplane.workspaces.blueprint.names import Names
from controlplane.workspaces.model import SYSTEM_PRINCIPAL, Expectation, Origin, Ref, Resource, RoleAssignmentId
from controlplane.workspaces.spec_model import Network, WorkspaceSpec

#: Private endpoints: 8 addresses of the minimum set and 5 that Azure keeps need a /28; /27 leaves room.
ENDPOINT_PREFIX = 27
#: "/26 or larger": Azure Bastion configuration settings.
BASTION_PREFIX = 26
#: "/27 or larger (/26, /25 etc.)": https://learn.microsoft.com/azure/vpn-gateway/vpn-gateway-about-vpn-gateway-settings,
#: "Gateway subnet".
GATEWAY_PREFIX = 27


@dataclass(frozen=True, slots=True)
class CompileContext:
    """What compiling needs besides the spec."""

    workspace: str
    """The workspace's name in the control plane."""
    incarnation: int
    resource_group: str
    tenant_id: str
    cloud: str = "AzureCloud"
    administrators: tuple[str, ...] = ()
    """Object ids of those who administer the subscriptions."""


@dataclass(frozen=True, slots=True)
class Ranges:
    """How the address space is cut: lower half ML network, upper half hub."""

    ml: str
    endpoints: str
    training: str
    hub: str
    hub_subnet: str
    bastion: str
    gateway: str
    """GatewaySubnet; in a space smaller than a /23 it lies where the Bastion's is, and a hub has one of the two."""

    @staticmethod
    def of(network: Network) -> Ranges:
        """Of a spec's network: with an existing hub the ML network has it all."""
        if network.hub.kind == "create":
            return Ranges.cut(network.address_space)
        whole = ipaddress.IPv4Network(network.address_space)
        lower, upper = whole.subnets()
        endpoints = ipaddress.IPv4Network((lower.network_address, ENDPOINT_PREFIX))
        return Ranges(str(whole), str(endpoints), str(upper), "", "", "", "")

    @staticmethod
    def cut(address_space: str) -> Ranges:
        """``10.40.0.0/22`` → ML 10.40.0.0/23 (endpoints 10.40.0.0/27, training 10.40.1.0/24), hub 10.40.2.0/23.

        Training is the upper half of the ML network: a subnet is one power of two, and the lower half holds the
        endpoints. The hub's own subnet is the lower half of the hub; the Bastion's is the first /26 of its upper half
        (10.40.3.0/26), or all of it where it is smaller; a gateway's is the last /27 (10.40.3.224/27).
        """
        ml, hub = ipaddress.IPv4Network(address_space).subnets()
        lower, upper = ml.subnets()
        endpoints = ipaddress.IPv4Network((lower.network_address, ENDPOINT_PREFIX))
        machines, rest = hub.subnets()
        bastion = ipaddress.IPv4Network((rest.network_address, max(BASTION_PREFIX, rest.prefixlen)))
        gateway = ipaddress.IPv4Network((rest.broadcast_address, 32)).supernet(new_prefix=GATEWAY_PREFIX)
        return Ranges(str(ml), str(endpoints), str(upper), str(hub), str(machines), str(bastion), str(gateway))


#: On everything a workspace makes: whose it is.
WORKSPACE_TAG = "cp-workspace"


@dataclass(frozen=True, slots=True)
class Site:
    """The spec with the ids, names, tags and address ranges that follow from it."""

    spec: WorkspaceSpec
    context: CompileContext
    cloud: Cloud
    group: str
    """ARM id of the resource group."""
    names: Names
    tags: Mapping[str, str]
    ranges: Ranges

    @property
    def makes_hub(self) -> bool:
        """False where the workspace joins somebody else's hub."""
        return self.spec.network.hub.kind == "create"

    @property
    def uses_gateways(self) -> bool:
        """Whether people come through gateways of the hub, its own or those it had."""
        hub = self.spec.network.hub
        return hub.vpn is not None if self.makes_hub else bool(hub.gateway_ids)

    @property
    def makes_registry(self) -> bool:
        """False where the workspace is attached to a registry that is brought along."""
        return self.spec.registry.existing is None

    @property
    def is_managed(self) -> bool:
        """Whether Azure keeps the computes' network; then no compute stands in the workspace's own (X-13)."""
        return self.spec.network.mode.is_managed

    @property
    def builds_network(self) -> bool:
        """Whether that network is to be built: somebody wants it now, or a compute would wait for it. Microsoft
        recommends to build it first: the first compute may time out otherwise ("Manually provision a managed VNet")."""
        computes = self.spec.compute
        wanted = self.spec.network.managed.provision == "atCreation"
        return self.is_managed and (wanted or bool(computes.clusters or computes.instances))

    @property
    def has_scale_set(self) -> bool:
        """Whether build agents stand on a scale set."""
        hub = self.spec.network.hub
        return self.makes_hub and hub.build_agents > 0 and hub.agents.runs_on == "scaleSet"

    @property
    def has_machines(self) -> bool:
        """Whether machines stand in the hub."""
        hub = self.spec.network.hub
        return self.makes_hub and (hub.jump_host or hub.build_agents > 0)

    def id(self, resource_type: str, name: str) -> str:
        """ARM id of a top-level resource in the workspace's group."""
        return f"{self.group}/providers/{resource_type}/{name}"

    def tracked(self, properties: JsonObject, **more: object) -> JsonObject:
        """Body of a resource with location and tags."""
        return {"location": self.spec.location, "tags": self.tags, **more, "properties": properties}


def survey(spec: WorkspaceSpec, context: CompileContext) -> Site:
    """Raises ``KeyError`` for a cloud that is not one of the three."""
    return Site(
        spec,
        context,
        CLOUDS[context.cloud],
        f"/subscriptions/{spec.subscription_id}/resourceGroups/{context.resource_group}",
        Names.of(spec.subscription_id, context.workspace, context.incarnation),
        _tags(spec, context),
        Ranges.of(spec.network),
    )


def _tags(spec: WorkspaceSpec, context: CompileContext) -> Mapping[str, str]:
    tags = {
        "project": spec.project,
        "environment": spec.environment.value,
        "owner": ",".join(sorted(spec.owners)),
        "workload": spec.workload.value,
        WORKSPACE_TAG: context.workspace,
    }
    if spec.expiry is not None and spec.expiry.expires_on is not None:
        tags["expiry"] = spec.expiry.expires_on.isoformat()
    return tags


class Extras(TypedDict, total=False):
    """What only some resources have."""

    ready: tuple[Expectation, ...]
    origin: Origin
    requirements: tuple[str, ...]


def resource(
    key: str,
    resource_type: str,
    arm_id: str | RoleAssignmentId,
    body: JsonObject,
    depends_on: tuple[str, ...],
    **extras: Unpack[Extras],
) -> Resource:
    """A resource with its pinned api-version and sorted dependencies."""
    version = k.API_VERSIONS[resource_type]
    return Resource(key, resource_type, arm_id, version, body, tuple(sorted(depends_on)), **extras)


def principal(key: str) -> Ref:
    """The object id of a resource's system-assigned identity, known after create."""
    return Ref(key, SYSTEM_PRINCIPAL)
