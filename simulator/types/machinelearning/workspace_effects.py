"""What a new Azure ML workspace causes: roles of its identity, and datastores in its storage account."""

from __future__ import annotations

from simulator.engine.declaration import EngineApi, HookContext, Resource
from simulator.types._shared import dig, group_of, subscription_of

CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"
STORAGE_BLOB_DATA_CONTRIBUTOR = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
KEY_VAULT_ADMINISTRATOR = "00482a5a-887f-4fb3-b363-3b7fe8e74483"
ACR_PULL = "7f951dda-4ed3-4680-a7ca-43fe172d538d"


def workspace_guid(engine: EngineApi, workspace_id: str) -> str:
    return engine.guid("workspaceId", workspace_id.lower())


def grant_roles(ctx: HookContext) -> None:
    """What Azure itself grants a workspace's system-assigned identity.

    Source: learn.microsoft.com "Enterprise security and governance for Azure Machine Learning", table of the managed
    identity's permissions: workspace Contributor; storage Storage Blob Data Contributor; key vault all keys, secrets,
    certificates; container registry Contributor; resource group of the workspace Contributor. In a vault that uses
    RBAC the permission is the role Key Vault Administrator, and Application Insights Contributor is listed beside it in
    "Set up authentication between Azure Machine Learning and other services" (roles of a workspace's identity).
    """
    workspace = ctx.resource
    principal = dig(workspace.body, "identity.principalId")
    if not principal:
        return
    properties = workspace.properties
    grants: list[tuple[str | None, str]] = [
        (workspace.id, CONTRIBUTOR),
        (group_of(workspace.id), CONTRIBUTOR),
        (properties.get("storageAccount"), STORAGE_BLOB_DATA_CONTRIBUTOR),
        (properties.get("containerRegistry"), CONTRIBUTOR),
        (properties.get("applicationInsights"), CONTRIBUTOR),
    ]
    vault = ctx.engine.get(str(properties.get("keyVault") or ""))
    if vault is not None and vault.properties.get("enableRbacAuthorization"):
        grants.append((vault.id, KEY_VAULT_ADMINISTRATOR))
    elif vault is not None:
        _add_access_policy(ctx.engine, vault, str(principal))
    for scope, role in grants:
        target = ctx.engine.get(scope) if scope else None
        if target is not None:
            ctx.engine.grant(target.id, role, str(principal))


def _add_access_policy(engine: EngineApi, vault: Resource, principal: str) -> None:
    policies = list(vault.properties.get("accessPolicies") or [])
    if any(policy.get("objectId") == principal for policy in policies):
        return
    everything = {kind: ["all"] for kind in ("keys", "secrets", "certificates")}
    policies.append({"tenantId": engine.tenant_id, "objectId": principal, "permissions": everything})
    vault.properties["accessPolicies"] = policies
    engine.save(vault)


def claim_storage(ctx: HookContext) -> None:
    """A workspace claims its storage account: four system datastores point into it.

    Source: learn.microsoft.com "Use datastores" and "Azure storage account" of the workspace concept page (containers
    `azureml-blobstore-{id}`, file share `code-{guid}`).
    """
    workspace = ctx.resource
    account = str(workspace.properties.get("storageAccount")).rpartition("/")[2]
    guid = workspace_guid(ctx.engine, workspace.id)
    identity = str(workspace.properties.get("systemDatastoresAuthMode", "")).lower() == "identity"
    credentials = {"credentialsType": "None" if identity else "AccountKey"}
    containers = (
        ("workspaceblobstore", "AzureBlob", {"containerName": f"azureml-blobstore-{guid}"}),
        ("workspaceartifactstore", "AzureBlob", {"containerName": "azureml"}),
        ("workspacefilestore", "AzureFile", {"fileShareName": f"azureml-filestore-{guid}"}),
        ("workspaceworkingdirectory", "AzureFile", {"fileShareName": f"code-{guid}"}),
    )
    for name, kind, where in containers:
        ctx.engine.put(
            f"{workspace.id}/datastores/{name}",
            {
                "properties": {
                    "datastoreType": kind,
                    "accountName": account,
                    **where,
                    "endpoint": "core.windows.net",
                    "protocol": "https",
                    "credentials": credentials,
                    "serviceDataAccessAuthIdentity": "None",
                    "isDefault": name == "workspaceblobstore",
                    "subscriptionId": subscription_of(workspace.id),
                    "resourceGroup": workspace.id.split("/")[4],
                    "description": None,
                    "tags": None,
                    "properties": None,
                }
            },
        )
