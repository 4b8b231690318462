"""What a person asks for: the shape of a workspace spec. Every field says what it does; unknown fields are refused.

Fields that are documented and not built yet are here too, so that they are refused by name
(:mod:`controlplane.workspaces.spec`), never silently ignored.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from controlplane.operations.model import Model

_GUID = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
_DAYS = r"^P([1-9][0-9]{0,3})D$"
_DURATION = r"^PT([0-9]{1,3}H)?([0-9]{1,5}M)?([0-9]{1,6}S)?$"

Guid = Annotated[str, StringConstraints(pattern=_GUID, to_lower=True)]
Days = Annotated[str, StringConstraints(pattern=_DAYS)]
Duration = Annotated[str, StringConstraints(pattern=_DURATION)]
ArmId = Annotated[str, StringConstraints(pattern=r"^/subscriptions/[^/]+/.+")]


class Environment(StrEnum):
    """Everything but ``dev`` is prod-class (S1-17)."""

    DEV = "dev"
    STAGING = "staging"
    TEST = "test"
    PROD = "prod"

    @property
    def is_prod_class(self) -> bool:
        return self is not Environment.DEV


class Workload(StrEnum):
    CLASSICAL = "classical"
    CV = "cv"
    NLP = "nlp"


class NetworkMode(StrEnum):
    PRIVATE_VNET = "privateVnet"
    ALLOW_INTERNET = "managedAllowInternetOutbound"
    APPROVED_ONLY = "managedAllowOnlyApprovedOutbound"


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
        default="4.269.0", pattern=r"^[2-9]\.\d{1,3}\.\d{1,3}$", description="Version of the Azure Pipelines agent."
    )
    authentication: Literal["managedIdentity", "personalAccessToken"] = Field(
        default="managedIdentity", description="How an agent registers. A personal access token is refused (S1-63)."
    )
    runs_on: Literal["virtualMachine", "scaleSet", "container"] = Field(
        default="virtualMachine", description="Where an agent runs. A container is refused (S1-61)."
    )


class Hub(Model):
    """The second network: where people and build agents come from."""

    kind: Literal["create", "existing"] = Field(
        default="create", description="`create` makes a hub network of the workspace's own; `existing` joins one."
    )
    vnet_id: ArmId | None = Field(default=None, description="ARM id of the existing hub network.")
    dns_zones: tuple[ArmId, ...] = Field(default=(), description="ARM ids of existing private DNS zones to use.")
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
    gateway: Literal["none", "vpn", "expressRoute"] = Field(default="none", description="Gateway of the hub.")


class Network(Model):
    """Isolation from the internet (S1-03)."""

    mode: NetworkMode = Field(default=NetworkMode.PRIVATE_VNET, description="Who owns the network of the computes.")
    address_space: str = Field(
        description="IPv4 CIDR range of both networks: the lower half is the ML network (private endpoints /27, "
        "training its upper half), the upper half the hub. `auto` takes one from the project's pool."
    )
    hub: Hub = Field(default=Hub(), description="The hub network.")


class Identity(Model):
    """How the workspace authenticates to its dependants (S2-01)."""

    type: Literal["systemAssigned", "systemAndUserAssigned", "userAssigned"] = Field(
        default="systemAssigned", description="Kind of managed identity."
    )
    ids: tuple[ArmId, ...] = Field(default=(), description="ARM ids of user-assigned identities.")
    primary: ArmId | None = Field(default=None, description="The one of `ids` that the workspace uses by itself.")


class Storage(Model):
    shared_key_access: bool = Field(
        default=False, description="Let account keys open the storage account; off, only Entra identities do."
    )


class Registry(Model):
    admin_user: bool = Field(default=False, description="Enable the registry's admin account (X-01: leave it off).")


class Encryption(Model):
    customer_managed_key: str | None = Field(
        default=None, description="Key Vault key id that encrypts the workspace's data; none: platform keys (S1-07)."
    )


class Cluster(Model):
    """A cluster of nodes that starts and stops by itself (S1-26, S1-29…32)."""

    name: str = Field(
        pattern=r"^[A-Za-z][A-Za-z0-9-]{0,14}[A-Za-z0-9]$",
        description="2 to 16 letters, digits and hyphens, beginning with a letter.",
    )
    size: str = Field(pattern=r"^[A-Za-z0-9_]{3,64}$", description="VM size, such as Standard_DS3_v2.")
    min_nodes: int = Field(default=0, ge=0, le=1000, description="Nodes that are always there; 0 costs nothing idle.")
    max_nodes: int = Field(ge=1, le=1000, description="Upper bound of nodes.")
    idle_before_scale_down: Duration = Field(
        default="PT2M", description="Idle time before nodes are given back; PT30S to PT2H (S1-31)."
    )
    public_ip: bool = Field(default=False, description="Give nodes public addresses (S1-71: prefer not).")


class Instance(Model):
    """A personal machine."""

    name: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9-]{1,22}[A-Za-z0-9]$", description="Name of the instance.")
    size: str = Field(pattern=r"^[A-Za-z0-9_]{3,64}$", description="VM size.")
    assigned_to: Guid | None = Field(default=None, description="Object id of the person who uses it.")


class Compute(Model):
    clusters: tuple[Cluster, ...] = Field(default=(), max_length=100, description="Training clusters.")
    instances: tuple[Instance, ...] = Field(default=(), max_length=100, description="Personal compute instances.")


class Catalog(Model):
    collections: tuple[Literal["curatedByAzureAI", "meta", "huggingFace"], ...] = Field(
        default=(), description="Model catalog collections the workspace may deploy from."
    )


class Access(Model):
    """Personas → Entra groups."""

    data_scientists: tuple[Guid, ...] = Field(default=(), description="Groups of data scientists.")
    project_leads: tuple[Guid, ...] = Field(default=(), description="Groups of project leads.")
    platform_support: tuple[Guid, ...] = Field(default=(), description="Groups of platform support.")


class Money(Model):
    amount: float = Field(gt=0, description="Amount in units of the currency.")
    currency: str = Field(pattern=r"^[A-Z]{3}$", description="ISO 4217 code.")


class Forecast(Model):
    forecast: int = Field(gt=0, le=1000, description="Per cent of the budget that the forecast reaches.")


class Budget(Model):
    monthly: Money = Field(description="What may be spent in a calendar month.")
    thresholds: tuple[Annotated[int, Field(gt=0, le=1000)] | Forecast, ...] = Field(
        default=(), description="Per cent of the amount at which people are told."
    )


class Expiry(Model):
    expires_on: date | None = Field(default=None, description="Day the workspace is no longer needed; a tag.")
    idle_after: Days | None = Field(default=None, description="Idle time after which it counts as expired.")
    grace: Days | None = Field(default=None, description="Time between notice and action; no default.")
    action: Literal["report", "archive", "delete"] | None = Field(default=None, description="What is done then.")


class WorkspaceSpec(Model):
    """What a person asks for. Defaults are the safe ones."""

    project: str = Field(
        pattern=r"^[a-z][a-z0-9-]{0,38}[a-z0-9]$", description="Registered project; charged and tagged to it."
    )
    environment: Environment = Field(description="All but dev get prod-class rules.")
    workload: Workload = Field(default=Workload.CLASSICAL, description="What is trained here; a tag.")
    management: Literal["manage", "observe", "detach"] = Field(
        default="manage", description="What the control plane may do to the workspace."
    )
    subscription_id: Guid = Field(description="Subscription that holds everything.")
    location: str = Field(pattern=r"^[a-z][a-z0-9]{2,38}$", description="Azure region name, such as westeurope.")
    owners: tuple[Guid, ...] = Field(
        min_length=1, max_length=6, description="Object ids of the people who answer for it; a tag."
    )
    network: Network = Field(description="Networks of the workspace.")
    identity: Identity = Field(default=Identity(), description="Identity of the workspace.")
    storage: Storage = Field(default=Storage(), description="The workspace's storage account.")
    registry: Registry = Field(default=Registry(), description="The workspace's container registry.")
    encryption: Encryption = Field(default=Encryption(), description="Encryption of the workspace's data.")
    compute: Compute = Field(default=Compute(), description="What trains.")
    catalog: Catalog = Field(default=Catalog(), description="The model catalog.")
    access: Access = Field(default=Access(), description="Who may use the workspace.")
    budget: Budget | None = Field(default=None, description="Money the workspace may cost.")
    expiry: Expiry | None = Field(default=None, description="When the workspace ends.")
    legacy_v1_mode: bool = Field(
        default=False, description="Switch the v2 API of the workspace off (S1-47). Only for users of the v1 API."
    )
