"""What a workspace stands on: storage, vault, registry, Log Analytics, Application Insights (S1-10)."""

from __future__ import annotations

from typing import Any

from controlplane.workspaces import kinds as k
from controlplane.workspaces.blueprint.context import Site, resource
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
        "encryption": {
            "keySource": "Microsoft.Storage",
            "services": {"blob": {"enabled": True}, "file": {"enabled": True}},
        },
    }
    body = site.tracked(properties, sku={"name": "Standard_LRS"}, kind="StorageV2")
    arm_id = site.id(k.STORAGE, site.names.storage)
    return resource("storage", k.STORAGE, arm_id, body, GROUP, requirements=("S1-07", "S1-10"))


def vault(site: Site) -> Resource:
    properties: dict[str, Any] = {
        "tenantId": site.context.tenant_id,
        "sku": {"family": "A", "name": "standard"},
        # Roles, not policies, decide who reads secrets; the list is required all the same.
        "enableRbacAuthorization": True,
        "accessPolicies": [],
        "enableSoftDelete": True,
        "softDeleteRetentionInDays": 90,
        "publicNetworkAccess": "Disabled",
        "networkAcls": _CLOSED,
    }
    if site.spec.environment.is_prod_class:
        # Never false: Azure refuses to write what can only ever be switched on.
        properties["enablePurgeProtection"] = True
    arm_id = site.id(k.VAULT, site.names.vault)
    needs = ("S1-10", "S1-17")
    return resource("vault", k.VAULT, arm_id, site.tracked(properties), GROUP, requirements=needs)


def registry(site: Site) -> Resource:
    properties = {
        "adminUserEnabled": site.spec.registry.admin_user,
        "anonymousPullEnabled": False,
        "publicNetworkAccess": "Disabled",
        "networkRuleBypassOptions": "AzureServices",
    }
    body = site.tracked(properties, sku={"name": "Premium"})
    arm_id = site.id(k.REGISTRY, site.names.registry)
    needs = ("S1-10", "S1-65", "S1-66", "S1-67", "S1-68")
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
