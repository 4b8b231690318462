"""For every declared type: one missing required property and one read-only property are refused, in Azure's words.

The source of the words is beside the rule in simulator/types. Where Azure ignores a read-only value instead of refusing
it, or requires nothing, the type is listed with that reason, and the test asserts that the value is ignored.
"""

from __future__ import annotations

import copy
from typing import Any

import pytest

from simulator.types import ALL_TYPES
from tests.simulator import effects_pim, estate, refusals_gateways, refusals_learning, refusals_policies
from tests.simulator.estate import (
    CLUSTER,
    ENDPOINTS,
    HUB,
    LOCATION,
    NAT,
    NSG,
    STORAGE,
    VAULT,
    VNET,
    WORKSPACE,
    endpoint_id,
    zone_id,
)
from tests.simulator.lab import Body, Lab, provider
from tests.simulator.refusals import ELSEWHERE, IGNORED, LOCATION_REQUIRED, Case, moved

PEERING = f"{VNET}/virtualNetworkPeerings/to-hub"
ROUTES = provider("Microsoft.Network/routeTables", "routes")
POLICY = provider("Microsoft.Network/serviceEndpointPolicies", "policy")
INTERFACE, MACHINE = (
    provider("Microsoft.Network/networkInterfaces", "nic"),
    provider("Microsoft.Compute/virtualMachines", "machine"),
)
BASTION_SUBNET = f"{estate.VNET}/subnets/AzureBastionSubnet"
BASTION_ADDRESS = provider("Microsoft.Network/publicIPAddresses", "bastion")
_IN_TRAINING: Body = {"subnet": {"id": estate.TRAINING}}
_BASTION: Body = {
    "name": "c",
    "properties": {"subnet": {"id": BASTION_SUBNET}, "publicIPAddress": {"id": BASTION_ADDRESS}},
}


def machine_body(interface: str) -> Body:
    image = {"publisher": "Canonical", "offer": "0001-com-ubuntu-server-jammy", "sku": "22_04-lts-gen2"}
    key = {"path": "/home/azureuser/.ssh/authorized_keys", "keyData": "ssh-rsa AAAA x"}
    properties = {
        "hardwareProfile": {"vmSize": "Standard_D2s_v3"},
        "storageProfile": {
            "imageReference": {**image, "version": "latest"},
            "osDisk": {"name": "machine-os", "createOption": "FromImage"},
        },
        "osProfile": {
            "computerName": "machine", "adminUsername": "azureuser",
            "linuxConfiguration": {"disablePasswordAuthentication": True, "ssh": {"publicKeys": [key]}},
        },
        "networkProfile": {"networkInterfaces": [{"id": interface}]},
    }  # fmt: skip
    return {"location": LOCATION, "properties": properties}


IDENTITY = provider("Microsoft.ManagedIdentity/userAssignedIdentities", "someone")
DISKS = provider("Microsoft.Compute/diskAccesses", "disks")
SETTING = f"{WORKSPACE}/providers/Microsoft.Insights/diagnosticSettings/logs"
ZONE = zone_id("privatelink.azurecr.io")
ZONAL = provider("Microsoft.Network/publicIPAddresses", "zonal")


TOPIC = provider("Microsoft.EventGrid/systemTopics", "events")


def subscription(under: str) -> Case:
    return Case(
        f"{under}/eventSubscriptions/mine",
        estate.EVENTS_BODY,
        "properties.destination",
        ("InvalidRequest", "The destination of"),
        ("properties.topic", "/another"),
        IGNORED + "topic is readOnly in the API definition",
    )


def record(kind: str, name: str, properties: Body) -> Case:
    return Case(
        f"{ZONE}/{kind}/{name}",
        {"properties": {"ttl": 300, **properties}},
        "properties.ttl",
        ("BadRequest", "The field 'ttl' of record set"),
        ("properties.fqdn", "other."),
        IGNORED + "a record set's serialNumber that was sent came back unchanged (azure-cli recording of SOA records)",
    )


def connection(target: str, lab_name: str) -> Case:
    del lab_name
    return Case(
        f"{target}/privateEndpointConnections/?",
        {"properties": {"privateLinkServiceConnectionState": {"status": "Approved", "description": "by hand"}}},
        "properties.privateLinkServiceConnectionState.status",
        ("InvalidRequestContent", "required property 'status' not found"),
        ("properties.provisioningState", "Failed"),
        IGNORED + "provisioningState sent back is accepted in every recording that does so",
    )


def asset(kind: str) -> dict[str, Case]:
    nothing = "nothing is required: the API definition of 2023-04-01 marks no property"
    return {
        f"{WORKSPACE_TYPE}/{kind}": Case(
            f"{WORKSPACE}/{kind}/one",
            {"properties": {}},
            None,
            nothing,
            ("properties.latestVersion", "9"),
            IGNORED + "latestVersion is readOnly in the API definition",
        ),
        f"{WORKSPACE_TYPE}/{kind}/versions": Case(
            f"{WORKSPACE}/{kind}/one/versions/1",
            {"properties": {"description": "first"}},
            None,
            nothing,
            ("properties.provisioningState", "Failed"),
            IGNORED + "provisioningState is readOnly in the API definition",
        ),
    }


def service(kind: str) -> Case:
    return Case(
        f"{STORAGE}/{kind}/default",
        {"properties": {}},
        None,
        "nothing is required: an empty PUT resets a service's properties",
        ("properties.provisioningState", "Failed"),
        IGNORED + "services have no provisioningState",
    )


WORKSPACE_TYPE = "Microsoft.MachineLearningServices/workspaces"
CASES: dict[str, Case] = {
    "Microsoft.Network/virtualNetworks": Case(
        VNET,
        estate.vnet_body("10.0.0.0/16"),
        "properties.addressSpace",
        ("InvalidRequestFormat", "AddressSpace and prefixes must be specified within properties object."),
        ("location", ELSEWHERE),
        moved("vnet"),
    ),
    "Microsoft.Network/virtualNetworks/subnets": Case(
        ENDPOINTS,
        estate.subnet_body("10.0.1.0/27", networkSecurityGroup={"id": NSG}),
        "properties.addressPrefix",
        ("AddressPrefixStringCannotBeNullOrEmpty", "cannot be null or empty."),
        ("properties.addressPrefix", "10.0.1.0/28"),
        (
            "InUsePrefixCannotBeDeleted",
            "IpPrefix 10.0.1.0/27 on Subnet endpoints has active allocations and cannot be deleted.",
        ),
    ),
    "Microsoft.Network/virtualNetworks/virtualNetworkPeerings": Case(
        PEERING,
        {"properties": {"remoteVirtualNetwork": {"id": HUB}}},
        "properties.remoteVirtualNetwork",
        ("InvalidRequestFormat", "Cannot parse the request."),
        ("properties.remoteVirtualNetwork", {"id": VNET}),
        ("ChangingRemoteVirtualNetworkNotAllowed", "Cannot change the remote virtual network of peering"),
    ),
    "Microsoft.Network/networkSecurityGroups": Case(
        NSG,
        {"location": LOCATION, "properties": {}},
        "location",
        LOCATION_REQUIRED,
        ("location", ELSEWHERE),
        moved("nsg"),
    ),
    "Microsoft.Network/networkSecurityGroups/securityRules": Case(
        f"{NSG}/securityRules/aml",
        {"properties": estate.rule("aml", 100)["properties"]},
        "properties.sourceAddressPrefix",
        (
            "SecurityRuleParameterRequired",
            "must specify SourceAddressPrefixes, SourceAddressPrefix, or SourceApplicationSecurityGroups.",
        ),
        ("properties.provisioningState", "Failed"),
        IGNORED + "provisioningState sent back is accepted in every recording that does so",
    ),
    "Microsoft.Network/publicIPAddresses": Case(
        ZONAL,
        {"location": LOCATION, "sku": {"name": "Standard"}, "zones": ["1"], "properties": {}},
        "location",
        LOCATION_REQUIRED,
        ("zones", ["2"]),
        (
            "ResourceAvailabilityZonesCannotBeModified",
            "has an existing availability zone constraint 1 and the request has availability zone constraint 2, which "
            "do not match.",
        ),
    ),
    "Microsoft.Network/natGateways": Case(
        NAT,
        {"location": LOCATION, "sku": {"name": "Standard"}, "properties": {"idleTimeoutInMinutes": 4}},
        "location",
        LOCATION_REQUIRED,
        ("zones", ["1"]),
        (
            "ResourceAvailabilityZonesCannotBeModified",
            "Zones cannot be added/updated/removed once the resource is created.",
        ),
    ),
    "Microsoft.Network/routeTables": Case(
        ROUTES,
        {"location": LOCATION, "properties": {}},
        "location",
        LOCATION_REQUIRED,
        ("location", ELSEWHERE),
        moved("routes"),
    ),
    "Microsoft.Network/routeTables/routes": Case(
        f"{ROUTES}/routes/out",
        {"properties": {"addressPrefix": "0.0.0.0/0", "nextHopType": "Internet"}},
        "properties.nextHopType",
        ("InvalidRequestFormat", "Value provided for nextHopType is invalid"),
        ("properties.provisioningState", "Failed"),
        IGNORED + "provisioningState sent back is accepted in every recording that does so",
    ),
    "Microsoft.Network/serviceEndpointPolicies": Case(
        POLICY,
        {"location": LOCATION, "properties": {}},
        "location",
        LOCATION_REQUIRED,
        ("location", ELSEWHERE),
        moved("policy"),
    ),
    "Microsoft.Network/serviceEndpointPolicies/serviceEndpointPolicyDefinitions": Case(
        f"{POLICY}/serviceEndpointPolicyDefinitions/storage",
        {"properties": {"service": "Microsoft.Storage", "serviceResources": [STORAGE]}},
        "properties.serviceResources",
        ("ServiceEndpointPolicyDefinitionHasInvalidServiceResources", "has invalid service resources for service"),
        ("properties.provisioningState", "Failed"),
        IGNORED + "provisioningState sent back is accepted in every recording that does so",
    ),
    "Microsoft.Network/networkInterfaces": Case(
        INTERFACE,
        {"location": LOCATION, "properties": {"ipConfigurations": [{"name": "c", "properties": _IN_TRAINING}]}},
        "location",
        LOCATION_REQUIRED,
        ("properties.provisioningState", "Failed"),
        IGNORED + "provisioningState sent back is accepted in every recording that does so",
    ),
    "Microsoft.Compute/virtualMachines": Case(
        MACHINE,
        machine_body(INTERFACE),
        "properties.storageProfile",
        ("InvalidParameter", "Required parameter 'storageProfile' is missing (null)."),
        ("properties.storageProfile.osDisk.name", "other"),
        ("PropertyChangeNotAllowed", "Changing property 'osDisk.name' is not allowed."),
    ),
    "Microsoft.Compute/virtualMachines/extensions": Case(
        f"{MACHINE}/extensions/script",
        {"location": LOCATION, "properties": {"publisher": "P", "type": "CustomScript", "typeHandlerVersion": "2.1"}},
        "properties.publisher",
        ("InvalidParameter", "Required parameter 'publisher' is missing (null)."),
        ("properties.provisioningState", "Failed"),
        IGNORED + "provisioningState sent back is accepted in every recording that does so",
    ),
    "Microsoft.Compute/disks": Case(
        provider("Microsoft.Compute/disks", "disk"),
        {"location": LOCATION, "sku": {"name": "Premium_LRS"}, "properties": {"diskSizeGB": 32}},
        "location",
        LOCATION_REQUIRED,
        ("location", ELSEWHERE),
        moved("disk"),
    ),
    "Microsoft.Network/bastionHosts": Case(
        provider("Microsoft.Network/bastionHosts", "bastion"),
        {"location": LOCATION, "sku": {"name": "Standard"}, "properties": {"ipConfigurations": [_BASTION]}},
        "location",
        LOCATION_REQUIRED,
        ("location", ELSEWHERE),
        moved("bastion"),
    ),
    "Microsoft.Network/privateEndpoints": Case(
        endpoint_id("blob"),
        estate.endpoint_body(STORAGE, "blob"),
        "properties.subnet",
        ("InvalidRequestFormat", "Cannot parse the request."),
        ("properties.subnet", {"id": estate.TRAINING}),
        ("CannotChangeSubnetOnExistingPrivateEndpoint", "Cannot change the subnet in which the network interface for"),
    ),
    "Microsoft.Network/privateEndpoints/privateDnsZoneGroups": Case(
        f"{endpoint_id('blob')}/privateDnsZoneGroups/default",
        estate.zone_group_body("privatelink.blob.core.windows.net"),
        "properties.privateDnsZoneConfigs",
        ("InvalidRequestFormat", "must have at least one private DNS zone configuration."),
        ("properties.provisioningState", "Failed"),
        IGNORED + "recordSets and provisioningState are readOnly in the API definition",
    ),
    "Microsoft.Network/privateDnsZones": Case(
        ZONE,
        {"location": "global"},
        "location",
        LOCATION_REQUIRED,
        ("location", LOCATION),
        (
            "LocationNotAvailableForResourceType",
            "The provided location 'westeurope' is not available for resource type "
            "'Microsoft.Network/privateDnsZones'. List of available regions for the resource type is 'global'.",
        ),
    ),
    "Microsoft.Network/privateDnsZones/virtualNetworkLinks": Case(
        f"{ZONE}/virtualNetworkLinks/vnet",
        estate.link_body(VNET),
        "location",
        LOCATION_REQUIRED,
        ("properties.virtualNetwork", {"id": HUB}),
        ("BadRequest", "cannot be changed."),
    ),
    "Microsoft.Network/privateDnsZones/A": record("A", "a", {"aRecords": [{"ipv4Address": "10.0.0.9"}]}),
    "Microsoft.Network/privateDnsZones/AAAA": record("AAAA", "a", {"aaaaRecords": [{"ipv6Address": "fd00::1"}]}),
    "Microsoft.Network/privateDnsZones/CNAME": record("CNAME", "c", {"cnameRecord": {"cname": "a.example"}}),
    "Microsoft.Network/privateDnsZones/MX": record("MX", "m", {"mxRecords": [{"preference": 1, "exchange": "a."}]}),
    "Microsoft.Network/privateDnsZones/PTR": record("PTR", "p", {"ptrRecords": [{"ptrdname": "a."}]}),
    "Microsoft.Network/privateDnsZones/SRV": record("SRV", "s", {"srvRecords": []}),
    "Microsoft.Network/privateDnsZones/TXT": record("TXT", "t", {"txtRecords": [{"value": ["x"]}]}),
    "Microsoft.Network/privateDnsZones/SOA": Case(
        f"{ZONE}/SOA/@",
        {"properties": {"soaRecord": {"email": "hostmaster.example.com"}}},
        None,
        "a zone's SOA record exists from the first and keeps what a PUT leaves out",
        ("properties.soaRecord.serialNumber", 5),
        IGNORED + "serialNumber 5 was sent and 1 came back (azure-cli recording)",
    ),
    "Microsoft.Storage/storageAccounts": Case(
        STORAGE,
        estate.STORAGE_BODY,
        "sku.name",
        ("InvalidValuesForRequestParameters", "Values for request parameters are invalid: sku."),
        ("properties.isHnsEnabled", True),
        (
            "AccountPropertyCannotBeUpdated",
            "The property 'isHnsEnabled' was specified in the input, but it cannot be updated as it is read-only.",
        ),
    ),
    "Microsoft.Storage/storageAccounts/privateEndpointConnections": connection(STORAGE, "account1"),
    "Microsoft.Storage/storageAccounts/blobServices": service("blobServices"),
    "Microsoft.Storage/storageAccounts/fileServices": service("fileServices"),
    "Microsoft.Storage/storageAccounts/queueServices": service("queueServices"),
    "Microsoft.Storage/storageAccounts/tableServices": service("tableServices"),
    "Microsoft.KeyVault/vaults": Case(
        VAULT,
        estate.VAULT_BODY,
        "properties.tenantId",
        ("BadRequest", "The parameter tenantId is not specified."),
        ("properties.softDeleteRetentionInDays", 7),
        ("BadRequest", 'The property "softDeleteRetentionInDays" has been set already and it can\'t be modified.'),
    ),
    "Microsoft.KeyVault/vaults/privateEndpointConnections": connection(VAULT, "vault-1"),
    "Microsoft.ContainerRegistry/registries": Case(
        estate.REGISTRY,
        estate.REGISTRY_BODY,
        "sku.name",
        ("ClassicSkuDeprecated", "Classic SKU is now deprecated. Please select a managed SKU."),
        ("location", ELSEWHERE),
        moved("registry1"),
    ),
    "Microsoft.ContainerRegistry/registries/privateEndpointConnections": connection(estate.REGISTRY, "registry1"),
    "Microsoft.OperationalInsights/workspaces": Case(
        estate.LOGS, estate.LOGS_BODY, "location", LOCATION_REQUIRED, ("location", ELSEWHERE), moved("logs")
    ),
    "Microsoft.Insights/components": Case(
        estate.INSIGHTS, estate.INSIGHTS_BODY, "location", LOCATION_REQUIRED, ("location", ELSEWHERE), moved("insights")
    ),
    "Microsoft.Insights/diagnosticSettings": Case(
        SETTING,
        {"properties": {"workspaceId": estate.LOGS, "logs": [{"category": "AmlComputeJobEvent", "enabled": True}]}},
        "properties.workspaceId",
        ("BadRequest", "At least one data sink needs to be specified."),
        ("name", "another"),
        IGNORED + "a setting has no other read-only value than its id, name and type",
    ),
    "Microsoft.EventGrid/eventSubscriptions": subscription(f"{WORKSPACE}/providers/Microsoft.EventGrid"),
    "Microsoft.EventGrid/systemTopics": Case(
        TOPIC,
        {
            "location": LOCATION,
            "properties": {"source": WORKSPACE, "topicType": "Microsoft.MachineLearningServices.Workspaces"},
        },
        "properties.source",
        ("InvalidRequest", "The source of system topic"),
        ("properties.metricResourceId", "mine"),
        IGNORED + "metricResourceId is readOnly in the API definition",
    ),
    "Microsoft.EventGrid/systemTopics/eventSubscriptions": subscription(TOPIC),
    "Microsoft.ManagedIdentity/userAssignedIdentities": Case(
        IDENTITY, {"location": LOCATION}, "location", LOCATION_REQUIRED, ("location", ELSEWHERE), moved("someone")
    ),
    "Microsoft.Authorization/roleEligibilityScheduleRequests": Case(
        effects_pim.name(1),
        effects_pim.request(),
        "properties.principalId",
        ("InvalidRequestBody", "The request body is not valid: principalId is required."),
        ("properties.status", "Denied"),
        ("RoleAssignmentExists", "The Role assignment already exists."),
        effects_pim.name(2),
    ),
    "Microsoft.Compute/diskAccesses": Case(
        DISKS, {"location": LOCATION}, "location", LOCATION_REQUIRED, ("location", ELSEWHERE), moved("disks")
    ),
    "Microsoft.Compute/diskAccesses/privateEndpointConnections": connection(DISKS, "disks"),
    WORKSPACE_TYPE: Case(
        WORKSPACE,
        estate.WORKSPACE_BODY,
        "properties.keyVault",
        ("Invalid", "Missing dependent resources in workspace json"),
        ("properties.storageAccount", provider("Microsoft.Storage/storageAccounts", "account2")),
        ("BadRequest", "Storage Account update is not supported yet"),
    ),
    f"{WORKSPACE_TYPE}/privateEndpointConnections": connection(WORKSPACE, "ws1"),
    f"{WORKSPACE_TYPE}/computes": Case(
        CLUSTER,
        estate.cluster_body(),
        "properties.computeType",
        ("UserError", "The property 'computeType' of compute"),
        ("location", ELSEWHERE),
        moved("cpu"),
    ),
    f"{WORKSPACE_TYPE}/jobs": Case(
        estate.JOB,
        estate.JOB_BODY,
        "properties.jobType",
        ("UserError", "The property 'jobType' of job"),
        ("properties.command", "rm"),
        ("UserError", "A job with this name already exists."),
    ),
    f"{WORKSPACE_TYPE}/datastores": Case(
        f"{WORKSPACE}/datastores/mine",
        estate.DATASTORE_BODY,
        "properties.datastoreType",
        ("UserError", "The property 'datastoreType' of datastore"),
        ("properties.isDefault", True),
        IGNORED + "isDefault is readOnly in the API definition",
    ),
    f"{WORKSPACE_TYPE}/onlineEndpoints": Case(
        estate.ENDPOINT,
        estate.ONLINE_BODY,
        "properties.authMode",
        ("UserError", "The property 'authMode' of endpoint"),
        ("properties.scoringUri", "https://mine"),
        IGNORED + "scoringUri is readOnly in the API definition",
    ),
    f"{WORKSPACE_TYPE}/onlineEndpoints/deployments": Case(
        f"{estate.ENDPOINT}/deployments/blue",
        estate.DEPLOYMENT_BODY,
        "properties.endpointComputeType",
        ("UserError", "The property 'endpointComputeType' of deployment"),
        ("location", ELSEWHERE),
        moved("blue"),
    ),
    **asset("environments"),
    **asset("codes"),
    **asset("components"),
    **asset("data"),
    **refusals_gateways.CASES,
    **refusals_learning.CASES,
    **refusals_policies.CASES,
}

#: Types that no caller writes.
READ = {
    "Microsoft.Insights/metrics": "a question, no resource",
    "Microsoft.Insights/metricDefinitions": "a question, no resource",
    "Microsoft.Insights/diagnosticSettingsCategories": "a question, no resource",
    "microsoft.alertsmanagement/smartDetectorAlertRules": "comes with Application Insights",
    "microsoft.insights/actiongroups": "comes with Application Insights",
    "Microsoft.KeyVault/locations": "only carries deleted vaults",
    "Microsoft.KeyVault/locations/deletedVaults": "made by a vault's deletion",
    "Microsoft.Authorization/roleEligibilityScheduleInstances": "made by requests",
    "Microsoft.Authorization/roleAssignmentScheduleInstances": "made by requests",
    "Microsoft.Management/managementGroups": "the world's own",
    "Microsoft.MachineLearningServices/softDeletedWorkspaces": "made by a workspace's deletion, shown to nobody",
}


#: Written of oneself and by somebody eligible only: effects_pim.py has its refusals.
OF_ONESELF = {"Microsoft.Authorization/roleAssignmentScheduleRequests"}


def test_every_declared_type_is_here() -> None:
    writable = {rtype.name for rtype in ALL_TYPES if "PUT" in rtype.methods}
    assert set(CASES) | OF_ONESELF == writable
    assert set(READ) == {rtype.name for rtype in ALL_TYPES} - writable


@pytest.fixture(scope="module")
def built() -> Lab:
    """A secured workspace and one of everything else. The tests change nothing: every PUT is refused or idempotent."""
    lab = Lab()
    estate.secured_workspace(lab)
    lab.put(HUB, estate.vnet_body("10.9.0.0/16"))
    lab.put(provider("Microsoft.Storage/storageAccounts", "account2"), estate.STORAGE_BODY)
    lab.put(DISKS, {"location": LOCATION})
    lab.put(endpoint_id("disks"), estate.endpoint_body(DISKS, "disks"))
    lab.put(BASTION_SUBNET, estate.subnet_body("10.0.250.0/26"))
    lab.put(BASTION_ADDRESS, {"location": LOCATION, "sku": {"name": "Standard"}, "properties": {}})
    refusals_gateways.prepare(lab)
    for name, case in CASES.items():
        if not case.path.endswith("/?") and not lab.exists(case.path):
            if name.endswith("/versions"):
                continue
            lab.put(case.path, case.body)
    for name, case in CASES.items():
        if name.endswith("/versions"):
            lab.put(case.path, case.body)
    return lab


def path_of(lab: Lab, case: Case) -> str:
    """Connections are named by Azure: `?` stands for the first."""
    head, wild, _ = case.path.partition("/?")
    if not wild:
        return case.path
    listed: Body = lab.get(head)["value"][0]
    return str(listed["id"])


def without(body: Body, dotted: str) -> Body:
    changed = copy.deepcopy(body)
    *steps, leaf = dotted.split(".")
    inner = changed
    for step in steps:
        inner = inner[step]
    del inner[leaf]
    return changed


def with_value(body: Body, dotted: str, value: Any) -> Body:
    changed = copy.deepcopy(body)
    *steps, leaf = dotted.split(".")
    inner = changed
    for step in steps:
        inner = inner.setdefault(step, {})
    inner[leaf] = value
    return changed


@pytest.mark.parametrize("name", sorted(name for name, case in CASES.items() if case.missing is not None))
def test_a_missing_required_property_is_refused(built: Lab, name: str) -> None:
    case = CASES[name]
    assert case.missing is not None
    path = path_of(built, case)
    new = path if case.path.endswith("/?") else (case.new or f"{path}2")
    error = built.refused("PUT", new, without(case.body, case.missing))
    assert isinstance(case.missing_error, tuple)
    code, words = case.missing_error
    assert error["code"] == code
    assert words in error["message"]
    if new != path:
        assert not built.exists(new)


@pytest.mark.parametrize("name", sorted(name for name, case in CASES.items() if case.missing is None))
def test_where_nothing_is_required_an_empty_body_is_accepted(built: Lab, name: str) -> None:
    path = path_of(built, CASES[name])
    assert built.call("PUT", path, {"properties": {}}).status in (200, 201)
    built.put(path, CASES[name].body)


@pytest.mark.parametrize("name", sorted(CASES))
def test_a_read_only_property_is_refused(built: Lab, name: str) -> None:
    case, path = CASES[name], path_of(built, CASES[name])
    assert case.changed is not None
    before = built.get(path)
    sent = with_value(case.body, *case.changed)
    if isinstance(case.changed_error, str):
        built.put(path, sent)
    else:
        error = built.refused("PUT", path, sent)
        code, words = case.changed_error
        assert error["code"] == code
        assert words in error["message"]
    assert lookup(built.get(path), case.changed[0]) == lookup(before, case.changed[0])


def lookup(body: Any, dotted: str) -> Any:
    for step in dotted.split("."):
        body = body.get(step) if isinstance(body, dict) else None
    return body
