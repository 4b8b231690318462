"""What a hub may be, beyond the shape of its fields. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from controlplane.arm import name_of, resource_group_of, subscription_of, type_of
from controlplane.errors import ErrorDetail
from controlplane.workspaces.addresses import asked_prefix
from controlplane.workspaces.agent_versions import SHA256
from controlplane.workspaces.spec_model import Agents, Hub, WorkspaceSpec

#: Half of it is the hub, half of that the Bastion's: AzureBastionSubnet is a /26 or larger ("Azure Bastion
#: configuration settings": /26 since November 2021).
SMALLEST_PREFIX_WITH_BASTION = 24
_HUB = "$.network.hub"
_VNET = "microsoft.network/virtualnetworks"
_ZONE = "microsoft.network/privatednszones"
_IDENTITY = "microsoft.managedidentity/userassignedidentities"
#: What Azure Pipelines knows by itself of agents on a scale set.
_OF_MACHINES = ("organization_url", "pool", "version", "sha256", "identity_id", "client_id", "authentication")


def hub(spec: WorkspaceSpec) -> Iterator[ErrorDetail]:
    """Every reason why the hub is refused, by JSON path."""
    asked = spec.network.hub
    yield from _existing(asked) if asked.kind == "existing" else _created(spec)
    yield from _agents(asked)
    yield from _registering(asked)


def _created(spec: WorkspaceSpec) -> Iterator[ErrorDetail]:
    asked = spec.network.hub
    if asked.vnet_id is not None:
        yield _wrong("vnetId", "names an existing network, and kind is `create`")
    if asked.dns_zones:
        yield _wrong("dnsZones", "names existing zones, and kind is `create`")
    if (asked.jump_host or asked.build_agents) and asked.admin_public_key is None:
        text = "network.hub.adminPublicKey: machines need the public key of an administrator; passwords are off."
        yield ErrorDetail("MissingField", text, f"{_HUB}.adminPublicKey")
    if asked.bastion and (found := asked_prefix(spec.network)) > SMALLEST_PREFIX_WITH_BASTION:
        text = (
            f"network.addressSpace: /{found} is too small; AzureBastionSubnet needs a /26, a quarter of a "
            f"/{SMALLEST_PREFIX_WITH_BASTION}."
        )
        yield ErrorDetail("AddressSpaceTooSmall", text, "$.network.addressSpace")


def _existing(asked: Hub) -> Iterator[ErrorDetail]:
    if asked.vnet_id is None:
        yield ErrorDetail(
            "MissingField", "network.hub.vnetId has to name the network of the existing hub.", f"{_HUB}.vnetId"
        )
    elif not _is_id(asked.vnet_id, _VNET):
        yield _wrong("vnetId", "is not the id of a virtual network")
    for index, zone in enumerate(asked.dns_zones):
        if not _is_id(zone, _ZONE):
            yield _wrong(f"dnsZones[{index}]", "is not the id of a private DNS zone")
        elif name_of(zone).lower() in (name_of(other).lower() for other in asked.dns_zones[:index]):
            yield _wrong(f"dnsZones[{index}]", f"is the second zone called {name_of(zone)}")
    # An existing hub is somebody else's: nothing is built in it.
    for name, value in (("bastion", asked.bastion), ("jumpHost", asked.jump_host), ("buildAgents", asked.build_agents)):
        if value:
            yield _wrong(name, "is made in a hub that is created, never in an existing one")


def _is_id(arm_id: str, resource_type: str) -> bool:
    found = type_of(arm_id).lower() == resource_type
    return found and bool(subscription_of(arm_id)) and bool(resource_group_of(arm_id)) and bool(name_of(arm_id))


def _agents(asked: Hub) -> Iterator[ErrorDetail]:
    """S1-61, S1-63."""
    if asked.agents.runs_on == "container":
        text = "is not possible: training may need Docker inside the agent, which a container has not (S1-61)"
        yield _wrong("agents.runsOn", text)
    if asked.agents.authentication == "personalAccessToken":
        text = "is not accepted: a token is a secret that somebody has to keep and renew; use managedIdentity (S1-63)"
        yield _wrong("agents.authentication", text)


def _registering(asked: Hub) -> Iterator[ErrorDetail]:
    """By an identity, on machines of their own; on a scale set by Azure Pipelines."""
    agents = asked.agents
    if agents.runs_on == "scaleSet":
        for name in _OF_MACHINES:
            if getattr(agents, name) != type(agents).model_fields[name].default:
                field = str(type(agents).model_fields[name].alias)
                yield _wrong(f"agents.{field}", "is for machines: on a scale set Azure Pipelines does it itself")
        return
    yield from _digest(agents)
    if agents.principal_id is not None:
        yield _wrong("agents.principalId", "is for a scale set: nobody changes the machines of other agents")
    by_principal = agents.authentication == "servicePrincipal"
    for field, value in (("identityId", agents.identity_id), ("clientId", agents.client_id)):
        if by_principal and value is None:
            text = f"network.hub.agents.{field}: servicePrincipal needs it, to get by without a secret."
            yield ErrorDetail("MissingField", text, f"{_HUB}.agents.{field}")
    if agents.client_id is not None and not by_principal:
        yield _wrong("agents.clientId", "belongs to servicePrincipal")
    if agents.identity_id is not None and not _is_id(agents.identity_id, _IDENTITY):
        yield _wrong("agents.identityId", "is not the id of a user-assigned identity")


def _digest(agents: Agents) -> Iterator[ErrorDetail]:
    """What root of a machine unpacks is what was released, and nobody's word but the release's says which that is."""
    known = SHA256.get(agents.version)
    if known is None and agents.sha256 is None:
        text = (
            f"network.hub.agents.sha256: the digest of version {agents.version} is not known here; give the one of its "
            f"release, or take one of {', '.join(SHA256)}."
        )
        yield ErrorDetail("MissingField", text, f"{_HUB}.agents.sha256")
    elif known is not None and agents.sha256 not in (None, known):
        yield _wrong("agents.sha256", f"is not the digest of the released version {agents.version}, which is {known}")


def _wrong(field: str, why: str) -> ErrorDetail:
    return ErrorDetail("InvalidValue", f"network.hub.{field} {why}.", f"{_HUB}.{field}")
