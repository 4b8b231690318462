"""Every body of the blueprint goes through the published SDK's model of its type and comes out the same.

A field the model does not know, or that only Azure writes, would be lost, ignored or refused there: each is a defect
here. Resource groups and diagnostic settings have no published model among the test packages; theirs are held against
the recordings.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from controlplane.workspaces import kinds as k
from controlplane.workspaces.addresses import placed
from controlplane.workspaces.diff import body
from controlplane.workspaces.model import Ref, Resource
from controlplane.workspaces.observe import take_snapshot
from controlplane.workspaces.spec import parse_spec
from tests.support.blueprints import FULL_HUB, example, with_way_in
from tests.unit.workspaces.fake_azure import OWNER, FakeAzure, blueprint, converge

NETWORK, ML, MACHINES = "azure.mgmt.network.models", "arm_ml_service.models", "azure.mgmt.compute.models"
MODELS: dict[str, tuple[str, str]] = {
    k.VNET: (NETWORK, "VirtualNetwork"),
    k.SUBNET: (NETWORK, "Subnet"),
    k.PEERING: (NETWORK, "VirtualNetworkPeering"),
    k.NSG: (NETWORK, "NetworkSecurityGroup"),
    k.PUBLIC_IP: (NETWORK, "PublicIPAddress"),
    k.NAT_GATEWAY: (NETWORK, "NatGateway"),
    k.ROUTE_TABLE: (NETWORK, "RouteTable"),
    k.SERVICE_ENDPOINT_POLICY: (NETWORK, "ServiceEndpointPolicy"),
    k.BASTION: (NETWORK, "BastionHost"),
    k.VPN_GATEWAY: (NETWORK, "VirtualNetworkGateway"),
    k.LOCAL_GATEWAY: (NETWORK, "LocalNetworkGateway"),
    k.CONNECTION: (NETWORK, "VirtualNetworkGatewayConnection"),
    k.INTERFACE: (NETWORK, "NetworkInterface"),
    k.VM: (MACHINES, "VirtualMachine"),
    k.SCALE_SET: (MACHINES, "VirtualMachineScaleSet"),
    k.VM_EXTENSION: (MACHINES, "VirtualMachineExtension"),
    k.PRIVATE_ENDPOINT: (NETWORK, "PrivateEndpoint"),
    k.ZONE_GROUP: (NETWORK, "PrivateDnsZoneGroup"),
    k.DNS_ZONE: ("azure.mgmt.privatedns.models", "PrivateZone"),
    k.DNS_LINK: ("azure.mgmt.privatedns.models", "VirtualNetworkLink"),
    k.STORAGE: ("azure.mgmt.storage.models", "StorageAccountCreateParameters"),
    k.VAULT: ("azure.mgmt.keyvault.models", "VaultCreateOrUpdateParameters"),
    k.REGISTRY: ("azure.mgmt.containerregistry.models", "Registry"),
    k.LOG_ANALYTICS: ("azure.mgmt.loganalytics.models", "Workspace"),
    k.COMPONENT: ("azure.mgmt.applicationinsights.v2020_02_02.models", "ApplicationInsightsComponent"),
    k.IDENTITY: ("azure.mgmt.msi.models", "Identity"),
    k.ROLE_ASSIGNMENT: ("azure.mgmt.authorization.v2022_04_01.models", "RoleAssignmentCreateParameters"),
    k.ML_WORKSPACE: (ML, "Workspace"),
    k.COMPUTE: (ML, "ComputeResource"),
}
RECORDED = {k.RESOURCE_GROUP: {"location", "tags"}}
VARIANTS = (
    {},
    {"environment": "prod", **with_way_in(), "expiry": {"expiresOn": "2027-06-30"}},
    {"storage": {"sharedKeyAccess": True}, "compute": {}},
    {"identity": example("user-assigned")["identity"]},
    {name: example("customer-managed-key")[name] for name in ("identity", "encryption", "vault")},
    {"compute": {"instances": [{"name": "box", "size": "Standard_DS3_v2", "assignedTo": OWNER}]}},
    {"network": {"addressSpace": "10.40.0.0/22", "hub": {**FULL_HUB, "encryptionAtHost": True}}},
    {"network": placed(parse_spec(example("firewall-egress")), "10.40.0.0/23").network.model_dump(by_alias=True)},
    {"network": {"addressSpace": "10.40.0.0/22", "hub": {**FULL_HUB, "agents": {"runsOn": "scaleSet"}}}},
)


def bodies() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Key, type and body of every resource of every variant; references replaced by a principal's id."""
    for number, changes in enumerate(VARIANTS):
        for resource in blueprint(**changes).resources:
            yield f"{number}:{resource.key}", resource.type, filled(resource.body)


def filled(value: Any) -> Any:
    if isinstance(value, Ref):
        return "00000000-0000-0000-0000-000000000002"
    if isinstance(value, Mapping):
        return {name: filled(item) for name, item in value.items()}
    return [filled(item) for item in value] if isinstance(value, list) else value


def model_of(resource_type: str) -> type[Any]:
    module, name = MODELS[resource_type]
    if module == ML:
        ml_models()
    found: type[Any] = getattr(importlib.import_module(module), name)
    return found


@cache
def ml_models() -> None:
    """Makes azure-ai-ml's bundled REST models importable by themselves: the whole package takes seconds to import."""
    (site,) = importlib.import_module("azure.ai").__path__
    alone = ModuleType(ML.partition(".")[0])
    alone.__path__ = [f"{site}/ml/_restclient/arm_ml_service"]
    sys.modules[alone.__name__] = alone


def faults(resource_type: str, sent: dict[str, Any]) -> list[str]:
    """Paths of ``sent`` that the model does not know, only reads, or changes."""
    model = model_of(resource_type)
    if hasattr(model, "_attribute_map"):
        return list(_old_style(model, sent, ""))
    return [*_new_style(model(sent), sent, ""), *_changed(sent, model(sent).as_dict(exclude_readonly=True), "")]


def _new_style(instance: Any, sent: Mapping[str, Any], path: str) -> Iterator[str]:
    fields = {field._rest_name: field for field in instance._attr_to_rest_field.values()}
    attributes = {field._rest_name: name for name, field in instance._attr_to_rest_field.items()}
    for name, value in sent.items():
        here = f"{path}.{name}".lstrip(".")
        if name not in fields:
            yield f"{here} is unknown"
        elif fields[name]._visibility == ["read"]:
            yield f"{here} is read-only"
        else:
            yield from _inside(getattr(instance, attributes[name]), value, here)


def _inside(typed: Any, value: Any, path: str) -> Iterator[str]:
    if hasattr(typed, "_attr_to_rest_field") and isinstance(value, Mapping):
        yield from _new_style(typed, value, path)
    elif isinstance(typed, list):
        for index, (one, item) in enumerate(zip(typed, value, strict=True)):
            yield from _inside(one, item, f"{path}[{index}]")


def _changed(sent: Any, back: Any, path: str) -> Iterator[str]:
    if isinstance(sent, Mapping):
        for name, value in sent.items():
            yield from _changed(value, back.get(name) if isinstance(back, Mapping) else None, f"{path}.{name}")
    elif isinstance(sent, list):
        for index, item in enumerate(sent):
            there = back[index] if isinstance(back, list) and index < len(back) else None
            yield from _changed(item, there, f"{path}[{index}]")
    elif sent != back:
        yield f"{path} is sent as {sent!r} and comes back as {back!r}"


def _old_style(model: type[Any], sent: Mapping[str, Any], path: str) -> Iterator[str]:
    """Models of the older generator map attributes to flattened keys such as ``properties.Application_Type``."""
    known = {entry["key"].replace("\\\\.", "."): name for name, entry in model._attribute_map.items()}
    for name, value in _flat(sent, "", set(known)):
        if name not in known:
            yield f"{name} is unknown"
        elif model._validation.get(known[name], {}).get("readonly"):
            yield f"{name} is read-only"
        del value
    back = model.deserialize(dict(sent)).serialize()
    yield from _changed(sent, back, path)


def _flat(value: Mapping[str, Any], path: str, known: set[str]) -> Iterator[tuple[str, Any]]:
    for name, item in value.items():
        here = f"{path}.{name}".lstrip(".")
        if isinstance(item, Mapping) and here not in known:
            yield from _flat(item, here, known)
        else:
            yield here, item


CASES = [pytest.param(kind, sent, id=key) for key, kind, sent in bodies() if kind in MODELS]


@pytest.mark.parametrize(("resource_type", "sent"), CASES)
def test_a_body_survives_the_published_model(resource_type: str, sent: dict[str, Any]) -> None:
    assert faults(resource_type, sent) == []


def test_every_type_is_held_against_something() -> None:
    types = {kind for _, kind, _ in bodies()}
    assert types == MODELS.keys() | RECORDED.keys() | {k.DIAGNOSTIC}


@pytest.mark.parametrize(
    ("resource_type", "sent", "fault"),
    [
        (k.STORAGE, {"properties": {"allowSharedKeys": True}}, "properties.allowSharedKeys is unknown"),
        (k.SUBNET, {"properties": {"purpose": "x"}}, "properties.purpose is read-only"),
        (
            k.NSG,
            {"properties": {"securityRules": [{"properties": {"ports": 1}}]}},
            "properties.securityRules[0].properties.ports is unknown",
        ),
        (k.ML_WORKSPACE, {"properties": {"workspaceId": "x"}}, "properties.workspaceId is read-only"),
        (k.COMPONENT, {"kind": "web", "properties": {"AppId": "x"}}, "properties.AppId is read-only"),
        (k.ROLE_ASSIGNMENT, {"properties": {"rank": 1}}, "properties.rank is unknown"),
    ],
)
def test_the_check_itself_can_fail(resource_type: str, sent: dict[str, Any], fault: str) -> None:
    assert fault in faults(resource_type, sent)


def test_a_resource_group_is_sent_as_recorded() -> None:
    for _, kind, sent in bodies():
        if kind in RECORDED:
            assert sent.keys() == RECORDED[kind]


def test_a_diagnostic_setting_holds_only_what_azure_answers() -> None:
    recorded = json.loads(Path("tests/data/arm/monitor-diagnostic-settings-create.json").read_text())
    answered = recorded[-1]["response"]["body"]
    logs = {"category", "categoryGroup", "enabled", "retentionPolicy"}
    settings = [sent for _, kind, sent in bodies() if kind == k.DIAGNOSTIC]
    assert settings
    for sent in settings:
        assert sent.keys() == {"properties"} and sent["properties"].keys() <= answered["properties"].keys()
        assert all(log.keys() <= logs for log in sent["properties"]["logs"])


async def test_what_is_written_back_of_a_subnet_survives_too() -> None:
    """A subnet is GET plus our fields, and a GET holds much that must not be sent."""
    azure, wanted = FakeAzure(), blueprint()
    await converge(azure, wanted)
    resource: Resource = wanted.by_key["subnet/training"]
    subnet = azure.find(str(resource.id))
    subnet["properties"] |= {"defaultOutboundAccess": True, "serviceEndpoints": [{"service": "Microsoft.Storage"}]}
    subnet["properties"]["serviceEndpoints"][0]["provisioningState"] = "Succeeded"
    observed = await take_snapshot(wanted, azure)
    sent = body(resource, observed.bodies[resource.key], observed)
    assert sent is not None
    assert faults(k.SUBNET, dict(sent)) == []
    assert sent["properties"]["serviceEndpoints"] == [{"service": "Microsoft.Storage"}]
    assert sent["properties"]["defaultOutboundAccess"] is False
