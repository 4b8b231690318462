"""What a hub may be, beyond the shape of its fields. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from controlplane.arm import name_of, resource_group_of, subscription_of, type_of
from controlplane.errors import ErrorDetail
from controlplane.workspaces.addresses import asked_prefix
from controlplane.workspaces.spec_model import Hub, WorkspaceSpec
from controlplane.workspaces.spec_rules.unbuilt import Unbuilt, unavailable

#: Half of it is the hub, half of that the Bastion's: AzureBastionSubnet is a /26 or larger ("Azure Bastion
#: configuration settings": /26 since November 2021).
SMALLEST_PREFIX_WITH_BASTION = 24
_HUB = "$.network.hub"
_VNET = "microsoft.network/virtualnetworks"
_ZONE = "microsoft.network/privatednszones"
_UNBUILT: tuple[Unbuilt, ...] = (
    ("$.network.hub.agents.runsOn", lambda s: s.network.hub.agents.runs_on == "scaleSet", "virtualMachine"),
)


def hub(spec: WorkspaceSpec) -> Iterator[ErrorDetail]:
    """Every reason why the hub is refused, by JSON path."""
    asked = spec.network.hub
    yield from unavailable(spec, _UNBUILT)
    yield from _existing(asked) if asked.kind == "existing" else _created(spec)
    yield from _agents(asked)


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


def _wrong(field: str, why: str) -> ErrorDetail:
    return ErrorDetail("InvalidValue", f"network.hub.{field} {why}.", f"{_HUB}.{field}")
