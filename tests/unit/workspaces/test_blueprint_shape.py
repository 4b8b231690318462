"""What holds of every blueprint: order, dependencies, names, ranges, tags. The list of resources has a golden test."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Any

import pytest

from controlplane.arm import is_within
from controlplane.workspaces import kinds as k
from controlplane.workspaces.blueprint import CompileContext, compile_blueprint
from controlplane.workspaces.blueprint.clouds import CLOUDS
from controlplane.workspaces.blueprint.context import Ranges
from controlplane.workspaces.blueprint.names import Names
from controlplane.workspaces.kinds_table import KINDS
from controlplane.workspaces.model import Blueprint, Origin, Ref, Resource, RoleAssignmentId
from controlplane.workspaces.resolve import holder_key
from tests.unit.workspaces.fake_azure import CONTEXT, OWNER, SUBSCRIPTION, blueprint, spec

MANY = {
    "network": {"addressSpace": "10.0.0.0/16"},
    "compute": {"clusters": [{"name": f"c{n:02}", "size": "Standard_DS3_v2", "maxNodes": 2} for n in range(9)]},
}
VARIANTS = [
    pytest.param({}, id="one cluster"),
    pytest.param({"compute": {}}, id="no cluster"),
    pytest.param(MANY, id="nine clusters"),
    pytest.param({"storage": {"sharedKeyAccess": True}, "environment": "prod"}, id="keys on, prod"),
]


def refs(value: Any) -> Iterator[Ref]:
    if isinstance(value, Ref):
        yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from refs(item)


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from strings(item)


def before(wanted: Blueprint, key: str) -> set[str]:
    """Everything a resource depends on, directly or not."""
    found: set[str] = set()
    todo = [key]
    while todo:
        for on in wanted.by_key[todo.pop()].depends_on:
            if on not in found:
                found.add(on)
                todo.append(on)
    return found


@pytest.mark.parametrize("changes", VARIANTS)
def test_dependencies_come_first_and_are_sorted(changes: dict[str, Any]) -> None:
    seen: list[str] = []
    for resource in blueprint(**changes).resources:
        assert resource.key not in seen
        assert set(resource.depends_on) <= set(seen)
        assert list(resource.depends_on) == sorted(set(resource.depends_on))
        seen.append(resource.key)


@pytest.mark.parametrize("changes", VARIANTS)
def test_every_reference_is_a_dependency(changes: dict[str, Any]) -> None:
    for resource in blueprint(**changes).resources:
        named = {ref.key for ref in refs(resource.body)}
        if isinstance(resource.id, RoleAssignmentId):
            named |= {key for key in (holder_key(resource.id),) if key is not None}
        assert named <= set(resource.depends_on)


@pytest.mark.parametrize("changes", VARIANTS)
def test_every_id_in_a_body_is_of_a_resource_it_depends_on(changes: dict[str, Any]) -> None:
    """Order is a dependency: what a body points at, or lies in, exists before it is sent."""
    wanted = blueprint(**changes)
    ids = {str(r.id).lower(): r.key for r in wanted.resources if isinstance(r.id, str)}
    for resource in wanted.resources:
        known = before(wanted, resource.key) | {resource.key}
        pointed = [ids[text.lower()] for text in strings(resource.body) if text.lower() in ids]
        outer = resource.id.scope if isinstance(resource.id, RoleAssignmentId) else resource.id
        around = [key for arm_id, key in ids.items() if is_within(outer, arm_id)]
        assert {*pointed, *around} <= known, resource.key


@pytest.mark.parametrize("changes", VARIANTS)
def test_every_id_lies_in_the_workspaces_own_group(changes: dict[str, Any]) -> None:
    wanted = blueprint(**changes)
    (group,) = wanted.own_groups
    roles = f"/subscriptions/{SUBSCRIPTION}/providers/{k.ROLE_DEFINITION}/"
    for resource in wanted.resources:
        outer = resource.id.scope if isinstance(resource.id, RoleAssignmentId) else resource.id
        inside = [text for text in strings(resource.body) if text.startswith("/")]
        assert all(is_within(text, group) or text.startswith(roles) for text in [outer, *inside])


def test_types_and_versions_are_the_tables() -> None:
    for resource in blueprint().resources:
        assert resource.api_version == KINDS[resource.type].api_version == k.API_VERSIONS[resource.type]
        assert ("tags" in resource.body) == KINDS[resource.type].taggable, resource.key


def test_the_order_of_a_requests_lists_does_not_matter() -> None:
    one, two = MANY["compute"]["clusters"], list(reversed(MANY["compute"]["clusters"]))  # type: ignore[index]
    other = "00000000-0000-0000-0000-0000000000bb"
    first = blueprint(**MANY | {"compute": {"clusters": one}, "owners": [OWNER, other]})
    second = blueprint(**MANY | {"compute": {"clusters": two}, "owners": [other, OWNER]})
    assert first == second


def test_writes_to_one_network_are_chained() -> None:
    wanted = blueprint()
    assert "subnet/private-endpoints" in before(wanted, "subnet/training")
    assert {"subnet/training", "subnet/hub"} <= before(wanted, "peering/ml-to-hub")
    assert "peering/ml-to-hub" in before(wanted, "peering/hub-to-ml")
    assert "private-endpoint/blob" in before(wanted, "private-endpoint/file")


def test_x_17_a_cluster_without_public_address_comes_after_its_way_in_and_out() -> None:
    wanted = blueprint()
    assert {
        "private-endpoint/workspace",
        "zone-group/workspace",
        "dns-link/api/ml",
        "dns-link/notebooks/ml",
        "subnet/training",
        "nat-gateway",
    } <= before(wanted, "cluster/cpu")
    (approved,) = wanted.by_key["private-endpoint/workspace"].ready
    assert approved.one_of == ("Approved",)
    assert all(wanted.by_key[f"dns-link/{zone}/ml"].ready for zone in ("api", "notebooks"))


def test_azure_makes_the_clusters_pull_role_and_nothing_else() -> None:
    by_azure = [r.key for r in blueprint().resources if r.origin is Origin.AZURE]
    assert by_azure == ["role/cluster/cpu/registry/acr-pull"]


@pytest.mark.parametrize(
    ("address_space", "endpoints", "training", "hub"),
    [
        ("10.40.0.0/22", "10.40.0.0/27", "10.40.1.0/24", "10.40.2.0/23"),
        ("10.40.0.0/25", "10.40.0.0/27", "10.40.0.32/27", "10.40.0.64/26"),
        ("192.168.0.0/16", "192.168.0.0/27", "192.168.64.0/18", "192.168.128.0/17"),
    ],
)
def test_how_the_address_space_is_cut(address_space: str, endpoints: str, training: str, hub: str) -> None:
    cut = Ranges.cut(address_space)
    assert (cut.endpoints, cut.training, cut.hub) == (endpoints, training, hub)


@pytest.mark.parametrize(
    ("address_space", "bastion", "gateway", "both"),
    [
        ("10.40.0.0/22", "10.40.3.0/26", "10.40.3.224/27", True),
        ("10.40.0.0/23", "10.40.1.128/26", "10.40.1.224/27", True),
        ("10.40.0.0/24", "10.40.0.192/26", "10.40.0.224/27", False),
        ("10.40.0.0/25", "10.40.0.96/27", "10.40.0.96/27", False),
    ],
)
def test_a_bastion_and_a_gateway_have_room_together_from_a_23_on(
    address_space: str, bastion: str, gateway: str, both: bool
) -> None:
    cut = Ranges.cut(address_space)
    assert (cut.bastion, cut.gateway) == (bastion, gateway)
    one, other = ipaddress.IPv4Network(bastion), ipaddress.IPv4Network(gateway)
    assert one.overlaps(other) is not both
    assert other.subnet_of(ipaddress.IPv4Network(cut.hub))
    assert not other.overlaps(ipaddress.IPv4Network(cut.hub_subnet))


def test_names_fit_azures_rules() -> None:
    for workspace in ("abc", "a1-b2", "a-" * 15 + "ab", "z" * 32):
        names = Names.of(SUBSCRIPTION, workspace, 1)
        assert names.storage.isalnum() and names.storage == names.storage.lower() and len(names.storage) <= 24
        assert len(names.vault) <= 24 and "--" not in names.vault and names.vault[-1].isalnum()
        assert names.registry.isalnum() and 5 <= len(names.registry) <= 50
        assert 3 <= len(names.ml_workspace) <= 33 and "--" not in names.ml_workspace
        assert 4 <= len(names.log_analytics) <= 63


def test_global_names_differ_by_subscription_workspace_and_incarnation() -> None:
    tokens = {
        Names.of(SUBSCRIPTION, "churn-dev", 1).token,
        Names.of(SUBSCRIPTION, "churn-dev", 2).token,
        Names.of(SUBSCRIPTION, "churn-prod", 1).token,
        Names.of(OWNER, "churn-dev", 1).token,
    }
    assert len(tokens) == 4
    assert all(len(token) >= 10 for token in tokens)
    assert Names.of(SUBSCRIPTION.upper(), "churn-dev", 1).token in tokens


def test_every_soft_deleted_name_changes_with_the_incarnation() -> None:
    again = compile_blueprint(spec(), CompileContext("churn-dev", 2, CONTEXT.resource_group, CONTEXT.tenant_id))
    for key in ("storage", "vault", "registry", "workspace", "log-analytics"):
        assert again.by_key[key].id != blueprint().by_key[key].id


@pytest.mark.parametrize(
    ("cloud", "zone", "name"),
    [
        pytest.param("AzureCloud", "api", "privatelink.api.azureml.ms", id="S1-39"),
        pytest.param("AzureCloud", "notebooks", "privatelink.notebooks.azure.net", id="S1-40"),
        pytest.param("AzureCloud", "registry", "privatelink.azurecr.io", id="S1-41"),
        ("AzureUSGovernment", "api", "privatelink.api.ml.azure.us"),
        ("AzureUSGovernment", "notebooks", "privatelink.notebooks.usgovcloudapi.net"),
        ("AzureUSGovernment", "vault", "privatelink.vaultcore.usgovcloudapi.net"),
        ("AzureChinaCloud", "api", "privatelink.api.ml.azure.cn"),
        ("AzureChinaCloud", "file", "privatelink.file.core.chinacloudapi.cn"),
        ("AzureChinaCloud", "registry", "privatelink.azurecr.cn"),
    ],
)
def test_zone_names_follow_the_cloud(cloud: str, zone: str, name: str) -> None:
    context = CompileContext("churn-dev", 1, CONTEXT.resource_group, CONTEXT.tenant_id, cloud)
    wanted = compile_blueprint(spec(), context)
    assert str(wanted.by_key[f"dns-zone/{zone}"].id).endswith(f"/privateDnsZones/{name}")


def test_every_cloud_has_the_same_zones() -> None:
    assert {frozenset(cloud.zones) for cloud in CLOUDS.values()} == {
        frozenset({"api", "notebooks", "blob", "file", "dfs", "vault", "registry"})
    }


def test_china_has_no_front_door() -> None:
    context = CompileContext("churn-dev", 1, CONTEXT.resource_group, CONTEXT.tenant_id, "AzureChinaCloud")
    names = [rule["name"] for rule in rules(compile_blueprint(spec(), context).by_key["nsg/training"])]
    assert "AllowFrontDoorFrontEnd" not in names
    assert "AllowFrontDoorFrontEnd" in [rule["name"] for rule in rules(blueprint().by_key["nsg/training"])]


def rules(nsg: Resource) -> list[dict[str, Any]]:
    return list(nsg.body["properties"]["securityRules"])


def test_priorities_and_names_of_rules_are_unique_per_direction() -> None:
    for key in ("nsg/training", "nsg/private-endpoints", "nsg/hub"):
        for resource in (blueprint().by_key[key], blueprint(environment="prod").by_key[key]):
            found = [(r["properties"]["direction"], r["properties"]["priority"]) for r in rules(resource)]
            assert len(set(found)) == len(found)
            assert len({r["name"] for r in rules(resource)}) == len(found)


@pytest.mark.parametrize(("environment", "closed"), [("dev", False), ("staging", True), ("test", True), ("prod", True)])
def test_s1_17_prod_class_environments_are_stricter(environment: str, closed: bool) -> None:
    wanted = blueprint(environment=environment)
    denied = [r["name"] for r in rules(wanted.by_key["nsg/training"]) if r["properties"]["access"] == "Deny"]
    assert (denied == ["DenyInternet"]) is closed
    assert ("enablePurgeProtection" in wanted.by_key["vault"].body["properties"]) is closed
    assert wanted.by_key["log-analytics"].body["properties"]["retentionInDays"] == (90 if closed else 30)


def test_images_are_built_by_a_cpu_cluster() -> None:
    gpu, cpu = (
        {"name": "a-gpu", "size": "Standard_NC6s_v3", "maxNodes": 1},
        {"name": "b-cpu", "size": "Standard_D2", "maxNodes": 1},
    )
    both = blueprint(compute={"clusters": [gpu, cpu]}).by_key["workspace"].body["properties"]
    assert both["imageBuildCompute"] == "b-cpu"
    assert "imageBuildCompute" not in blueprint(compute={"clusters": [gpu]}).by_key["workspace"].body["properties"]


def test_tags_of_everything_that_can_be_tagged() -> None:
    plain = {
        "project": "churn",
        "environment": "dev",
        "owner": OWNER,
        "workload": "classical",
        "cp-workspace": "churn-dev",
    }
    for resource in blueprint().resources:
        assert resource.body.get("tags", plain) == plain
    dated = blueprint(expiry={"expiresOn": "2027-06-30"})
    assert dated.by_key["storage"].body["tags"] == plain | {"expiry": "2027-06-30"}


def test_shared_keys_decide_how_data_is_opened() -> None:
    on, off = blueprint(storage={"sharedKeyAccess": True}), blueprint()
    data_roles = {
        "role/workspace-identity/storage/storage-blob-data-contributor",
        "role/workspace-identity/storage/storage-file-data-privileged-contributor",
    }
    assert data_roles <= set(off.by_key) and not data_roles & set(on.by_key)
    assert off.by_key["workspace"].body["properties"]["systemDatastoresAuthMode"] == "Identity"
    assert on.by_key["workspace"].body["properties"]["systemDatastoresAuthMode"] == "AccessKey"
