"""What nobody may ask for: changes of an accepted spec that Azure, or a requirement, excludes, by requirement id."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from tests.support.virtual_time import START

Spec = dict[str, Any]
Change = Callable[[Spec], None]
OWNER = "00000000-0000-0000-0000-0000000000a1"


@dataclass(frozen=True, slots=True)
class Illegal:
    """``code`` is among those of the refusal, whatever else is changed with it."""

    requirement: str
    code: str
    change: Change
    example: str = "secure-classical"
    """The example that is stored, and that is changed."""


def waiver(days: int, conflict: str = "X-01") -> Spec:
    """Of the day on which virtual time begins."""
    ends_on = (START.date() + timedelta(days=days)).isoformat()
    return {"conflict": conflict, "owner": OWNER, "reason": "Somebody needs it for a while.", "endsOn": ends_on}


def sets(path: str, value: Any) -> Change:
    """``path`` is dotted, with list positions as numbers; what is missing on the way is made."""
    *steps, last = (int(step) if step.isdigit() else step for step in path.split("."))

    def change(spec: Spec) -> None:
        holder: Any = spec
        for step in steps:
            holder = holder[step] if isinstance(step, int) else holder.setdefault(step, {})
        holder[last] = copy.deepcopy(value)

    return change


def all_of(*changes: Change) -> Change:
    """One after the other."""

    def change(spec: Spec) -> None:
        for one in changes:
            one(spec)

    return change


ADMIN = sets("registry.adminUser", True)
IDENTITY = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers/Microsoft.ManagedIdentity"
USER = f"{IDENTITY}/userAssignedIdentities/theirs"
JOINED = {"type": "systemAndUserAssigned", "create": ["workspace"], "primary": "workspace"}
HOST = {"name": "packages", "type": "fqdn", "destination": "packages.example.com"}
INTERNET = "managedAllowInternetOutbound"
BOX = {"name": "box", "size": "Standard_DS3_v2", "assignedTo": OWNER}

ILLEGAL: tuple[Illegal, ...] = (
    Illegal("X-01", "RegistryAdminAccount", ADMIN),
    Illegal("X-01", "WaiverLapsed", all_of(ADMIN, sets("waivers", [waiver(-1)]))),
    Illegal("X-01", "WaiverTooLong", all_of(ADMIN, sets("waivers", [waiver(400)]))),
    Illegal("X-01", "WaiverNotNeeded", all_of(sets("registry", {}), sets("waivers", [waiver(30)]))),
    Illegal("S2-01", "InvalidValue", sets("identity", {"type": "systemAssigned", "create": ["workspace"]})),
    Illegal("S2-01", "MissingField", sets("identity", {"type": "systemAndUserAssigned"})),
    Illegal("S2-13", "TransitionNotAllowed", sets("identity", {**JOINED, "type": "userAssigned"})),
    Illegal("S2-14", "TransitionNotAllowed", sets("identity", {"type": "systemAssigned"}), "user-assigned"),
    Illegal("S2-14", "TransitionNotAllowed", sets("identity", JOINED), "user-assigned"),
    Illegal("S2-19", "TransitionNotAllowed", sets("vault.permissionModel", "accessPolicies")),
    Illegal(
        "S2-24", "MissingField", sets("encryption.customerManagedKey", "https://kv-theirs.vault.azure.net/keys/ml")
    ),
    Illegal("S2-24", "InvalidValue", sets("encryption.identity", USER)),
    Illegal("S2-26", "InvalidValue", sets("identity.primary", "another"), "user-assigned"),
    Illegal("S2-29", "MissingField", sets("identity.primary", None), "user-assigned"),
    Illegal("S2-52", "InvalidValue", sets("compute.instances", [{**BOX, "idleShutdown": "PT5M"}])),
    Illegal("S2-41", "InvalidValue", sets("datastores.0.credentials", "accountKey"), "datastores"),
    Illegal("S2-45", "InvalidValue", sets("datastores.0.type", "azureFile"), "datastores"),
    Illegal("S2-51", "InvalidValue", sets("datastores.1.serviceIdentity", "workspace"), "datastores"),
    Illegal("S2-72", "InvalidValue", sets("registry.adminUser", True), "brought-registry"),
    Illegal("X-05", "LegacyModeExcludesV2", sets("legacyV1Mode", True), "datastores"),
    Illegal("S5-01", "InvalidValue", sets("catalog.collections", ["meta"])),
    Illegal("S5-04", "InvalidValue", sets("network.managed.outboundRules", [HOST]), "managed-internet"),
    Illegal(
        "S5-07",
        "TransitionNotAllowed",
        all_of(sets("network.mode", "privateVnet"), sets("network.managed", {}), sets("catalog", {})),
        "managed-internet",
    ),
    Illegal(
        "S5-08",
        "TransitionNotAllowed",
        all_of(sets("network.mode", INTERNET), sets("network.managed", {}), sets("catalog", {})),
        "managed-approved-catalog",
    ),
    Illegal("S3-72", "InvalidValue", sets("catalog.packages", ["python"])),
    Illegal("X-05", "LegacyModeExcludesV2", sets("legacyV1Mode", True), "managed-internet"),
    Illegal(
        "X-13",
        "ManagedNetworkHasNoSubnet",
        sets("network.egress", {"storageEndpointPolicy": True}),
        "managed-approved-catalog",
    ),
    Illegal("S1-31", "InvalidValue", sets("compute.clusters.0.idleBeforeScaleDown", "PT3H")),
    Illegal("X-15", "AccountKeyInSharedVault", sets("storage.sharedKeyAccess", True)),
    Illegal("X-05", "InvalidValue", sets("waivers", [waiver(30, "X-05")])),
)

LEGAL: tuple[Change, ...] = (
    sets("compute.clusters.0.maxNodes", 6),
    sets("compute.clusters.0.minNodes", 1),
    sets("compute.clusters.0.idleBeforeScaleDown", "PT10M"),
    sets("expiry", {"expiresOn": "2027-07-30"}),
    sets("workload", "cv"),
    sets("owners", [OWNER, "00000000-0000-0000-0000-0000000000a2"]),
    sets("vault", {"permissionModel": "rbac"}),
)
