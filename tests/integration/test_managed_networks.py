"""Managed networks beyond one creation: isolation that grows, by request and by hand; endpoints to other resources."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from controlplane.errors import Conflict, Rejected
from controlplane.workspaces.blueprint.access import ROLES
from tests.support.blueprints import example
from tests.support.lives import written
from tests.support.quiet_product import QuietProduct
from tests.support.worlds import world_of

GROUP = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg-data"
LAKE = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/stlake"


@pytest.fixture
def product() -> Iterator[QuietProduct]:
    running = QuietProduct()
    running.register(outboundTargets=[GROUP])
    yield running
    running.close()


def put_to_its_end(product: QuietProduct, spec: dict[str, Any], *, consent: bool = False) -> None:
    operation = product.finish(product.put(spec, consent=consent))
    assert operation.status == "Succeeded", operation.error
    assert product.failing() == set()


def mode_of(product: QuietProduct) -> str:
    body = product.body(product.ids()["workspace"]) or {}
    return str(body["properties"]["managedNetwork"]["isolationMode"])


def test_isolation_grows_and_computes_are_made_again_where_azure_wants_it(product: QuietProduct) -> None:
    """Private network → internet allowed → approved only, with one cluster all the way (S5-07, S5-08)."""
    put_to_its_end(product, example())
    for name, mode in (
        ("managed-internet", "AllowInternetOutbound"),
        ("managed-approved-catalog", "AllowOnlyApprovedOutbound"),
    ):
        asked = example(name)
        asked["network"]["addressSpace"] = example()["network"]["addressSpace"]
        asked["workload"] = "classical"
        put_to_its_end(product, asked, consent=True)
        assert mode_of(product) == mode
    before = written(product)
    assert product.repair().status == "Succeeded"
    assert written(product) == before


def test_a_compute_that_is_removed_with_the_change_goes_before_the_workspace_is_isolated(
    product: QuietProduct,
) -> None:
    """X-13: not only one that is made again, and whether or not anything stands on it."""
    owner = example()["owners"][0]
    boxes = [
        {"name": f"box-{kind}", "size": "Standard_DS3_v2", "assignedTo": owner, "identity": {"type": kind}}
        for kind in ("none", "systemAssigned")
    ]
    put_to_its_end(product, {**example(), "compute": {**example()["compute"], "instances": boxes}})
    computes = [product.ids()[key] for key in ("cluster/cpu", "instance/box-none", "instance/box-systemAssigned")]
    asked = example("managed-internet")
    asked["network"]["addressSpace"] = example()["network"]["addressSpace"]
    asked["compute"] = {"clusters": []}
    put_to_its_end(product, asked, consent=True)
    assert [product.body(one) for one in computes] == [None, None, None]
    assert mode_of(product) == "AllowInternetOutbound"


def test_a_compute_that_somebody_made_keeps_a_workspace_from_isolation(product: QuietProduct) -> None:
    """Said before anything is written: Azure would refuse half-way, with every cluster gone already."""
    put_to_its_end(product, example())
    theirs = product.ids()["cluster/cpu"].replace("/cpu", "/theirs")
    body = product.body(product.ids()["cluster/cpu"]) or {}
    kept = {name: body[name] for name in ("location", "properties")}
    assert product.owner("PUT", theirs, kept) in (200, 201, 202)
    asked = example("managed-internet")
    before = written(product)
    for ask in (lambda: product.put(asked, consent=True), lambda: product.plan(asked)):
        with pytest.raises(Conflict, match="theirs") as refused:
            ask()
        assert refused.value.code == "TransitionNotAllowed"
    assert written(product) == before
    product.owner("DELETE", theirs)
    put_to_its_end(product, asked, consent=True)


@pytest.mark.parametrize("name", ["managed-internet", "managed-approved-catalog"])
def test_nodes_may_have_public_addresses_in_a_managed_network(product: QuietProduct, name: str) -> None:
    """Begun with them, given up (the cluster is made anew), and taken up again."""
    asked = example(name)
    asked["compute"]["clusters"][0]["publicIp"] = True
    put_to_its_end(product, asked)
    key = f"cluster/{asked['compute']['clusters'][0]['name']}"
    for public in (False, True):
        asked["compute"]["clusters"][0]["publicIp"] = public
        put_to_its_end(product, asked, consent=True)
        body = product.body(product.ids()[key]) or {}
        inner = body["properties"]["properties"]
        assert (inner["enableNodePublicIp"], inner.get("subnet")) == (public, None)


def test_public_nodes_of_a_customers_subnet_move_into_a_managed_network(product: QuietProduct) -> None:
    """There they came before the workspace's endpoint, here they come after it."""
    before, after = example(), example("managed-internet")
    after["network"]["addressSpace"], after["workload"] = before["network"]["addressSpace"], before["workload"]
    after["compute"] = before["compute"]
    for asked in (before, after):
        asked["compute"]["clusters"][0]["publicIp"] = True
    put_to_its_end(product, before)
    put_to_its_end(product, after, consent=True)
    assert mode_of(product) == "AllowInternetOutbound"


def test_isolation_that_grew_by_hand_is_not_turned_back(product: QuietProduct) -> None:
    asked = example("managed-internet")
    put_to_its_end(product, asked)
    arm_id = product.ids()["workspace"]
    body = product.body(arm_id) or {}
    kept = {name: body[name] for name in ("location", "sku", "kind", "tags", "identity")}
    isolated = {**body["properties"], "managedNetwork": {"isolationMode": "AllowOnlyApprovedOutbound"}}
    product.owner("PUT", arm_id, {**kept, "properties": isolated})
    before = written(product)
    changed = {**asked, "expiry": {"expiresOn": "2027-07-30"}}
    for consent in (False, True):
        with pytest.raises(Conflict) as refused:
            product.put(changed, consent=consent)
        assert refused.value.code == "TransitionNotAllowed"
    with pytest.raises(Conflict):
        product.plan(changed)
    assert written(product) == before
    assert product.failing() == {"workspace"}
    assert product.repair().status == "Succeeded"
    assert mode_of(product) == "AllowOnlyApprovedOutbound"


def test_an_endpoint_to_another_resource_is_approved_and_taken_away(product: QuietProduct) -> None:
    """S5-03: the workspace's identity approves it, by a role on the target that goes with the rule."""
    product.owner("PUT", GROUP, {"location": "westeurope"})
    account = {"location": "westeurope", "sku": {"name": "Standard_LRS"}, "kind": "StorageV2", "properties": {}}
    product.owner("PUT", LAKE, account)
    asked = example("managed-internet")
    rules = asked["network"]["managed"]["outboundRules"]
    rules.append({"name": "lake", "type": "privateEndpoint", "destination": LAKE, "subresource": "dfs"})
    put_to_its_end(product, asked)
    shown = product.body(LAKE) or {}
    (connection,) = shown["properties"]["privateEndpointConnections"]
    assert connection["properties"]["privateLinkServiceConnectionState"]["status"] == "Approved"
    role = product.ids()["role/workspace-identity/outbound-lake/network-connection-approver"]
    assert role.startswith(LAKE)
    rules.pop()
    put_to_its_end(product, asked, consent=True)
    assert (product.body(LAKE) or {})["properties"]["privateEndpointConnections"] == []
    assert product.body(role) is None


def leading_to(destination: str) -> dict[str, Any]:
    asked = example("managed-internet")
    rule = {"name": "theirs", "type": "privateEndpoint", "destination": destination, "subresource": "sqlServer"}
    asked["network"]["managed"]["outboundRules"] = [rule]
    return asked


#: Targets that are not there: of a type that is known, of one whose api-version Azure tells, without their group.
ABSENT = {
    "an account": f"{GROUP}/providers/Microsoft.Storage/storageAccounts/stgone",
    "a topic": f"{GROUP}/providers/Microsoft.EventGrid/topics/gone",
    "a group": f"{GROUP}/providers/Microsoft.KeyVault/vaults/kvgone",
}


@pytest.mark.parametrize("name", ABSENT)
def test_a_target_that_is_not_there_is_refused_before_anything_is_written(product: QuietProduct, name: str) -> None:
    """S5-03: Azure would refuse the rule when everything else is made already."""
    if name != "a group":
        product.owner("PUT", GROUP, {"location": "westeurope"})
    seen = product.azure.world.seeded("observer")
    reads_all = {"roleDefinitionId": f"/providers/Microsoft.Authorization/roleDefinitions/{ROLES['reader']}"}
    body = {"properties": {**reads_all, "principalId": seen["id"], "principalType": "ServicePrincipal"}}
    role = f"{GROUP.partition('/resourceGroups')[0]}/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}"
    assert product.owner("PUT", role, body) == 201
    before = len(product.azure.writes)
    for ask in (product.plan, product.put):
        with pytest.raises(Rejected) as refused:
            ask(leading_to(ABSENT[name]))
        place = "$.network.managed.outboundRules[0].destination"
        assert [(one.code, one.target) for one in refused.value.details] == [("OutboundTargetNotFound", place)]
    assert len(product.azure.writes) == before


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("Microsoft.EventGrid/topics", "AuthorizationFailed"),
        ("Microsoft.Storage/unheardOf", "publishes no api-version"),
    ],
)
def test_whether_a_target_is_there_may_be_unknown_and_the_plan_says_so(
    product: QuietProduct, kind: str, why: str
) -> None:
    """The observer reads no topics."""
    product.owner("PUT", GROUP, {"location": "westeurope"})
    found = product.plan(leading_to(f"{GROUP}/providers/{kind}/theirs")).plan.warnings
    (said,) = (one for one in found if one.code == "OutboundTargetUnknown")
    assert why in said.message
    assert said.target == "$.network.managed.outboundRules[0].destination"


def test_accounts_of_datastores_are_reached_by_rules_of_their_own() -> None:
    """Nodes of a managed network have no way into the customer's one: the account takes an endpoint of theirs, too."""
    product = world_of("datastores")
    try:
        asked = {**example("managed-internet"), "datastores": example("datastores")["datastores"]}
        put_to_its_end(product, asked)
        rules = {key for key in product.ids() if key.startswith("outbound-rule/data-")}
        assert rules == {f"outbound-rule/data-{name}" for name in ("stpatients-blob", "stpatients-dfs", "stsales-blob")}
        before = written(product)
        assert product.repair().status == "Succeeded"
        assert written(product) == before
        assert product.delete().status == "Succeeded"
    finally:
        product.close()


def spark_of(product: QuietProduct) -> object:
    body = product.body(product.ids()["workspace"]) or {}
    return body["properties"]["managedNetwork"]["status"].get("sparkReady")


def test_a_network_that_stands_is_built_for_spark_when_somebody_asks(product: QuietProduct) -> None:
    """S5-06: as `az ml workspace provision-network --include-spark`; it stays, and nothing is built twice."""
    asked = example("managed-internet")
    put_to_its_end(product, asked)
    assert spark_of(product) is False
    asked["network"]["managed"] = {**asked["network"].get("managed", {}), "spark": True}
    put_to_its_end(product, asked)
    assert spark_of(product) is True
    before = written(product)
    assert product.repair().status == "Succeeded"
    asked["network"]["managed"]["spark"] = False
    put_to_its_end(product, asked)
    assert written(product) == before
    assert spark_of(product) is True
