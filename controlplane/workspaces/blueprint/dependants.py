"""What a workspace stands on: storage, vault, registry, Log Analytics, Application Insights (S1-10)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from controlplane.workspaces import kinds as k
from controlplane.workspaces.blueprint.context import Site, resource
from controlplane.workspaces.blueprint.identities import acting, given_key, principal_of
from controlplane.workspaces.blueprint.network import GROUP
from controlplane.workspaces.model import Resource

#: Nobody from outside, except Azure's own trusted services ("Secure workspace resources with virtual networks").
_CLOSED = {"defaultAction": "Deny", "bypass": "AzureServices", "ipRules": [], "virtualNetworkRules": []}


def storage(site: Site) -> Resource:
    properties = {
        "publicNetworkAccess": "Disabled",
        "networkAcls": _CLOSED,
        "allowSharedKeyAccess": site.spec.storage.shared_key_access,
        "allowBlobPublicAccess": False,
        "allowCrossTenantReplication": False,
        "defaultToOAuthAuthentication": True,
        "minimumTlsVersion": "TLS1_2",
        "supportsHttpsTrafficOnly": True,
        "encryption": _encryption(site),
    }
    holder = site.spec.encryption.identity
    identity = {"type": "UserAssigned", "userAssignedIdentities": {holder: {}}} if holder is not None else None
    more = {"identity": identity} if identity is not None else {}
    body = site.tracked(properties, sku={"name": "Standard_LRS"}, kind="StorageV2", **more)
    arm_id = site.id(k.STORAGE, site.names.storage)
    before = GROUP if holder is None else (*GROUP, given_key(holder))
    needs = ("S1-07", "S1-10") if holder is None else ("S1-07", "S1-10", "S2-24")
    return resource("storage", k.STORAGE, arm_id, body, before, requirements=needs)


def _encryption(site: Site) -> dict[str, Any]:
    """Of the account's data. Source: "Configure encryption with customer-managed keys stored in Azure Key Vault"; a key
    without a version follows its newest one."""
    asked = site.spec.encryption
    services = {"blob": {"enabled": True}, "file": {"enabled": True}}
    if asked.customer_managed_key is None:
        return {"keySource": "Microsoft.Storage", "services": services}
    host, _, rest = asked.customer_managed_key.partition("/keys/")
    name, _, version = rest.strip("/").partition("/")
    key = {"keyname": name, "keyvaulturi": host, **({"keyversion": version} if version else {})}
    return {
        "keySource": "Microsoft.Keyvault",
        "services": services,
        "keyvaultproperties": key,
        "identity": {"userAssignedIdentity": asked.identity},
    }


def vault(site: Site) -> Resource:
    properties: dict[str, Any] = {
        "tenantId": site.context.tenant_id,
        "sku": {"family": "A", "name": "standard"},
        # Roles decide who reads secrets, unless the spec wants policies; the list is required all the same.
        "enableRbacAuthorization": site.spec.vault.permission_model == "rbac",
        "accessPolicies": _policies(site),
        "enableSoftDelete": True,
        "softDeleteRetentionInDays": 90,
        "publicNetworkAccess": "Disabled",
        "networkAcls": _CLOSED,
    }
    if site.spec.environment.is_prod_class:
        # Never false: Azure refuses to write what can only ever be switched on.
        properties["enablePurgeProtection"] = True
    arm_id = site.id(k.VAULT, site.names.vault)
    policies = properties["accessPolicies"]
    needs = ("S1-10", "S1-17", "S2-20") if policies else ("S1-10", "S1-17")
    before = (*GROUP, *(acting(site) if policies else ()))
    return resource("vault", k.VAULT, arm_id, site.tracked(properties), before, requirements=needs)


def _policies(site: Site) -> list[dict[str, Any]]:
    """S2-20: of the user-assigned identities. For a system identity Azure adds its own when the workspace is made."""
    if site.spec.vault.permission_model == "rbac":
        return []
    return [
        {
            "tenantId": site.context.tenant_id,
            "objectId": principal_of(key),
            "permissions": {kind: list(some) for kind, some in POLICY.items()},
        }
        for key in acting(site)
    ]


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


#: Everything that an access policy can allow, but purge (S2-20: "access policies permissions, besides purge").
#: Names: Microsoft.KeyVault vaults reference, Permissions.
POLICY: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "keys": _words(
            "get list update create import delete recover backup restore decrypt encrypt unwrapKey wrapKey verify sign "
            "release rotate getrotationpolicy setrotationpolicy"
        ),
        "secrets": _words("get list set delete recover backup restore"),
        "certificates": _words(
            "get list delete create import update managecontacts getissuers listissuers setissuers deleteissuers "
            "manageissuers recover backup restore"
        ),
    }
)


def registry(site: Site) -> Resource:
    properties = {
        "adminUserEnabled": site.spec.registry.admin_user,
        "anonymousPullEnabled": False,
        "publicNetworkAccess": "Disabled",
        "networkRuleBypassOptions": "AzureServices",
    }
    body = site.tracked(properties, sku={"name": "Premium"})
    arm_id = site.id(k.REGISTRY, site.names.registry)
    needs = ("S1-10", "S1-65", "S1-66", "S1-67", "S1-68", "S2-71")
    return resource("registry", k.REGISTRY, arm_id, body, GROUP, requirements=needs)


def log_analytics_id(site: Site) -> str:
    return site.id(k.LOG_ANALYTICS, site.names.log_analytics)


def log_analytics(site: Site) -> Resource:
    days = 90 if site.spec.environment.is_prod_class else 30
    body = site.tracked({"sku": {"name": "PerGB2018"}, "retentionInDays": days})
    needs = ("S1-09", "S1-17")
    return resource("log-analytics", k.LOG_ANALYTICS, log_analytics_id(site), body, GROUP, requirements=needs)


def component(site: Site) -> Resource:
    properties = {"Application_Type": "web", "WorkspaceResourceId": log_analytics_id(site)}
    body = site.tracked(properties, kind="web")
    arm_id = site.id(k.COMPONENT, site.names.component)
    needs = ("S1-09", "S1-10")
    return resource("application-insights", k.COMPONENT, arm_id, body, ("log-analytics",), requirements=needs)
