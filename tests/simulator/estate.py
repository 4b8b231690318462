"""A full secured workspace, made by hand-written PUTs: what the product will ask for, without the product."""

from __future__ import annotations

from tests.simulator.lab import Body, Lab, provider

LOCATION = "westeurope"
ZONES = (
    "privatelink.api.azureml.ms",
    "privatelink.notebooks.azure.net",
    "privatelink.blob.core.windows.net",
    "privatelink.file.core.windows.net",
    "privatelink.vaultcore.azure.net",
    "privatelink.azurecr.io",
)
TENANT = "11111111-1111-1111-1111-111111111111"

NSG = provider("Microsoft.Network/networkSecurityGroups", "nsg")
ADDRESS = provider("Microsoft.Network/publicIPAddresses", "pip")
NAT = provider("Microsoft.Network/natGateways", "nat")
VNET = provider("Microsoft.Network/virtualNetworks", "vnet")
HUB = provider("Microsoft.Network/virtualNetworks", "hub")
TRAINING = f"{VNET}/subnets/training"
ENDPOINTS = f"{VNET}/subnets/endpoints"
STORAGE = provider("Microsoft.Storage/storageAccounts", "account1")
VAULT = provider("Microsoft.KeyVault/vaults", "vault-1")
REGISTRY = provider("Microsoft.ContainerRegistry/registries", "registry1")
LOGS = provider("Microsoft.OperationalInsights/workspaces", "logs")
INSIGHTS = provider("Microsoft.Insights/components", "insights")
WORKSPACE = provider("Microsoft.MachineLearningServices/workspaces", "ws1")
CLUSTER = f"{WORKSPACE}/computes/cpu"
JOB = f"{WORKSPACE}/jobs/train-1"
ENDPOINT = f"{WORKSPACE}/onlineEndpoints/churn"


def zone_id(name: str) -> str:
    return provider("Microsoft.Network/privateDnsZones", name)


def endpoint_id(name: str) -> str:
    return provider("Microsoft.Network/privateEndpoints", name)


def rule(name: str, priority: int, direction: str = "Outbound", **more: object) -> Body:
    return {
        "name": name,
        "properties": {
            "protocol": "Tcp",
            "access": "Allow",
            "direction": direction,
            "priority": priority,
            "sourceAddressPrefix": "VirtualNetwork",
            "sourcePortRange": "*",
            "destinationAddressPrefix": "AzureMachineLearning",
            "destinationPortRange": "443",
            **more,
        },
    }


def network(lab: Lab, *, nat: bool = True) -> None:
    lab.put(NSG, {"location": LOCATION, "properties": {"securityRules": [rule("aml", 100)]}})
    lab.put(ADDRESS, {"location": LOCATION, "sku": {"name": "Standard"}, "properties": {}})
    lab.put(
        NAT,
        {
            "location": LOCATION,
            "sku": {"name": "Standard"},
            "properties": {"idleTimeoutInMinutes": 4, "publicIpAddresses": [{"id": ADDRESS}]},
        },
    )
    lab.put(VNET, vnet_body("10.0.0.0/16"))
    lab.put(ENDPOINTS, subnet_body("10.0.1.0/27", networkSecurityGroup={"id": NSG}))
    more = {"natGateway": {"id": NAT}} if nat else {}
    lab.put(TRAINING, subnet_body("10.0.2.0/24", networkSecurityGroup={"id": NSG}, **more))


def vnet_body(prefix: str, **more: object) -> Body:
    return {"location": LOCATION, "properties": {"addressSpace": {"addressPrefixes": [prefix]}, **more}}


def subnet_body(prefix: str, **more: object) -> Body:
    return {"properties": {"addressPrefix": prefix, "defaultOutboundAccess": False, **more}}


def zones(lab: Lab, names: tuple[str, ...] = ZONES) -> None:
    for name in names:
        lab.put(zone_id(name), {"location": "global"})
        lab.put(f"{zone_id(name)}/virtualNetworkLinks/vnet", link_body(VNET))


def link_body(vnet: str) -> Body:
    return {"location": "global", "properties": {"registrationEnabled": False, "virtualNetwork": {"id": vnet}}}


STORAGE_BODY: Body = {
    "location": LOCATION,
    "sku": {"name": "Standard_LRS"},
    "kind": "StorageV2",
    "properties": {
        "allowSharedKeyAccess": False,
        "publicNetworkAccess": "Disabled",
        "networkAcls": {"bypass": "AzureServices", "defaultAction": "Deny"},
    },
}
VAULT_BODY: Body = {
    "location": LOCATION,
    "properties": {
        "tenantId": TENANT,
        "sku": {"family": "A", "name": "standard"},
        "enableRbacAuthorization": True,
        "publicNetworkAccess": "Disabled",
        "networkAcls": {"bypass": "AzureServices", "defaultAction": "Deny"},
    },
}
REGISTRY_BODY: Body = {
    "location": LOCATION,
    "sku": {"name": "Premium"},
    "properties": {"adminUserEnabled": False, "publicNetworkAccess": "Disabled"},
}
LOGS_BODY: Body = {"location": LOCATION, "properties": {"sku": {"name": "PerGB2018"}, "retentionInDays": 30}}
INSIGHTS_BODY: Body = {
    "location": LOCATION,
    "kind": "web",
    "properties": {"Application_Type": "web", "WorkspaceResourceId": LOGS},
}
DATASTORE_BODY: Body = {
    "properties": {
        "datastoreType": "AzureBlob",
        "accountName": "account1",
        "containerName": "orders",
        "credentials": {"credentialsType": "None"},
    }
}
WORKSPACE_BODY: Body = {
    "location": LOCATION,
    "identity": {"type": "SystemAssigned"},
    "properties": {
        "storageAccount": STORAGE,
        "keyVault": VAULT,
        "applicationInsights": INSIGHTS,
        "containerRegistry": REGISTRY,
        "publicNetworkAccess": "Disabled",
        "systemDatastoresAuthMode": "identity",
        "imageBuildCompute": "cpu",
    },
}


def dependants(lab: Lab) -> None:
    lab.put(STORAGE, STORAGE_BODY)
    vault(lab)
    lab.put(REGISTRY, REGISTRY_BODY)
    settle(lab, LOGS, LOGS_BODY)
    lab.put(INSIGHTS, INSIGHTS_BODY)


def vault(lab: Lab) -> None:
    settle(lab, VAULT, VAULT_BODY)


def settle(lab: Lab, path: str, body: Body) -> Body:
    """For types without an operation URL: wait on the resource itself."""
    lab.put(path, body)
    lab.advance(60)
    return lab.get(path)


def endpoint_body(target: str, group: str, *, subnet: str = ENDPOINTS, manual: bool = False) -> Body:
    field = "manualPrivateLinkServiceConnections" if manual else "privateLinkServiceConnections"
    connection = {"name": "c", "properties": {"privateLinkServiceId": target, "groupIds": [group]}}
    return {"location": LOCATION, "properties": {"subnet": {"id": subnet}, field: [connection]}}


def zone_group_body(*names: str) -> Body:
    configs = [{"name": name.replace(".", "-"), "properties": {"privateDnsZoneId": zone_id(name)}} for name in names]
    return {"properties": {"privateDnsZoneConfigs": configs}}


ENDPOINT_TARGETS = (
    ("blob", STORAGE, "blob", ("privatelink.blob.core.windows.net",)),
    ("file", STORAGE, "file", ("privatelink.file.core.windows.net",)),
    ("vault", VAULT, "vault", ("privatelink.vaultcore.azure.net",)),
    ("registry", REGISTRY, "registry", ("privatelink.azurecr.io",)),
    ("workspace", WORKSPACE, "amlworkspace", ("privatelink.api.azureml.ms", "privatelink.notebooks.azure.net")),
)


def endpoint(lab: Lab, name: str) -> None:
    _, target, group, names = next(row for row in ENDPOINT_TARGETS if row[0] == name)
    lab.put(endpoint_id(name), endpoint_body(target, group))
    lab.put(f"{endpoint_id(name)}/privateDnsZoneGroups/default", zone_group_body(*names))


def cluster_body(**more: object) -> Body:
    return {
        "location": LOCATION,
        "identity": {"type": "SystemAssigned"},
        "properties": {
            "computeType": "AmlCompute",
            "properties": {
                "vmSize": "STANDARD_DS3_V2",
                "vmPriority": "Dedicated",
                "scaleSettings": {"minNodeCount": 0, "maxNodeCount": 2, "nodeIdleTimeBeforeScaleDown": "PT120S"},
                "subnet": {"id": TRAINING},
                "enableNodePublicIp": False,
                "remoteLoginPortPublicAccess": "Disabled",
                **more,
            },
        },
    }


JOB_BODY: Body = {
    "properties": {
        "jobType": "Command",
        "command": "echo hello",
        "computeId": CLUSTER,
        "environmentId": f"{WORKSPACE}/environments/env/versions/1",
        "experimentName": "smoke",
    }
}


def secured_workspace(lab: Lab, *, nat: bool = True, cluster: bool = True) -> None:
    """Everything up to the cluster. About thirty calls."""
    lab.group()
    network(lab, nat=nat)
    zones(lab)
    dependants(lab)
    lab.put(WORKSPACE, WORKSPACE_BODY)
    for name, *_ in ENDPOINT_TARGETS:
        endpoint(lab, name)
    if cluster:
        lab.put(CLUSTER, cluster_body())


ONLINE_BODY: Body = {
    "location": LOCATION,
    "identity": {"type": "SystemAssigned"},
    "properties": {"authMode": "AADToken"},
}
DEPLOYMENT_BODY: Body = {
    "location": LOCATION,
    "sku": {"name": "Default", "capacity": 2},
    "properties": {"endpointComputeType": "Managed", "instanceType": "Standard_DS3_v2"},
}


EVENTS_BODY: Body = {
    "properties": {
        "destination": {"endpointType": "WebHook", "properties": {"endpointUrl": "http://localhost:7071/hook?code=s"}}
    }
}
