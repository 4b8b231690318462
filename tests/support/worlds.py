"""What has to exist before an example can be asked for: its project's registration, and what it joins in Azure."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any

import yaml

from tests.support.blueprints import ROOT, example
from tests.support.quiet_product import QuietProduct

LOCATION = "westeurope"
HUB_GROUP = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg-hub"
HUB = f"{HUB_GROUP}/providers/Microsoft.Network/virtualNetworks/vnet-hub"
SPOKE = f"{HUB_GROUP}/providers/Microsoft.Network/virtualNetworks/vnet-other"


def registered(product: QuietProduct, **more: Any) -> None:
    """The project with all that the examples join: the registrations of ``examples/projects`` together."""
    together: dict[str, Any] = {}
    for path in sorted((ROOT / "examples/projects").glob("*.yaml")):
        for field, value in yaml.safe_load(path.read_text()).items():
            known = together.setdefault(field, value)
            if isinstance(value, list):
                together[field] = [*known, *(item for item in value if item not in known)]
    product.register(**{**together, **more})


def put(product: QuietProduct, arm_id: str, body: dict[str, Any]) -> None:
    """As the owner of the estate."""
    assert product.owner("PUT", arm_id, body) in (200, 201, 202), arm_id


def existing_hub(product: QuietProduct) -> None:
    """Somebody's hub: a network peered with another one, the zones, linked to it and with a record in each."""
    put(product, HUB_GROUP, {"location": LOCATION})
    for network, prefix in ((HUB, "10.9.0.0/24"), (SPOKE, "10.9.1.0/24")):
        put(product, network, {"location": LOCATION, "properties": {"addressSpace": {"addressPrefixes": [prefix]}}})
    for near, far in ((HUB, SPOKE), (SPOKE, HUB)):
        body = {"properties": {"remoteVirtualNetwork": {"id": far}, "allowVirtualNetworkAccess": True}}
        put(product, f"{near}/virtualNetworkPeerings/theirs", body)
    for zone in example("hub-existing")["network"]["hub"]["dnsZones"]:
        put(product, zone, {"location": "global"})
        link = {"location": "global", "properties": {"virtualNetwork": {"id": HUB}, "registrationEnabled": False}}
        put(product, f"{zone}/virtualNetworkLinks/theirs", link)
        record = {"properties": {"ttl": 300, "aRecords": [{"ipv4Address": "10.9.1.9"}]}}
        put(product, f"{zone}/A/theirs", record)


CRYPTO_USER = "e147488a-f6f5-4113-8e2d-b22465e65bf6"


def key_and_identities(product: QuietProduct) -> None:
    """Somebody's identities, and a vault whose keys one of them may use."""
    asked = example("customer-managed-key")
    vault, keeper = asked["encryption"]["keyVaultId"], asked["encryption"]["identity"]
    for arm_id in (*asked["identity"]["ids"], keeper, vault):
        put(product, arm_id.partition("/providers/")[0], {"location": LOCATION})
    for arm_id in (*asked["identity"]["ids"], keeper):
        put(product, arm_id, {"location": LOCATION})
    properties = {
        "tenantId": product.services.tenant_id,
        "sku": {"family": "A", "name": "premium"},
        "enableRbacAuthorization": True,
        "enablePurgeProtection": True,
    }
    put(product, vault, {"location": LOCATION, "properties": properties})
    holder = (product.body(keeper) or {})["properties"]["principalId"]
    allow(product, vault, CRYPTO_USER, holder)


def allow(product: QuietProduct, scope: str, role: str, principal: str) -> None:
    """A role assignment by the owner, once the principal is known everywhere."""
    product.advance(60)
    definition = f"{scope.partition('/resourceGroups/')[0]}/providers/Microsoft.Authorization/roleDefinitions/{role}"
    name = uuid.uuid5(uuid.NAMESPACE_URL, f"{scope}{role}{principal}")
    body = {"properties": {"roleDefinitionId": definition, "principalId": principal}}
    put(product, f"{scope}/providers/Microsoft.Authorization/roleAssignments/{name}", body)


CONNECTIVITY = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg-connectivity"
PLATFORM_HUB = f"{CONNECTIVITY}/providers/Microsoft.Network/virtualNetworks/vnet-connectivity"
PLATFORM_DNS = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg-dns"


def landing_zone(product: QuietProduct) -> None:
    """The platform's subscription: a hub with an ExpressRoute gateway, a circuit that works, zones elsewhere."""
    hub = example("landing-zone")["network"]["hub"]
    for group in (CONNECTIVITY, PLATFORM_DNS):
        put(product, group, {"location": LOCATION})
    space = {"addressSpace": {"addressPrefixes": ["10.10.0.0/22"]}}
    put(product, PLATFORM_HUB, {"location": LOCATION, "properties": space})
    subnet = f"{PLATFORM_HUB}/subnets/GatewaySubnet"
    put(product, subnet, {"properties": {"addressPrefix": "10.10.0.0/27"}})
    address = f"{CONNECTIVITY}/providers/Microsoft.Network/publicIPAddresses/pip-ergw"
    standard = {"location": LOCATION, "sku": {"name": "Standard"}, "zones": ["1", "2", "3"]}
    put(product, address, {**standard, "properties": {"publicIPAllocationMethod": "Static"}})
    place = {"subnet": {"id": subnet}, "publicIPAddress": {"id": address}}
    gateway = {
        "gatewayType": "ExpressRoute",
        "sku": {"name": "ErGw1AZ", "tier": "ErGw1AZ"},
        "ipConfigurations": [{"name": "default", "properties": place}],
    }
    put(product, hub["gatewayIds"][0], {"location": LOCATION, "properties": gateway})
    circuit = {"serviceProviderProvisioningState": "Provisioned", "circuitProvisioningState": "Enabled"}
    sku = {"name": "Standard_MeteredData", "tier": "Standard", "family": "MeteredData"}
    put(product, hub["expressRoute"]["circuitId"], {"location": LOCATION, "sku": sku, "properties": circuit})
    for zone in hub["dnsZones"]:
        put(product, zone, {"location": "global"})
        link = {"location": "global", "properties": {"virtualNetwork": {"id": PLATFORM_HUB}}}
        put(product, f"{zone}/virtualNetworkLinks/platform", link)


DATA_GROUP = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg-data"
STORAGE = f"{DATA_GROUP}/providers/Microsoft.Storage/storageAccounts"
REGISTRIES = f"{DATA_GROUP}/providers/Microsoft.ContainerRegistry/registries"


def existing_data(product: QuietProduct) -> None:
    """Somebody's data: an account that admits all networks, and a data lake behind private endpoints."""
    put(product, DATA_GROUP, {"location": LOCATION})
    account = {"location": LOCATION, "sku": {"name": "Standard_LRS"}, "kind": "StorageV2"}
    shut = {"publicNetworkAccess": "Disabled", "networkAcls": {"defaultAction": "Deny", "bypass": "None"}}
    lake = {"isHnsEnabled": True, "allowSharedKeyAccess": False, **shut}
    put(product, f"{STORAGE}/stsales", {**account, "properties": {}})
    put(product, f"{STORAGE}/stpatients", {**account, "properties": lake})


def existing_registries(product: QuietProduct) -> None:
    """Somebody's registries: one to work with, one with base images; neither has an admin account."""
    put(product, DATA_GROUP, {"location": LOCATION})
    for name in ("crshared", "crimages"):
        body = {"location": LOCATION, "sku": {"name": "Premium"}, "properties": {"adminUserEnabled": False}}
        put(product, f"{REGISTRIES}/{name}", body)


#: Example → what its world needs beside the registration.
WORLDS: Mapping[str, Callable[[QuietProduct], None]] = {
    "hub-existing": existing_hub,
    "customer-managed-key": key_and_identities,
    "firewall-egress": existing_hub,
    "landing-zone": landing_zone,
    "datastores": existing_data,
    "brought-registry": existing_registries,
}


def world_of(name: str) -> QuietProduct:
    """A product in whose Azure the example can be created."""
    product = QuietProduct()
    registered(product)
    if name in WORLDS:
        WORLDS[name](product)
    return product


POLICIES = "/subscriptions/00000000-0000-0000-0000-000000000001/providers/Microsoft.Authorization"
NO_ADMIN_USER = "/providers/Microsoft.Authorization/policyDefinitions/dc921057-6b28-4fbe-9b83-f7bec05db6c2"


def no_admin_user(product: QuietProduct, effect: str = "Deny", scope: str | None = None) -> str:
    """Somebody assigns the built-in definition that speaks of the registries' admin account."""
    place = f"{scope}/providers/Microsoft.Authorization" if scope else POLICIES
    properties = {
        "displayName": "No admin accounts",
        "policyDefinitionId": NO_ADMIN_USER,
        "parameters": {"effect": {"value": effect}},
    }
    put(product, f"{place}/policyAssignments/no-admin-user", {"properties": properties})
    return f"{place}/policyAssignments/no-admin-user"


def an_initiative(product: QuietProduct, effect: str = "audit") -> None:
    """Somebody's own definition, in an initiative of theirs, on everything in the subscription."""
    registry = "Microsoft.ContainerRegistry/registries"
    condition = {
        "allOf": [
            {"field": "type", "equals": registry},
            {"not": {"field": f"{registry}/adminUserEnabled", "notEquals": "true"}},
        ]
    }
    rule = {"if": condition, "then": {"effect": "[parameters('effect')]"}}
    of_effect = {"effect": {"type": "String"}}
    definition = {"displayName": "Theirs", "mode": "All", "parameters": of_effect, "policyRule": rule}
    put(product, f"{POLICIES}/policyDefinitions/theirs", {"properties": definition})
    member = {
        "policyDefinitionId": f"{POLICIES}/policyDefinitions/theirs",
        "policyDefinitionReferenceId": "one",
        "parameters": {"effect": {"value": "[parameters('effect')]"}},
    }
    initiative = {"displayName": "Ours", "parameters": of_effect, "policyDefinitions": [member]}
    put(product, f"{POLICIES}/policySetDefinitions/ours", {"properties": initiative})
    given = {"effect": {"value": effect}}
    assignment = {"policyDefinitionId": f"{POLICIES}/policySetDefinitions/ours", "parameters": given}
    put(product, f"{POLICIES}/policyAssignments/ours", {"properties": assignment})


def with_assets(product: QuietProduct) -> None:
    """Somebody registers data and a model."""
    home = product.ids()["workspace"]
    lies = f"{home.partition('/providers/')[0]}/workspaces/{home.rpartition('/')[2]}/datastores/sales/paths/x"
    for path, body in {
        "data/orders": {"dataType": "uri_folder", "dataUri": f"azureml:/{lies}"},
        "models/churn": {"modelType": "mlflow_model", "modelUri": f"azureml:/{lies}"},
    }.items():
        assert product.owner("PUT", f"{home}/{path}/versions/1", {"properties": body}) in (200, 201)
