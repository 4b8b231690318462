"""What a spec may say of registries and datastores, and what Azure has to say of those that it names."""

from __future__ import annotations

from typing import Any

import pytest

from controlplane.errors import Rejected
from controlplane.projects.model import Registration
from controlplane.projects.scope import out_of_scope
from controlplane.workspaces.blueprint import compile_blueprint
from controlplane.workspaces.plan_checks.data import DataFacts, check_data
from controlplane.workspaces.spec import WorkspaceSpec, parse_spec
from tests.support.blueprints import CONTEXT
from tests.unit.workspaces.fake_azure import SUBSCRIPTION, TENANT, request

GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-data/providers"
ACCOUNT = f"{GROUP}/Microsoft.Storage/storageAccounts/stsales"
REGISTRY = f"{GROUP}/Microsoft.ContainerRegistry/registries/crshared"
MADE = {"type": "systemAndUserAssigned", "create": ["reader", "mine"]}
PERSON = {"name": "ada-box", "size": "Standard_DS3_v2", "assignedTo": TENANT}
SHARED = {
    "clusters": [
        {
            "name": "cpu",
            "size": "Standard_DS3_v2",
            "maxNodes": 1,
            "identity": {"type": "userAssigned", "ids": ["reader"]},
        }
    ],
    "instances": [{**PERSON, "identity": {"type": "userAssigned", "ids": ["mine", "reader"]}}],
}
STORE = {"name": "sales", "account": ACCOUNT, "container": "orders"}


def asked(*stores: dict[str, Any], **registry: Any) -> dict[str, Any]:
    return request(datastores=list(stores), registry=registry)


def refused(data: dict[str, Any]) -> dict[str, str]:
    """JSON path → message of everything that is refused."""
    with pytest.raises(Rejected) as error:
        parse_spec(data)
    return {str(detail.target): detail.message for detail in error.value.details}


#: Requirement → datastores, and what is refused.
SPECS: dict[str, tuple[tuple[dict[str, Any], ...], dict[str, str]]] = {
    "S2-45": (
        (
            {**STORE, "type": "azureDataLakeGen1"},
            {**STORE, "name": "shares", "type": "azureFile"},
            {**STORE, "name": "lake", "type": "azureDataLakeGen2"},
        ),
        {"$.datastores[0].type": "retired", "$.datastores[1].type": "account key only"},
    ),
}


@pytest.mark.parametrize("requirement", SPECS)
def test_validate(requirement: str) -> None:
    stores, wrong = SPECS[requirement]
    found = refused(asked(*stores))
    assert found.keys() == wrong.keys()
    assert all(words in found[path] for path, words in wrong.items())


@pytest.mark.parametrize(
    ("data", "path", "words"),
    [
        (asked({**STORE, "credentials": "sas"}), "$.datastores[0].credentials", "holds no secrets"),
        (asked(STORE, {**STORE}), "$.datastores[1].name", "second datastore"),
        (asked({**STORE, "name": "workspaceblobstore"}), "$.datastores[0].name", "made by Azure"),
        (asked({**STORE, "account": REGISTRY}), "$.datastores[0].account", "storage account"),
        (
            asked(STORE, {**STORE, "name": "more", "account": ACCOUNT.replace("rg-data", "rg-more")}),
            "$.datastores[1].account",
            "second account",
        ),
        (
            asked({**STORE, "computeOnly": True, "serviceIdentity": "workspace"}),
            "$.datastores[0].serviceIdentity",
            "only one of the two",
        ),
        (
            asked({**STORE, "computeOnly": True}, {**STORE, "name": "rest", "serviceIdentity": "workspace"}),
            "$.datastores[1].serviceIdentity",
            "only one of the two",
        ),
        (
            {**asked({**STORE, "computeOnly": True}), "compute": SHARED, "identity": MADE},
            "$.compute.instances[0].identity.ids[1]",
            "keeps from people",
        ),
        (asked(existing=ACCOUNT), "$.registry.existing", "container registry"),
        (asked(existing=REGISTRY, adminUser=True), "$.registry.adminUser", "comes with it off"),
        (asked(privateImages=[ACCOUNT]), "$.registry.privateImages[0]", "container registry"),
        (asked(existing=REGISTRY, privateImages=[REGISTRY.upper()]), "$.registry.privateImages[0]", "second time"),
    ],
    ids=[
        "a secret",
        "two of a name",
        "Azure's own name",
        "no account",
        "two accounts of a name",
        "private data in the studio",
        "beside private data in the studio",
        "private data at an instance",
        "no registry",
        "somebody else's admin account",
        "no registry of images",
        "the same registry again",
    ],
)
def test_a_spec_is_refused(data: dict[str, Any], path: str, words: str) -> None:
    if "privateImages" in data["registry"] and path.startswith("$.registry.privateImages") and "second" in words:
        # Ids are ids in whatever case; only the beginning of one is fixed.
        data["registry"]["privateImages"] = [REGISTRY.replace("crshared", "CRSHARED")]
    found = refused(data)
    assert found.keys() == {path}
    assert words in found[path]


def facts(spec: WorkspaceSpec, **changes: Any) -> DataFacts:
    """What Azure says of everything that the spec names, as it should be."""
    bodies: dict[str, Any] = {store.account: {"properties": {"isHnsEnabled": True}} for store in spec.datastores}
    registries = (spec.registry.existing, *spec.registry.private_images)
    good = {"sku": {"name": "Premium"}, "properties": {"adminUserEnabled": False}}
    bodies |= {registry: good for registry in registries if registry is not None}
    return DataFacts(**{"tenant_id": TENANT, "bodies": bodies, "tenants": {SUBSCRIPTION: TENANT.upper()}} | changes)


LAKE = parse_spec(asked({**STORE, "type": "azureDataLakeGen2"}, existing=REGISTRY, privateImages=[f"{REGISTRY}2"]))


def codes(spec: WorkspaceSpec, found: DataFacts) -> list[tuple[str, str | None]]:
    return [(detail.code, detail.target) for detail in check_data(spec, found)]


def test_what_is_there_and_fits_is_taken() -> None:
    assert codes(LAKE, facts(LAKE)) == []


@pytest.mark.parametrize("requirement", ["S2-48"])
def test_enforce(requirement: str) -> None:
    """An account that is visible, as a delegated subscription's is, and belongs to another tenant."""
    other = facts(LAKE, tenants={SUBSCRIPTION: "00000000-0000-0000-0000-0000000000ee"})
    assert codes(LAKE, other) == [("CrossTenantStorage", "$.datastores[0].account")]


@pytest.mark.parametrize(
    ("bodies", "found"),
    [
        (
            {},
            [
                ("RegistryNotFound", "$.registry.existing"),
                ("RegistryNotFound", "$.registry.privateImages[0]"),
                ("StorageAccountNotFound", "$.datastores[0].account"),
            ],
        ),
        ({ACCOUNT: {"properties": {}}}, [("HierarchicalNamespaceMissing", "$.datastores[0].type")]),
        ({REGISTRY: {"sku": {"name": "Basic"}}}, [("RegistrySkuNotPremium", "$.registry.existing")]),
        (
            {REGISTRY: {"sku": {"name": "Premium"}, "properties": {"adminUserEnabled": True}}},
            [("RegistryAdminUserEnabled", "$.registry.existing")],
        ),
    ],
    ids=["nothing is there", "no data lake", "no Premium", "admin account on"],
)
def test_azure_says_why_not(bodies: dict[str, Any], found: list[tuple[str, str]]) -> None:
    known = {**facts(LAKE).bodies, **bodies} if bodies else {}
    assert codes(LAKE, facts(LAKE, bodies=known)) == found


def test_everything_that_is_named_lies_in_the_registration() -> None:
    allowed = {
        "subscriptions": (SUBSCRIPTION,),
        "regions": ("westeurope",),
        "resource_group_prefix": "rg-",
        "address_pools": ("10.40.0.0/16",),
    }
    outside = out_of_scope("churn-dev", LAKE, Registration(**allowed))
    assert {detail.target for detail in outside} == {
        "$.registry.existing",
        "$.registry.privateImages[0]",
        "$.datastores[0].account",
    }
    more = {"registries": (REGISTRY, f"{REGISTRY}2"), "storage_accounts": (ACCOUNT,)}
    assert out_of_scope("churn-dev", LAKE, Registration(**allowed, **more)) == ()


@pytest.mark.parametrize(
    ("private", "holders"), [(False, {"cluster/cpu", "instance/ada-box"}), (True, {"cluster/cpu"})]
)
def test_an_instance_of_a_person_gets_no_role_on_data_that_is_kept_for_jobs(private: bool, holders: set[str]) -> None:
    """Whoever works on it has its identity's token; a role on the account shows all of its containers."""
    data = asked(STORE, {**STORE, "name": "patients", "computeOnly": private})
    cluster = {"name": "cpu", "size": "Standard_DS3_v2", "maxNodes": 1}
    data["compute"] = {"clusters": [cluster], "instances": [{**PERSON, "identity": {"type": "systemAssigned"}}]}
    roles = [
        one.key
        for one in compile_blueprint(parse_spec(data), CONTEXT).resources
        if one.key.endswith("/storage-blob-data-reader")
    ]
    assert {key.removeprefix("role/").partition("/data-stsales")[0] for key in roles} == holders
