"""A workspace's identities and its key through their life: what is granted, may change, and is refused before Azure.

Product and simulator in one process, in virtual time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from controlplane.errors import Conflict, Rejected
from controlplane.operations.model import OperationStatus
from tests.support.blueprints import example
from tests.support.lives import written
from tests.support.quiet_product import NAME, QuietProduct
from tests.support.worlds import CRYPTO_USER, allow, key_and_identities, put, registered

UAI = "Microsoft.ManagedIdentity/userAssignedIdentities"
BROUGHT, KEEPER = (
    example("customer-managed-key")["identity"]["ids"][0],
    example("customer-managed-key")["encryption"]["identity"],
)


@pytest.fixture
def product() -> Iterator[QuietProduct]:
    running = QuietProduct()
    registered(running)
    yield running
    running.close()


def spec(**identity: Any) -> dict[str, Any]:
    return {**example(), "identity": identity}


def changed(product: QuietProduct, asked: dict[str, Any], *, consent: bool = False) -> None:
    operation = product.finish(product.put(asked, consent=consent))
    assert operation.status is OperationStatus.SUCCEEDED, operation.error


def identity_of(product: QuietProduct) -> dict[str, Any]:
    body = product.body(product.ids()["workspace"])
    assert body is not None
    found: dict[str, Any] = {**body["identity"], "primary": body["properties"].get("primaryUserAssignedIdentity")}
    return found


def names(found: dict[str, Any]) -> set[str]:
    return {arm_id.rpartition("/")[2] for arm_id in found.get("userAssignedIdentities", {})}


def test_identities_come_and_go_and_the_system_s_own_stays(product: QuietProduct) -> None:
    """S2-13, S2-27 to S2-30: joined without consent; what is left out is a deletion, refused with nothing written."""
    changed(product, example())
    before = identity_of(product)["principalId"]
    both = {"type": "systemAndUserAssigned", "create": ["one", "two"]}
    changed(product, spec(**both))
    joined = identity_of(product)
    assert (joined["principalId"], names(joined)) == (before, {"id-churn-dev-one", "id-churn-dev-two"})
    assert product.failing() == set()

    fewer, calls = spec(**{**both, "create": ["one"]}), written(product)
    plan = product.plan(fewer).plan
    assert {change.key for change in plan.destructive if change.takes_away} == {"workspace"}
    assert "identity/two" in {change.key for change in plan.destructive}
    with pytest.raises(Conflict, match="DestructiveChangeNotAllowed") as refused:
        product.put(fewer)
    assert "id-churn-dev-two" in str([detail.message for detail in refused.value.details])
    assert written(product) == calls
    changed(product, fewer, consent=True)
    assert names(identity_of(product)) == {"id-churn-dev-one"}
    assert "identity/two" not in product.ids()
    assert product.failing() == set()


FORBIDDEN = [
    ("a system identity alone again", {"type": "systemAssigned"}, "$.identity.type"),
    ("no system identity any more", {"type": "userAssigned", "create": ["one"]}, "$.identity.type"),
]


@pytest.mark.parametrize(("becomes", "target"), [row[1:] for row in FORBIDDEN], ids=[row[0] for row in FORBIDDEN])
def test_a_kind_is_refused_before_azure_hears_of_it(
    product: QuietProduct, becomes: dict[str, Any], target: str
) -> None:
    """S2-14, with consent too; the simulator would refuse the same."""
    changed(product, spec(type="systemAndUserAssigned", create=["one"]))
    calls = written(product)
    for ask in (product.plan, product.put, lambda asked: product.put(asked, consent=True)):
        with pytest.raises(Conflict) as refused:
            ask(spec(**becomes))
        assert (refused.value.code, refused.value.target) == ("TransitionNotAllowed", target)
    assert written(product) == calls


def test_an_identity_is_granted_its_roles_once_the_directory_knows_it(
    product: QuietProduct, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S2-38: where Azure does not take our word for what kind of principal it is, and takes two minutes to learn it."""
    monkeypatch.setattr("simulator.planes.directory.REPLICATION_SECONDS", 120.0)
    product.azure.engine.store.set("strict_replication", True)
    changed(product, example("user-assigned"))
    steps = [step for step in last_steps(product) if step.key.startswith("role/identity/workspace/")]
    assert max(step.attempts for step in steps) > 1
    assert product.failing() == set()


def last_steps(product: QuietProduct) -> Any:
    stored = product.run(product.repository.load(NAME))
    assert stored is not None
    found = product.run(product.repository.load_operation(stored.record.last_operation or ""))
    assert found is not None
    return found.operation.steps


def test_what_somebody_attaches_is_found_and_no_repair_takes_it_away(product: QuietProduct) -> None:
    """S2-28: neither what a repair writes for another reason, nor a PUT without consent."""
    changed(product, example("user-assigned"))
    key_and_identities(product)
    arm_id = product.ids()["workspace"]
    body = product.body(arm_id) or {}
    lost = next(iter(body["identity"]["userAssignedIdentities"]))
    others = {one: {} for one in body["identity"]["userAssignedIdentities"] if one != lost}
    primary = next(iter(others))
    properties = {**body["properties"], "primaryUserAssignedIdentity": primary}
    attached = {"type": "UserAssigned", "userAssignedIdentities": {**others, BROUGHT: {}}}
    body = {**body, "identity": attached, "properties": properties}
    product.owner("PUT", arm_id, body)
    found = {f.path for f in product.validate().report.findings if f.status == "Fail"}
    assert len([path for path in found if path.startswith("$.identity.userAssignedIdentities")]) >= 1
    with pytest.raises(Conflict, match="DestructiveChangeNotAllowed"):
        product.put({**example("user-assigned"), "workload": "nlp"})
    assert product.repair().status is OperationStatus.SUCCEEDED
    left = identity_of(product)
    assert names(left) == {"id-churn-dev-workspace", "id-churn-dev-training", "id-churn"}
    assert left["primary"].endswith("/id-churn-dev-workspace")
    changed(product, {**example("user-assigned"), "workload": "nlp"}, consent=True)
    assert names(identity_of(product)) == {"id-churn-dev-workspace", "id-churn-dev-training"}
    assert product.failing() == set()


def test_policies_of_a_vault_are_put_back_without_purge(product: QuietProduct) -> None:
    """S2-20."""
    asked = {**example("user-assigned"), "vault": {"permissionModel": "accessPolicies"}}
    changed(product, asked)
    arm_id = product.ids()["vault"]
    body = product.body(arm_id) or {}
    (policy,) = body["properties"]["accessPolicies"]
    assert "purge" not in str(policy)
    policy["permissions"]["secrets"] = ["get", "purge"]
    product.owner("PUT", arm_id, body)
    assert product.failing() == {"vault"}
    assert product.repair().status is OperationStatus.SUCCEEDED
    assert product.failing() == set()


# -- what somebody brings ----------------------------------------------------------------------------------------------


def test_what_is_brought_stays_when_the_workspace_goes_and_is_missed_when_it_goes(product: QuietProduct) -> None:
    key_and_identities(product)
    asked = example("customer-managed-key")
    changed(product, asked)
    vault = asked["encryption"]["keyVaultId"]
    before = [call for call in written(product) if "/rg-churn-" not in call[2]]
    assert [call for call in before if UAI in call[2] or vault in call[2]] == []
    product.owner("DELETE", KEEPER)
    assert "given-identity/id-churn-keys" in product.failing()
    (finding,) = (
        f for f in product.validate().report.findings if f.key == "given-identity/id-churn-keys" and f.status == "Fail"
    )
    assert finding.repair.kind == "manual"
    assert product.delete().status is OperationStatus.SUCCEEDED
    assert product.body(BROUGHT) is not None
    assert product.body(vault) is not None


def lose_key_role(product: QuietProduct) -> None:
    vault = example("customer-managed-key")["encryption"]["keyVaultId"]
    for one in product.azure.engine.extensions(vault, "Microsoft.Authorization/roleAssignments"):
        product.owner("DELETE", one.id)


def unprotected(product: QuietProduct) -> None:
    asked = example("customer-managed-key")["encryption"]
    vault = asked["keyVaultId"]
    body = product.body(vault) or {}
    product.owner("DELETE", vault)
    stone = next(iter(product.azure.engine.all_of("Microsoft.KeyVault/locations/deletedVaults")))
    product.azure.engine.delete(stone.id)
    properties = {name: value for name, value in body["properties"].items() if name != "enablePurgeProtection"}
    put(product, vault, {**body, "properties": properties})
    allow(product, vault, CRYPTO_USER, (product.body(KEEPER) or {})["properties"]["principalId"])


BROKEN = {
    "no identity": (lambda p: p.owner("DELETE", BROUGHT), "IdentityNotFound", "$.identity.ids[0]"),
    "no keeper": (lambda p: p.owner("DELETE", KEEPER), "IdentityNotFound", "$.encryption.identity"),
    "no vault": (
        lambda p: p.owner("DELETE", example("customer-managed-key")["encryption"]["keyVaultId"]),
        "KeyVaultNotFound",
        "$.encryption.keyVaultId",
    ),
    "no right on the key": (lose_key_role, "KeyNotUsable", "$.encryption.customerManagedKey"),
    "a vault that can be purged": (unprotected, "KeyVaultNotProtected", "$.encryption.keyVaultId"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_does_not_fit_is_refused_when_it_is_planned(product: QuietProduct, name: str) -> None:
    """S2-24: with the reason, and nothing written."""
    act, code, target = BROKEN[name]
    key_and_identities(product)
    assert product.plan(example("customer-managed-key")).plan.destructive == ()
    act(product)
    for ask in (product.plan, product.put):
        with pytest.raises(Rejected) as refused:
            ask(example("customer-managed-key"))
        assert [(d.code, d.target) for d in refused.value.details] == [(code, target)]
    assert written(product) == []


def test_a_key_may_be_used_by_access_policy_too(product: QuietProduct) -> None:
    key_and_identities(product)
    lose_key_role(product)
    vault = example("customer-managed-key")["encryption"]["keyVaultId"]
    body = product.body(vault) or {}
    holder = (product.body(KEEPER) or {})["properties"]["principalId"]
    for allowed, fits in ((["get", "wrapKey"], False), (["Get", "WrapKey", "UnwrapKey"], True)):
        policy = {"tenantId": body["properties"]["tenantId"], "objectId": holder, "permissions": {"keys": allowed}}
        properties = {**body["properties"], "enableRbacAuthorization": False, "accessPolicies": [policy]}
        put(product, vault, {**body, "properties": properties})
        if fits:
            changed(product, example("customer-managed-key"))
        else:
            with pytest.raises(Rejected, match="KeyNotUsable"):
                product.put(example("customer-managed-key"))


def test_a_vault_that_loses_its_protection_is_found(product: QuietProduct) -> None:
    key_and_identities(product)
    changed(product, example("customer-managed-key"))
    unprotected(product)
    failing = {(f.control, f.key) for f in product.validate().report.findings if f.status == "Fail"}
    assert failing == {("CP.KEY.VaultProtected", "workspace")}


def test_nothing_is_written_before_we_may_give_away_what_is_brought(product: QuietProduct) -> None:
    """S2-08: the operator's own rights on the identity are asked for first."""
    key_and_identities(product)
    world = product.azure.world
    operator = world.seeded("operator")["id"]
    for role in list(product.azure.engine.all_of("Microsoft.Authorization/roleDefinitions")):
        if role.properties["roleName"] == "MLOps Control Plane Operator":
            (permission,) = role.properties["permissions"]
            allowed = permission["actions"]
            permission["actions"] = [action for action in allowed if "assign/action" not in action]
            product.azure.engine.save(role)
    refused = product.create(example("customer-managed-key"))
    assert refused.error is not None
    assert (refused.status, refused.error.code) == (OperationStatus.FAILED, "OwnRightsMissing")
    assert {detail.target for detail in refused.error.details} == {BROUGHT, KEEPER}
    assert written(product) == []
    # Managed Identity Operator on each is enough.
    for arm_id in (BROUGHT, KEEPER):
        allow(product, arm_id, "f1a07417-d97a-45cb-824c-7a7467783830", operator)
    changed(product, example("customer-managed-key"))
    assert product.failing() == set()


def test_what_is_not_registered_is_not_even_looked_for(product: QuietProduct) -> None:
    with pytest.raises(Rejected) as refused:
        product.plan(spec(type="systemAndUserAssigned", ids=[f"{BROUGHT}x"]))
    assert (refused.value.code, refused.value.target) == ("ScopeNotAllowedForProject", "$.identity.ids[0]")
