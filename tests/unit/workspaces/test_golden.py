"""The compiler against lists typed by hand: every resource and every edge of the examples."""

from __future__ import annotations

from fnmatch import fnmatch
from typing import Any

import pytest

from controlplane.workspaces import kinds
from controlplane.workspaces.model import Origin
from tests.support.blueprints import EXAMPLES, compiled_example, example
from tests.support.golden import Golden, golden

GOLDEN: dict[str, Golden] = {name: golden(name) for name in EXAMPLES}

#: First part of a key → the type it must have.
TYPES = {
    "resource-group": kinds.RESOURCE_GROUP,
    "vnet": kinds.VNET,
    "subnet": kinds.SUBNET,
    "nsg": kinds.NSG,
    "public-ip": kinds.PUBLIC_IP,
    "nat-gateway": kinds.NAT_GATEWAY,
    "route-table": kinds.ROUTE_TABLE,
    "service-endpoint-policy": kinds.SERVICE_ENDPOINT_POLICY,
    "peering": kinds.PEERING,
    "dns-zone": kinds.DNS_ZONE,
    "dns-link": kinds.DNS_LINK,
    "storage": kinds.STORAGE,
    "vault": kinds.VAULT,
    "registry": kinds.REGISTRY,
    "log-analytics": kinds.LOG_ANALYTICS,
    "application-insights": kinds.COMPONENT,
    "workspace": kinds.ML_WORKSPACE,
    "bastion": kinds.BASTION,
    "gateway": kinds.VPN_GATEWAY,
    "scale-set": kinds.SCALE_SET,
    "local-gateway": kinds.LOCAL_GATEWAY,
    "connection": kinds.CONNECTION,
    "nic": kinds.INTERFACE,
    "vm": kinds.VM,
    "vm-extension": kinds.VM_EXTENSION,
    "private-endpoint": kinds.PRIVATE_ENDPOINT,
    "zone-group": kinds.ZONE_GROUP,
    "cluster": kinds.COMPUTE,
    "instance": kinds.COMPUTE,
    "identity": kinds.IDENTITY,
    "given-identity": kinds.IDENTITY,
    "datastore": kinds.DATASTORE,
    "outbound-rule": kinds.OUTBOUND_RULE,
    "managed-network": kinds.MANAGED_NETWORK,
    "role": kinds.ROLE_ASSIGNMENT,
    "diagnostic": kinds.DIAGNOSTIC,
}
CREATED = sorted({need for listed in GOLDEN.values() for entry in listed.values() for need in entry["for"]})


@pytest.mark.parametrize("name", EXAMPLES)
def test_resources_are_the_ones_of_the_list(name: str) -> None:
    assert {resource.key for resource in compiled_example(name).resources} == set(GOLDEN[name])


@pytest.mark.parametrize("name", EXAMPLES)
def test_edges_are_the_ones_of_the_list(name: str) -> None:
    found = {resource.key: set(resource.depends_on) for resource in compiled_example(name).resources}
    assert found == {key: set(entry["needs"]) for key, entry in GOLDEN[name].items()}


@pytest.mark.parametrize("name", EXAMPLES)
def test_types_follow_from_keys(name: str) -> None:
    found = {resource.key: resource.type for resource in compiled_example(name).resources}
    assert found == {key: TYPES[key.partition("/")[0]] for key in GOLDEN[name]}


@pytest.mark.parametrize("name", EXAMPLES)
def test_only_the_clusters_pull_role_is_made_by_azure(name: str) -> None:
    made = {resource.key for resource in compiled_example(name).resources if resource.origin is Origin.AZURE}
    assert made == {key for key in GOLDEN[name] if fnmatch(key, "role/cluster/*/registry/acr-pull")}
    assert "role/cluster/cpu/registry/acr-pull" in made


def test_a_workspace_without_a_hubs_parts_has_as_many_resources_as_ever() -> None:
    assert len(GOLDEN["secure-classical"]) == 62


#: What a requirement says of the resource itself, where being there is not enough: key → path → value.
SAYS: dict[str, dict[str, dict[str, Any]]] = {
    "S1-35": {"private-endpoint/workspace": {"groupIds": ["amlworkspace"]}},
    "S1-36": {"private-endpoint/registry": {"groupIds": ["registry"]}},
    "S1-39": {"dns-zone/api": {"name": "privatelink.api.azureml.ms"}},
    "S1-40": {"dns-zone/notebooks": {"name": "privatelink.notebooks.azure.net"}},
    "S1-41": {"dns-zone/registry": {"name": "privatelink.azurecr.io"}},
    "S2-05": {"datastore/sales": {"credentials": {"credentialsType": "None"}}},
    "S2-72": {"workspace": {"containerRegistry": example("brought-registry")["registry"]["existing"]}},
    "S2-04": {"cluster/cpu": {"identity": {"type": "SystemAssigned"}}},
}


@pytest.mark.parametrize("requirement", CREATED)
def test_create(requirement: str) -> None:
    """Every resource that a list has for a requirement is compiled, for that requirement, with the same edges."""
    for name, listed in GOLDEN.items():
        found = compiled_example(name).by_key
        wanted = {key: entry for key, entry in listed.items() if requirement in entry["for"]}
        for key, entry in wanted.items():
            assert set(found[key].depends_on) == set(entry["needs"])
            assert requirement in found[key].requirements
        for key, said in SAYS.get(requirement, {}).items():
            for part, value in said.items():
                assert key not in wanted or _read(found[key], part) == value


#: Example → kind of the workspace's identity.
KINDS_OF_IDENTITY = {
    "user-assigned": "UserAssigned",
    "monitored-classical": "UserAssigned",
    "compute-identities": "UserAssigned",
    "customer-managed-key": "SystemAssigned,UserAssigned",
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_workspace_has_the_identity_that_its_example_says(name: str) -> None:
    found = compiled_example(name).by_key["workspace"].body["identity"]["type"]
    assert found == KINDS_OF_IDENTITY.get(name, "SystemAssigned")


def _read(resource: Any, name: str) -> Any:
    if name == "name":
        return resource.id.rpartition("/")[2]
    if name == "groupIds":
        (connection,) = resource.body["properties"]["privateLinkServiceConnections"]
        return connection["properties"]["groupIds"]
    if name in ("credentials", "containerRegistry"):
        return resource.body["properties"][name]
    return resource.body[name]
