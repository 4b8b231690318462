"""Which identity reads the data of a datastore, on which occasion, and what is kept to open it. Pure.

Sources: Microsoft Learn, "Data administration" (the table of scenarios and authentication options) and "Set up
authentication between Azure Machine Learning and other services", "Work with virtual networks" (the network setting of
an account decides who reads for previews and profiles); its note on what stored credentials include.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from controlplane.json_types import JsonObject


class DataPath(StrEnum):
    """How access to data is authenticated (S2-06)."""

    ACCOUNT_KEY = "accountKey"
    TOKEN = "token"  # noqa: S105 - a kind of credential, not one
    SERVICE_PRINCIPAL = "servicePrincipal"
    MANAGED_IDENTITY = "managedIdentity"
    USER_IDENTITY = "userIdentity"
    UNKNOWN = "unknown"


class Door(StrEnum):
    """Whom the network setting of a storage account lets in."""

    OPEN = "allNetworks"
    SELECTED = "selectedNetworks"
    """Given addresses and subnets (S2-67)."""
    TRUSTED = "trustedServices"
    """Nobody but trusted Azure services and private endpoints (S2-69)."""
    PRIVATE = "privateEndpoints"
    """Private endpoints only (S2-68)."""
    UNKNOWN = "unknown"
    """The account could not be read."""


#: Who reads, as answers name them.
COMPUTE, PERSON, WORKSPACE, CREDENTIAL = "computeIdentity", "userIdentity", "workspaceIdentity", "storedCredential"
NOBODY = "nobody"
_STORED: Mapping[str, DataPath] = {
    "accountkey": DataPath.ACCOUNT_KEY,
    "sas": DataPath.TOKEN,
    "serviceprincipal": DataPath.SERVICE_PRINCIPAL,
    "certificate": DataPath.SERVICE_PRINCIPAL,
}
#: Credentials with which the studio can browse ("Only Account key and SAS token").
_BROWSABLE = frozenset({DataPath.ACCOUNT_KEY, DataPath.TOKEN})


@dataclass(frozen=True, slots=True)
class StoredCredential:
    """What the workspace keeps to open a datastore (S2-42). Never the secret itself, which no read answers."""

    kind: DataPath
    subscription_id: str | None
    client_id: str | None
    tenant_id: str | None


@dataclass(frozen=True, slots=True)
class Readers:
    """Who reads on each occasion. ``job``: a job that says nothing of its identity (S2-54, S2-62)."""

    job: str
    user_job: str
    """A job with ``identity: {type: user_identity}``: a stored credential wins over the person (S2-61)."""
    notebook: str
    preview: str
    browse: str


def credential(properties: JsonObject) -> StoredCredential | None:
    """Of a datastore's properties; None where it keeps nothing."""
    found = properties.get("credentials") or {}
    kind = str(found.get("credentialsType") or "None").lower()
    if kind == "none":
        return None
    subscription, client, tenant = properties.get("subscriptionId"), found.get("clientId"), found.get("tenantId")
    return StoredCredential(_STORED.get(kind, DataPath.UNKNOWN), _text(subscription), _text(client), _text(tenant))


def path_of(properties: JsonObject) -> DataPath:
    """How a job reaches the data of a datastore when it says nothing of its identity."""
    kept = credential(properties)
    return DataPath.MANAGED_IDENTITY if kept is None else kept.kind


def door_of(account: JsonObject | None) -> Door:
    """``account``: body of the storage account; None where it could not be read."""
    if account is None:
        return Door.UNKNOWN
    properties = account.get("properties") or {}
    rules = properties.get("networkAcls") or {}
    shut = str(properties.get("publicNetworkAccess") or "Enabled").lower() != "enabled"
    if not shut and str(rules.get("defaultAction") or "Allow").lower() == "allow":
        return Door.OPEN
    if not shut and (rules.get("ipRules") or rules.get("virtualNetworkRules")):
        return Door.SELECTED
    words = {word.strip().lower() for word in str(rules.get("bypass") or "AzureServices").split(",")}
    return Door.TRUSTED if "azureservices" in words else Door.PRIVATE


def readers_of(properties: JsonObject, door: Door) -> Readers:
    """``properties``: of the datastore as Azure answers it."""
    kept = credential(properties)
    by_workspace = str(properties.get("serviceDataAccessAuthIdentity") or "None").lower() != "none"
    # Selected networks and trusted services leave no choice: the service itself reads, as the workspace.
    forced = door in (Door.SELECTED, Door.TRUSTED)
    if kept is None:
        return Readers(COMPUTE, PERSON, PERSON, WORKSPACE if by_workspace or forced else PERSON, PERSON)
    # "Not supported for Dataset Preview under private network".
    preview = WORKSPACE if by_workspace or forced else NOBODY if door is Door.PRIVATE else CREDENTIAL
    browse = CREDENTIAL if kept.kind in _BROWSABLE else NOBODY
    return Readers(CREDENTIAL, CREDENTIAL, CREDENTIAL, preview, browse)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
