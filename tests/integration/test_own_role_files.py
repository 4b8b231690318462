"""The files of the two identities' own roles (``infra/``): what Azure takes, and no more power than meant."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from controlplane.workspaces.blueprint.access import ROLES
from simulator.planes import roles
from tests.support.own_roles import INFRA, LABELING, ROLE_FILES, role

PUBLISHED = Path(__file__).parents[1] / "data" / "azure-provider-operations.txt"
#: Wildcard → why no name will do.
WILDCARDS = {
    **dict.fromkeys(
        sorted(one for one in LABELING if "*" in one),
        "Azure publishes no action for labelingJobs; docs/adr/ADR-2026-11-labelling-projects.md",
    ),
    "Microsoft.Storage/locations/*/read": "Storage publishes no name for its locations/asyncoperations, and Azure "
    "refuses a role with an action that no provider publishes",
}


def condition() -> str:
    """Of the assignment of ``role-operator-access``."""
    return (INFRA / "operator-access-condition.txt").read_text()


@pytest.mark.parametrize("name", ROLE_FILES)
def test_a_role_is_what_azure_takes(name: str) -> None:
    """Source: "Steps to create a custom role" and "InvalidActionOrNotAction" of "Troubleshoot Azure RBAC"."""
    found = role(name)
    assert set(found) == {
        "Name", "IsCustom", "Description", "Actions", "NotActions", "DataActions", "NotDataActions", "AssignableScopes",
    }  # fmt: skip
    published = [line.lower() for line in PUBLISHED.read_text().splitlines() if line and not line.startswith("#")]
    for action in found["Actions"]:
        assert [one for one in published if fnmatchcase(one, action.lower())], f"{action} is published by no provider"
        assert "*" not in action or action in WILDCARDS
    assert found["Actions"] == sorted(set(found["Actions"]), key=str.lower)
    assert found["NotActions"] == found["DataActions"] == found["NotDataActions"] == []


def test_a_wildcard_that_no_role_has_needs_no_reason() -> None:
    assert set(WILDCARDS) <= {action for name in ROLE_FILES for action in role(name)["Actions"]}


def test_the_condition_names_the_roles_that_blueprints_grant() -> None:
    lists = re.findall(r"GuidEquals \{([^}]*)\}", condition())
    assert len(lists) == 2
    for guids in lists:
        assert sorted(guids.replace(" ", "").split(",")) == sorted(ROLES.values())
    privileged = {roles.OWNER, roles.RBAC_ADMINISTRATOR, "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9"}
    assert not privileged & set(ROLES.values())


def test_the_condition_excludes_both_identities_whichever_way() -> None:
    excluded = re.findall(r"@(\w+)\[[^]]*:PrincipalId\] ForAnyOfAllValues:GuidNotEquals \{([^}]*)\}", condition())
    both = "OPERATOR_OBJECT_ID, OBSERVER_OBJECT_ID"
    assert excluded == [("Request", both), ("Resource", both)]
    deploying = (INFRA / "README.md").read_text()
    for word in both.split(", "):
        assert f"s/{word}/" in deploying


def test_every_action_on_access_stands_in_the_role_with_the_condition() -> None:
    held = {name: set(role(name)["Actions"]) for name in ROLE_FILES}
    access = {action for found in held.values() for action in found if action.startswith("Microsoft.Authorization/")}
    policy = ("policyAssignments", "policyDefinitions", "policySetDefinitions")
    names = (
        "denyAssignments",
        "permissions",
        "roleDefinitions",
        "roleAssignments",
        "roleAssignmentScheduleInstances",
        "roleEligibilityScheduleInstances",
        *policy,
    )
    reads = {f"Microsoft.Authorization/{name}/read" for name in names}
    # What a budget denies: it takes from everybody and gives nobody anything.
    denials = {f"Microsoft.Authorization/policyAssignments/{verb}" for verb in ("write", "delete")}
    assert access - reads - denials == held["role-operator-access"]
