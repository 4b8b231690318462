"""Addresses in subnets, managed identities on resources, and role assignments that Azure makes by itself."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from simulator.engine.hooks import ArmError, JsonObject, Resource

if TYPE_CHECKING:
    from simulator.engine.core import Engine

ROLE_ASSIGNMENTS = "Microsoft.Authorization/roleAssignments"


def allocate_ip(engine: Engine, subnet_id: str, owner: str) -> str:
    """An address of the subnet's first prefix (Azure keeps the first four and the last). It derives from the seed, the
    subnet and the owner; only where two owners want the same one does the order of their coming decide."""
    key = f"addresses:{subnet_id.lower()}"
    taken: dict[str, str] = dict(engine.store.kv.get(key, {}))
    if owner.lower() in taken:
        return taken[owner.lower()]
    subnet = engine.get(subnet_id)
    properties = subnet.properties if subnet is not None else {}
    prefix = properties.get("addressPrefix") or (properties.get("addressPrefixes") or ["10.0.0.0/24"])[0]
    network = ipaddress.ip_network(prefix)
    used = set(taken.values())
    usable = network.num_addresses - 5
    first = int(engine.digits("address", subnet_id.lower(), owner.lower(), length=8), 16)
    for offset in range(usable):
        address = str(network[4 + (first + offset) % usable])
        if address not in used:
            taken[owner.lower()] = address
            engine.store.set(key, taken)
            return address
    name = subnet_id.rpartition("/")[2]
    raise ArmError(400, "SubnetIsFull", f"Subnet {name} with address prefix {prefix} is full.")


def release_ip(engine: Engine, subnet_id: str, owner: str) -> None:
    key = f"addresses:{subnet_id.lower()}"
    taken = dict(engine.store.kv.get(key, {}))
    if taken.pop(owner.lower(), None) is not None:
        engine.store.set(key, taken)


def grant(
    engine: Engine, scope: str, role_definition_guid: str, principal_id: str, condition: str | None = None
) -> None:
    """A role assignment at `scope` unless the same triple exists there."""
    for existing in engine.children(scope, ROLE_ASSIGNMENTS):
        found = existing.properties
        role = str(found.get("roleDefinitionId"))
        if found.get("principalId") == principal_id and role.endswith(role_definition_guid):
            return
    name = engine.guid("grant", scope.lower(), role_definition_guid, principal_id)
    subscription = "/".join(scope.split("/")[:3])
    role_id = f"{subscription}/providers/Microsoft.Authorization/roleDefinitions/{role_definition_guid}"
    known = engine.store.kv.get(f"principal:{principal_id.lower()}")
    kind = known["kind"] if known else "ServicePrincipal"
    properties = {"roleDefinitionId": role_id, "principalId": principal_id, "principalType": kind}
    if condition is not None:
        properties |= {"condition": condition, "conditionVersion": "2.0"}
    engine.put(f"{scope}/providers/{ROLE_ASSIGNMENTS}/{name}", {"properties": properties})


def fill_identity(engine: Engine, resource: Resource, previous: JsonObject | None) -> None:
    """principalId, tenantId and clientId of the identities that a resource asks for."""
    identity = resource.body.get("identity")
    if not isinstance(identity, dict):
        if previous is not None and isinstance(previous.get("identity"), dict):
            resource.body["identity"] = previous["identity"]
        return
    kinds = {part.strip().lower() for part in str(identity.get("type", "None")).split(",")}
    filled: JsonObject = {"type": identity.get("type", "None")}
    if "systemassigned" in kinds:
        principal, _ = engine.create_principal(resource.id)
        filled.update(principalId=principal, tenantId=engine.tenant_id)
    elif previous is not None:
        engine.delete_principal(resource.id)
    if "userassigned" in kinds:
        wanted = identity.get("userAssignedIdentities") or {}
        filled["userAssignedIdentities"] = {one: _user_assigned(engine, resource, one) for one in wanted}
    resource.body["identity"] = filled


def _user_assigned(engine: Engine, resource: Resource, identity_id: str) -> JsonObject:
    found = engine.get(identity_id)
    if found is None:
        reason = f'{{"error":{{"code":"ResourceNotFound","message":"The identity \'{identity_id}\' was not found."}}}}'
        message = (
            f"Identity operation for resource '{resource.id}' failed with error 'Failed to perform resource identity "
            f"operation. Status: 'NotFound'. Response: '{reason}''."
        )
        raise ArmError(400, "FailedIdentityOperation", message)
    return {key: found.properties[key] for key in ("principalId", "clientId") if key in found.properties}
