"""Identities and keys in a spec: what is refused by its form, what a plan says, what a write holds."""

from __future__ import annotations

from typing import Any

import pytest

from controlplane.errors import Rejected
from controlplane.workspaces.diff import body, diff
from controlplane.workspaces.keeping import keeping, keeping_names
from controlplane.workspaces.kinds_table import KINDS
from controlplane.workspaces.model import Action, Observed, Origin
from controlplane.workspaces.own_rights import lacking, needs_of
from controlplane.workspaces.plan import make_plan
from controlplane.workspaces.spec import parse_spec
from controlplane.workspaces.transitions import check_transition
from tests.support.azure_answers import create
from tests.support.blueprints import compiled, example

GROUP = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg"
UAI = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities"
ONE, TWO = f"{UAI}/one", f"{UAI}/two"
VAULT = f"{GROUP}/providers/Microsoft.KeyVault/vaults/keys"
KEY = "https://keys.vault.azure.net/keys/data"
OWN_KEY = {"customerManagedKey": KEY, "keyVaultId": VAULT, "identity": ONE}
USERS = {"type": "userAssigned", "create": ["a", "b"], "primary": "a"}


def refused(**changes: Any) -> dict[str | None, str]:
    """JSON path → code of every reason."""
    try:
        parse_spec({**example(), **changes})
    except Rejected as error:
        return {detail.target: detail.code for detail in error.details}
    return {}


def test_the_primary_identity_is_one_of_those_listed_s2_26() -> None:
    for kind in ("userAssigned", "systemAndUserAssigned"):
        for primary in (TWO, "b", "ONE"):
            asked = {"type": kind, "ids": [ONE], "create": ["a"], "primary": primary}
            assert refused(identity=asked) == {"$.identity.primary": "InvalidValue"}
        for primary in (ONE, ONE.upper().replace("/SUBSCRIPTIONS", "/subscriptions"), "a"):
            assert refused(identity={"type": kind, "ids": [ONE], "create": ["a"], "primary": primary}) == {}


def test_of_several_identities_one_is_named_in_updates_too_s2_29() -> None:
    several = {"type": "userAssigned", "ids": [ONE, TWO]}
    assert refused(identity=several) == {"$.identity.primary": "MissingField"}
    assert refused(identity={**several, "primary": TWO}) == {}
    assert refused(identity={"type": "userAssigned", "create": ["a"]}) == {}
    # Beside a system identity, which stays what the workspace uses, nobody has to be named (S2-30).
    assert refused(identity={**several, "type": "systemAndUserAssigned"}) == {}


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"identity": {"ids": [ONE]}}, {"$.identity.ids": "InvalidValue"}),
        ({"identity": {"create": ["a"]}}, {"$.identity.create": "InvalidValue"}),
        ({"identity": {"primary": "a"}}, {"$.identity.primary": "InvalidValue"}),
        ({"identity": {"type": "userAssigned"}}, {"$.identity.ids": "MissingField"}),
        ({"identity": {"type": "userAssigned", "ids": [VAULT]}}, {"$.identity.ids[0]": "InvalidValue"}),
        ({"identity": {**USERS, "create": ["a", "a"]}}, {"$.identity.create[1]": "InvalidValue"}),
        (
            {"identity": {"type": "systemAndUserAssigned", "ids": [ONE, ONE.replace("/rg/", "/other/")]}},
            {"$.identity.ids[1]": "InvalidValue"},
        ),
        ({"encryption": {"keyVaultId": VAULT}}, {"$.encryption.keyVaultId": "InvalidValue"}),
        ({"encryption": {"identity": ONE}}, {"$.encryption.identity": "InvalidValue"}),
        (
            {"encryption": {"customerManagedKey": KEY}},
            {"$.encryption.keyVaultId": "MissingField", "$.encryption.identity": "MissingField"},
        ),
        ({"encryption": {**OWN_KEY, "keyVaultId": f"{VAULT}2"}}, {"$.encryption.keyVaultId": "InvalidValue"}),
        ({"encryption": {**OWN_KEY, "identity": VAULT}}, {"$.encryption.identity": "InvalidValue"}),
        (
            {"encryption": {**OWN_KEY, "customerManagedKey": "https://keys.vault.azure.net/secrets/data"}},
            {"$.encryption.customerManagedKey": "InvalidValue"},
        ),
        (
            {
                "encryption": {**OWN_KEY, "identity": ONE.replace("/rg/", "/other/")},
                "identity": {"type": "userAssigned", "ids": [ONE]},
            },
            {"$.encryption.identity": "InvalidValue"},
        ),
        ({"encryption": {**OWN_KEY, "customerManagedKey": f"{KEY}/{'0' * 32}"}}, {}),
    ],
)
def test_what_belongs_together_comes_together(changes: dict[str, Any], found: dict[str, str]) -> None:
    assert refused(**changes) == found


def test_what_a_plan_takes_away_is_shown_as_a_deletion_and_asked_for() -> None:
    """S2-28: somebody attached another identity, or the spec leaves one out."""
    made = create(compiled(identity=USERS))
    asked = compiled(identity={**USERS, "create": ["a"]})
    plan = make_plan(asked, made.observed(asked), {})
    (change,) = plan.destructive
    (difference,) = change.takes_away
    assert (change.key, change.action, difference.wanted) == ("workspace", Action.UPDATE, None)
    assert difference.path.endswith("/id-churn-dev-b]")
    assert [w.code for w in plan.warnings if w.target == "workspace"] == ["Deletion"]
    # Adding one takes nothing away.
    more = compiled(identity={**USERS, "create": ["a", "b", "c"]})
    assert make_plan(more, made.observed(more), {}).destructive == ()


def test_a_write_without_consent_keeps_what_somebody_attached() -> None:
    asked = compiled(identity=USERS)
    made = create(asked)
    made.body("workspace")["identity"]["userAssignedIdentities"][ONE] = {"principalId": "p"}
    existing, wanted = made.body("workspace"), asked.by_key["workspace"]
    sent = body(wanted, existing, made.observed(), force=True)
    assert sent is not None
    assert ONE not in sent["identity"]["userAssignedIdentities"]
    kept = keeping_names(sent, existing, KINDS[wanted.type])["identity"]["userAssignedIdentities"]
    assert set(kept) == {*sent["identity"]["userAssignedIdentities"], ONE}


def test_a_kind_that_azure_does_not_change_back_is_kept_by_a_repair() -> None:
    """S2-14, of what somebody did in Azure: no write makes a system identity alone again."""
    asked = compiled()
    made = create(asked)
    found = made.body("workspace")
    found["identity"] |= {"type": "SystemAssigned, UserAssigned", "userAssignedIdentities": {ONE: {}}}
    (change,) = (c for c in diff(asked, made.observed(), {}) if c.action is not Action.NONE and not c.reason)
    assert (change.key, change.action) == ("workspace", Action.REPLACE)
    sent = body(asked.by_key["workspace"], found, made.observed(), force=True)
    assert sent is not None
    assert keeping(sent, found, KINDS[change.type])["identity"] == {
        "type": "SystemAssigned, UserAssigned",
        "userAssignedIdentities": {ONE: {}},
    }


def test_what_azure_adds_to_a_vault_s_policies_stays_and_others_go() -> None:
    asked = compiled(vault={"permissionModel": "accessPolicies"})
    made = create(asked)
    own = made.body("workspace")["identity"]["principalId"]
    for principal in (own, "stranger"):
        made.body("vault")["properties"]["accessPolicies"].append({"objectId": principal, "permissions": {}})
    (change,) = (c for c in diff(asked, made.observed(), {}) if c.action is not Action.NONE)
    assert [difference.observed["objectId"] for difference in change.differences] == ["stranger"]
    sent = body(asked.by_key["vault"], made.body("vault"), made.observed())
    assert sent is not None
    assert [policy["objectId"] for policy in sent["properties"]["accessPolicies"]] == [own]


@pytest.mark.parametrize(
    ("was", "becomes", "target"),
    [
        ({}, OWN_KEY, "$.encryption.customerManagedKey"),
        (OWN_KEY, {}, "$.encryption.customerManagedKey"),
        (OWN_KEY, {**OWN_KEY, "keyVaultId": VAULT.replace("/rg/", "/other/")}, "$.encryption.keyVaultId"),
        (OWN_KEY, {**OWN_KEY, "customerManagedKey": f"{KEY}2"}, None),
        ({}, {}, None),
    ],
)
def test_a_key_is_there_from_the_beginning_or_never(
    was: dict[str, str], becomes: dict[str, str], target: str | None
) -> None:
    """S1-07, S2-24."""
    before, after = (parse_spec({**example(), "encryption": one}) for one in (was, becomes))
    assert [detail.target for detail in check_transition(before, after)] == ([target] if target else [])


def test_a_vault_keeps_what_decides_who_reads_it() -> None:
    models = [parse_spec({**example(), "vault": {"permissionModel": one}}) for one in ("rbac", "accessPolicies")]
    for before, after in (models, models[::-1]):
        (detail,) = check_transition(before, after)
        assert detail.target == "$.vault.permissionModel"


def test_what_somebody_brings_is_never_owned_or_written() -> None:
    asked = compiled(identity={"type": "systemAndUserAssigned", "ids": [ONE]}, encryption={**OWN_KEY, "identity": TWO})
    given = {r.key: r for r in asked.resources if r.origin is Origin.GIVEN}
    assert set(given) == {"given-identity/one", "given-identity/two"}
    changes = {c.key: c for c in diff(asked, Observed({}), {})}
    assert all(changes[key].reason == "Whoever brings it has to make it." for key in given)


def test_our_own_rights_on_what_is_brought_are_asked_for_s2_08() -> None:
    """Managed Identity Operator, or a role such as Owner; what nobody may read is left to Azure."""
    asked = compiled(identity={"type": "systemAndUserAssigned", "ids": [ONE, TWO], "create": ["a"]})
    one, two = needs_of(asked)
    assert {one.scope, two.scope} == {ONE, TWO}
    operator = {"actions": ["Microsoft.ManagedIdentity/userAssignedIdentities/*/assign/action"], "notActions": []}
    owner, none = {"actions": ["*"], "notActions": []}, {"actions": ["*/read"]}
    without = {"actions": ["*"], "notActions": ["microsoft.managedidentity/*"]}
    for enough in ([operator], [none, owner], None):
        assert lacking({one: enough, two: [owner]}) is None
    for lack in ([], [none], [without]):
        found = lacking({one: [operator], two: lack})
        assert found is not None
        assert (found.code, [detail.target for detail in found.details]) == ("OwnRightsMissing", [two.scope])
    assert needs_of(compiled(identity=USERS)) == ()
