"""Networks: who owns them, their addresses, their hub."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field

from controlplane.operations.model import Model
from controlplane.workspaces.spec_model.managed_network import ManagedNetwork
from controlplane.workspaces.spec_model.types import ArmId, Guid, Sha256
from controlplane.workspaces.spec_model.ways_in import ExpressRoute, Vpn


class NetworkMode(StrEnum):
    PRIVATE_VNET = "privateVnet"
    ALLOW_INTERNET = "managedAllowInternetOutbound"
    APPROVED_ONLY = "managedAllowOnlyApprovedOutbound"

    @property
    def is_managed(self) -> bool:
        """Azure makes and keeps the computes' network; how isolated it is only ever grows."""
        return self is not NetworkMode.PRIVATE_VNET


#: An OpenSSH public key as ``ssh-keygen`` writes it; Azure takes RSA of 2048 bits and more, and Ed25519. Source:
#: https://learn.microsoft.com/azure/virtual-machines/linux/mac-create-ssh-keys.
_PUBLIC_KEY = r"^(ssh-rsa|ssh-ed25519) [A-Za-z0-9+/]{40,2000}={0,3}( [ -~]{0,200})?$"


class Agents(Model):
    """What the build agents are: Azure Pipelines agents on machines of their own (S1-60…64)."""

    organization_url: str | None = Field(
        default=None,
        pattern=r"^https://(dev\.azure\.com/[A-Za-z0-9-]{1,50}|[A-Za-z0-9-]{1,50}\.visualstudio\.com)/?$",
        description="Azure DevOps organization that agents register with; none: installed and not registered.",
    )
    pool: str = Field(default="Default", pattern=r"^[A-Za-z0-9 _.-]{1,64}$", description="Agent pool they join.")
    version: str = Field(
        default="4.269.0",
        pattern=r"^[2-9]\.[0-9]{1,3}\.[0-9]{1,3}$",
        description="Version of the Azure Pipelines agent.",
    )
    sha256: Sha256 | None = Field(
        default=None,
        description="SHA-256 of that version's package for Linux x64, from its release page; needed for a version "
        "whose digest the control plane does not know, because root unpacks the package.",
    )
    authentication: Literal["managedIdentity", "servicePrincipal", "personalAccessToken"] = Field(
        default="managedIdentity",
        description="Whose Entra token registers an agent on a virtual machine: a managed identity's, or that of a "
        "service principal, for which identityId stands in. A personal access token is refused (S1-63).",
    )
    identity_id: ArmId | None = Field(
        default=None,
        description="ARM id of a user-assigned identity that registers the agents, so that Azure DevOps has to know "
        "one user only; none: each machine's own. With servicePrincipal: the one that its federated credential trusts.",
    )
    client_id: Guid | None = Field(
        default=None, description="Application id of the service principal; needed with servicePrincipal."
    )
    runs_on: Literal["virtualMachine", "scaleSet", "container"] = Field(
        default="virtualMachine",
        description="Where an agent runs. On a scale set Azure Pipelines installs, registers and counts the agents "
        "itself; buildAgents is how many there are at first. A container is refused (S1-61).",
    )
    principal_id: Guid | None = Field(
        default=None,
        description="Object id of the managed identity or service principal of Azure Pipelines' service connection, "
        "which may change the scale set then.",
    )


class Hub(Model):
    """The second network: where people and build agents come from."""

    kind: Literal["create", "existing"] = Field(
        default="create", description="`create` makes a hub network of the workspace's own; `existing` joins one."
    )
    vnet_id: ArmId | None = Field(default=None, description="ARM id of the existing hub network.")
    dns_zones: tuple[ArmId, ...] = Field(
        default=(), max_length=50, description="ARM ids of existing private DNS zones to use."
    )
    bastion: bool = Field(default=False, description="Azure Bastion in the hub.")
    jump_host: bool = Field(default=False, description="A virtual machine to work from.")
    build_agents: int = Field(default=0, ge=0, le=20, description="Self-hosted build agents in the hub.")
    agents: Agents = Field(default=Agents(), description="What the build agents are.")
    vm_size: str = Field(
        default="Standard_D2s_v3",
        pattern=r"^[A-Za-z0-9_]{3,64}$",
        description="VM size of the jump host and the build agents; of generation 2, with trusted launch.",
    )
    admin_public_key: str | None = Field(
        default=None,
        pattern=_PUBLIC_KEY,
        description="SSH public key of the machines' administrator; needed with jumpHost or buildAgents. People sign "
        "in with Entra ID; nobody needs the private key but for an emergency, and it is never sent here.",
    )
    encryption_at_host: bool = Field(
        default=False,
        description="Encrypt temporary disks and caches of the machines too; the subscription's feature "
        "Microsoft.Compute/EncryptionAtHost must be registered.",
    )
    vpn: Vpn | None = Field(default=None, description="A VPN gateway of the hub that is created.")
    gateway_ids: tuple[ArmId, ...] = Field(
        default=(),
        max_length=4,
        description="ARM ids of the existing hub's gateways through which people come: the workspace's network is "
        "reached through them (gateway transit). They are read, never changed.",
    )
    express_route: ExpressRoute | None = Field(default=None, description="ExpressRoute behind the existing hub.")


class Egress(Model):
    """How nodes without public addresses reach Azure; default outbound access is off everywhere (S1-70, S1-71)."""

    kind: Literal["natGateway", "firewall"] = Field(
        default="natGateway",
        description="`natGateway` makes a NAT gateway with an address of its own; `firewall` sends everything to an "
        "appliance in the existing hub.",
    )
    next_hop: str | None = Field(
        default=None,
        pattern=r"^[0-9]{1,3}(\.[0-9]{1,3}){3}$",
        description="Private IPv4 address of the firewall in the hub's network; needed with `firewall`.",
    )
    storage_endpoint_policy: bool = Field(
        default=False,
        description="A service endpoint policy on the training subnet: of all storage accounts only the workspace's "
        "own and those of Azure Machine Learning can be reached (S1-33).",
    )


class Network(Model):
    """Isolation from the internet (S1-03)."""

    mode: NetworkMode = Field(default=NetworkMode.PRIVATE_VNET, description="Who owns the network of the computes.")
    address_space: str = Field(
        description="IPv4 CIDR range of both networks: the lower half is the ML network (private endpoints /27, "
        "training its upper half), the upper half the hub. `auto` takes a free one from the project's pools and keeps "
        "it; status.addressSpace says which."
    )
    prefix_length: int | None = Field(
        default=None,
        ge=16,
        le=25,
        description="Size of the range that `auto` takes; none: a /22, or larger where the clusters need it.",
    )
    hub: Hub = Field(default=Hub(), description="The hub network.")
    egress: Egress = Field(default=Egress(), description="How nodes reach Azure.")
    managed: ManagedNetwork = Field(
        default=ManagedNetwork(), description="The network that Azure keeps for computes, in the managed modes."
    )
