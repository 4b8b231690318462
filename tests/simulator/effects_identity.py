"""What identities and keys of the customer's own may be: one function a hook, as in ``effects_services``."""

from __future__ import annotations

from typing import Any

from tests.simulator import estate
from tests.simulator.effects_network import effect
from tests.simulator.estate import INSIGHTS, LOCATION, REGISTRY, STORAGE, TENANT, VAULT, WORKSPACE
from tests.simulator.lab import Body, Lab, provider

CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"
ADMINISTRATOR = "00482a5a-887f-4fb3-b363-3b7fe8e74483"
CRYPTO_USER = "e147488a-f6f5-4113-8e2d-b22465e65bf6"
ONE, TWO = (provider("Microsoft.ManagedIdentity/userAssignedIdentities", name) for name in ("one", "two"))
KEYS = provider("Microsoft.KeyVault/vaults", "keys-of-ours")
KEY = "https://keys-of-ours.vault.azure.net/keys/data"
USERS = {"type": "UserAssigned", "userAssignedIdentities": {ONE: {}}}
BOTH = {**USERS, "type": "SystemAssigned,UserAssigned"}


def identity(lab: Lab, arm_id: str) -> str:
    """Its principal."""
    return str(lab.put(arm_id, {"location": LOCATION})["properties"]["principalId"])


def prepared(lab: Lab, *, roles: bool = True) -> str:
    """A group, what a workspace needs, an identity with or without its roles; the identity's principal."""
    lab.group()
    estate.dependants(lab)
    principal = identity(lab, ONE)
    for scope in (STORAGE, VAULT, REGISTRY, INSIGHTS) if roles else ():
        lab.engine.grant(scope, CONTRIBUTOR, principal)
    if roles:
        lab.engine.grant(VAULT, ADMINISTRATOR, principal)
    return principal


def workspace(kind: Body, **properties: Any) -> Body:
    body = estate.WORKSPACE_BODY
    return {**body, "identity": kind, "properties": {**body["properties"], **properties}}


@effect("workspace-identity-transitions")
def a_system_identity_may_be_joined_and_no_kind_may_change_otherwise(lab: Lab) -> None:
    prepared(lab)
    before = lab.put(WORKSPACE, estate.WORKSPACE_BODY)["identity"]["principalId"]
    joined = lab.put(WORKSPACE, workspace(BOTH))["identity"]
    assert joined["principalId"] == before
    for kind in ({"type": "SystemAssigned"}, USERS):
        error = lab.refused("PUT", WORKSPACE, workspace(kind, primaryUserAssignedIdentity=ONE))
        assert (error["code"], "is not supported" in error["message"]) == ("ValidationError", True)
    assert lab.get(WORKSPACE)["identity"]["type"] == "SystemAssigned,UserAssigned"


@effect("workspace-primary-identity")
def the_primary_identity_is_one_of_those_listed(lab: Lab) -> None:
    prepared(lab)
    identity(lab, TWO)
    assert lab.refused("PUT", WORKSPACE, workspace(USERS))["code"] == "ValidationError"
    assert lab.refused("PUT", WORKSPACE, workspace(USERS, primaryUserAssignedIdentity=TWO))["code"] == "ValidationError"
    made = lab.put(WORKSPACE, workspace(USERS, primaryUserAssignedIdentity=ONE))
    assert "principalId" not in made["identity"]


@effect("workspace-identity-needs-roles")
def a_workspace_works_with_its_dependants_as_its_primary_identity(lab: Lab) -> None:
    principal = prepared(lab, roles=False)
    asked = workspace(USERS, primaryUserAssignedIdentity=ONE)
    assert "Contributor on storageAccount" in lab.refused("PUT", WORKSPACE, asked)["message"]
    for scope in (STORAGE, VAULT, REGISTRY, INSIGHTS):
        lab.engine.grant(scope, CONTRIBUTOR, principal)
    assert "secrets of keyVault" in lab.refused("PUT", WORKSPACE, asked)["message"]
    lab.engine.grant(VAULT, ADMINISTRATOR, principal)
    assert lab.put(WORKSPACE, asked)["properties"]["provisioningState"] == "Succeeded"


def key_vault(lab: Lab, **more: Any) -> None:
    properties = {
        "tenantId": TENANT,
        "sku": {"family": "A", "name": "premium"},
        "accessPolicies": [],
        "enablePurgeProtection": True,
        **more,
    }
    estate.settle(lab, KEYS, {"location": LOCATION, "properties": properties})


def own_key(vault: str = KEYS) -> Body:
    return {
        "status": "Enabled",
        "identity": {"userAssignedIdentity": ONE},
        "keyVaultProperties": {"keyVaultArmId": vault, "keyIdentifier": KEY},
    }


def policy(principal: str, *allowed: str) -> list[Body]:
    return [{"tenantId": TENANT, "objectId": principal, "permissions": {"keys": list(allowed)}}]


@effect("workspace-own-key")
def a_key_lies_in_a_vault_that_nobody_can_purge_and_its_identity_may_use_it(lab: Lab) -> None:
    principal = prepared(lab)
    asked = workspace(BOTH, encryption=own_key())
    assert "does not lie in" in lab.refused("PUT", WORKSPACE, asked)["message"]
    key_vault(lab)
    for allowed in ((), ("get", "wrapKey")):
        key_vault(lab, accessPolicies=policy(principal, *allowed))
        assert lab.refused("PUT", WORKSPACE, asked)["code"] == "KeyVaultAccessForbidden"
    key_vault(lab, accessPolicies=policy(principal, "Get", "WrapKey", "UnwrapKey"))
    assert lab.put(WORKSPACE, asked)["properties"]["encryption"]["status"] == "Enabled"


@effect("workspace-own-key-stays")
def a_key_is_there_from_the_beginning_or_never(lab: Lab) -> None:
    principal = prepared(lab)
    key_vault(lab, accessPolicies=policy(principal, "all"))
    lab.put(WORKSPACE, workspace(BOTH))
    error = lab.refused("PUT", WORKSPACE, workspace(BOTH, encryption=own_key()))
    assert error["message"].endswith("another key in the original key vault.")


@effect("storage-own-key")
def an_account_s_key_is_used_by_its_identity(lab: Lab) -> None:
    lab.group()
    principal = identity(lab, ONE)
    encryption = {
        "keySource": "Microsoft.Keyvault",
        "keyvaultproperties": {"keyname": "data", "keyvaulturi": "https://keys-of-ours.vault.azure.net"},
        "identity": {"userAssignedIdentity": ONE},
    }
    properties = {**estate.STORAGE_BODY["properties"], "encryption": encryption}
    asked = {**estate.STORAGE_BODY, "identity": USERS, "properties": properties}
    assert lab.refused("PUT", STORAGE, asked)["code"] == "KeyVaultPolicyError"
    key_vault(lab, enableRbacAuthorization=True)
    assert lab.refused("PUT", STORAGE, asked)["code"] == "KeyVaultAccessForbidden"
    lab.engine.grant(KEYS, CRYPTO_USER, principal)
    assert lab.put(STORAGE, asked)["properties"]["encryption"]["keySource"] == "Microsoft.Keyvault"


TABLE = True
