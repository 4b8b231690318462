"""Roles that the table does not know, by their permissions; and what deny assignments take back."""

from __future__ import annotations

from typing import Any

import pytest

from controlplane.workspaces import kinds as k
from controlplane.workspaces.access.definitions import definition
from controlplane.workspaces.access.denials import EVERYONE, Denying, denials
from controlplane.workspaces.access.powers import POWERS, Can, Plane, planes, planes_of
from simulator.planes.roles import BUILT_IN

SETTINGS, CONTENT, BOTH = (Plane.MANAGEMENT,), (Plane.DATA,), (Plane.MANAGEMENT, Plane.DATA)
GROUP = "/subscriptions/s/resourceGroups/g"
VAULT = f"{GROUP}/providers/{k.VAULT}/kv"
ADA, TEAM = "00000000-0000-0000-0000-0000000000a1", "00000000-0000-0000-0000-0000000000f1"


def role(**permissions: Any) -> Any:
    return definition({"roleName": "Own", "permissions": [permissions]})


@pytest.mark.parametrize(
    ("permissions", "administers"),
    [
        ({"dataActions": ["Microsoft.KeyVault/vaults/*"]}, True),
        ({"dataActions": ["*"]}, True),
        ({"dataActions": ["Microsoft.KeyVault/vaults/*"], "notDataActions": ["*/purge/action"]}, True),
        ({"dataActions": ["Microsoft.KeyVault/vaults/*"], "notDataActions": ["*/keys/*"]}, False),
        ({"dataActions": ["Microsoft.KeyVault/vaults/secrets/*"]}, False),
        ({"actions": ["*"]}, False),
        ({"actions": ["Microsoft.KeyVault/vaults/*"]}, False),
        ({}, False),
    ],
)
def test_who_administers_a_vault_writes_all_that_is_in_it(permissions: dict[str, Any], administers: bool) -> None:
    assert role(**permissions).administers_vaults is administers


#: Permissions, what is asked, type → where it lets in.
PLANES: list[tuple[dict[str, Any], Can, str, tuple[Plane, ...]]] = [
    ({"actions": ["*/read"]}, Can.READ, k.VAULT, SETTINGS),
    ({"actions": ["*/read"]}, Can.READ, k.REGISTRY, BOTH),
    ({"actions": ["*/read"]}, Can.READ, k.ML_WORKSPACE, BOTH),
    ({"actions": ["*/read"]}, Can.WRITE, k.ML_WORKSPACE, ()),
    ({"actions": ["*"]}, Can.ADMINISTER, k.VAULT, SETTINGS),
    ({"actions": ["*"], "notActions": ["Microsoft.Authorization/*/Write"]}, Can.ADMINISTER, k.VAULT, ()),
    ({"actions": ["*"], "notActions": ["Microsoft.Authorization/*/Write"]}, Can.WRITE, k.STORAGE, BOTH),
    ({"actions": ["Microsoft.KeyVault/vaults/read"]}, Can.READ, k.STORAGE, ()),
    ({"dataActions": ["Microsoft.KeyVault/vaults/secrets/getSecret/action"]}, Can.READ, k.VAULT, CONTENT),
    ({"dataActions": ["Microsoft.KeyVault/vaults/secrets/getSecret/action"]}, Can.WRITE, k.VAULT, ()),
    ({"dataActions": ["Microsoft.KeyVault/vaults/*"], "notDataActions": ["*"]}, Can.READ, k.VAULT, ()),
]


@pytest.mark.parametrize("case", PLANES, ids=range(len(PLANES)))
def test_what_a_custom_role_allows(case: tuple[dict[str, Any], Can, str, tuple[Plane, ...]]) -> None:
    permissions, can, kind, found = case
    assert planes_of(role(**permissions).powers, can, kind) == found


def test_keys_open_an_account_to_a_custom_role_only_where_they_do() -> None:
    found = role(actions=["Microsoft.Storage/storageAccounts/listKeys/action"]).powers
    assert Plane.DATA in planes_of(found, Can.WRITE, k.STORAGE)
    assert Plane.DATA not in planes_of(found, Can.WRITE, k.STORAGE, by_key=False)


@pytest.mark.parametrize("one", [one for one in BUILT_IN if one.guid in POWERS], ids=lambda one: one.name)
def test_no_role_is_less_by_its_definition_than_by_the_table(one: Any) -> None:
    """What Azure publishes of the roles that the table knows allows at least what the table says."""
    told = {"actions": one.actions, "notActions": one.not_actions}
    data = {"dataActions": one.data_actions, "notDataActions": one.not_data_actions}
    found = role(**told, **data).powers
    for kind in (k.STORAGE, k.VAULT, k.REGISTRY, k.ML_WORKSPACE):
        for can in Can:
            assert set(planes_of(found, can, kind)) >= set(planes(one.guid, can, kind) or ())


def denial(**properties: Any) -> Denying:
    whole = {"permissions": [{"actions": ["*"], "dataActions": ["*"]}], "scope": GROUP, "denyAssignmentName": "stack"}
    principals = [{"id": ADA, "type": "User"}]
    return Denying(denials(({"properties": {**whole, "principals": principals, **properties}},)))


ALL = {"id": EVERYONE, "type": "SystemDefined"}
#: What a deny assignment says → whether Ada is certainly, or perhaps, denied a secret.
DENIED: dict[str, tuple[dict[str, Any], tuple[bool, bool]]] = {
    "her": ({}, (True, False)),
    "everyone": ({"principals": [ALL]}, (True, False)),
    "everyone but her": ({"principals": [ALL], "excludePrincipals": [{"id": ADA, "type": "User"}]}, (False, False)),
    "everyone but a team": (
        {"principals": [ALL], "excludePrincipals": [{"id": TEAM, "type": "Group"}]},
        (False, True),
    ),
    "a team": ({"principals": [{"id": TEAM, "type": "Group"}]}, (False, True)),
    "somebody else": ({"principals": [{"id": TEAM, "type": "User"}]}, (False, False)),
    "elsewhere": ({"scope": "/subscriptions/s/resourceGroups/other"}, (False, False)),
    "above": ({"scope": "/providers/Microsoft.Management/managementGroups/m"}, (True, False)),
    "the group itself": ({"doNotApplyToChildScopes": True}, (False, False)),
    "writes": ({"permissions": [{"actions": ["*/write"], "dataActions": ["*/setSecret/action"]}]}, (False, False)),
    "not secrets": (
        {"permissions": [{"dataActions": ["*"], "notDataActions": ["*/secrets/getSecret/action"]}]},
        (False, False),
    ),
}


@pytest.mark.parametrize("name", DENIED)
def test_whom_a_deny_assignment_denies(name: str) -> None:
    properties, found = DENIED[name]
    taken = denial(**properties).taken(ADA, CONTENT, Can.READ, VAULT)
    assert (bool(taken[True][0]), bool(taken[False][0])) == found
    assert [by for _, by in taken.values() if by] == ([("stack",)] if any(found) else [])


def test_settings_and_content_are_denied_apart() -> None:
    only = denial(permissions=[{"actions": ["Microsoft.KeyVault/*"]}])
    assert only.taken(ADA, BOTH, Can.READ, VAULT)[True][0] == SETTINGS
    grants = denial(permissions=[{"actions": ["Microsoft.Authorization/*"]}])
    assert grants.taken(ADA, SETTINGS, Can.ADMINISTER, VAULT)[True][0] == SETTINGS
    assert grants.taken(ADA, SETTINGS, Can.WRITE, VAULT)[True][0] == ()
