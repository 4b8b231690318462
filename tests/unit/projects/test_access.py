"""Roles in a project, and what hides what."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.projects.access import Caller, Permission, Role, Verdict, judge, persona_roles, roles_in
from controlplane.projects.model import Members, Registration

MEMBERS = Members(contributors=("AAA",), readers=("bbb", "ccc"), approvers=("ccc",))
PROJECT = Registration(subscriptions=("s",), regions=("r",), resource_group_prefix="rg-", members=MEMBERS)

CASES: dict[str, tuple[set[str], set[str], set[Role]]] = {
    "nobody": (set(), set(), set()),
    "app role holds everywhere": ({"Workspace.Reader"}, set(), {Role.READER}),
    "group, whatever its case": (set(), {"aaa"}, {Role.CONTRIBUTOR}),
    "group in two lists": (set(), {"ccc"}, {Role.READER, Role.APPROVER}),
    "both": ({"Approver"}, {"aaa"}, {Role.APPROVER, Role.CONTRIBUTOR}),
    "a role's name as a group": (set(), {"Platform.Admin"}, set()),
    "a group's id as a role": ({"aaa"}, set(), set()),
    "role in another case": ({"platform.admin"}, set(), set()),
}


@pytest.mark.parametrize("case", CASES)
def test_roles(case: str) -> None:
    roles, groups, expected = CASES[case]
    caller = Caller("t", "o", frozenset(roles), frozenset(groups))
    assert roles_in(caller, PROJECT) == expected


@given(st.sampled_from(list(Permission)), st.sets(st.sampled_from(list(Role))), st.sets(st.sampled_from(list(Role))))
def test_more_roles_never_allow_less(permission: Permission, some: set[Role], more: set[Role]) -> None:
    order = [Verdict.HIDDEN, Verdict.FORBIDDEN, Verdict.ALLOWED]
    few = judge(Caller("t", "o", frozenset(some)), permission, PROJECT)
    many = judge(Caller("t", "o", frozenset(some | more)), permission, PROJECT)
    assert order.index(many) >= order.index(few)


@pytest.mark.parametrize(
    ("registration", "roles"),
    [
        pytest.param(PROJECT.model_copy(update={"entra_groups": ("DDD",)}), {Role.CONTRIBUTOR}, id="registered"),
        pytest.param(PROJECT.model_copy(update={"entra_groups": ("eee",)}), set(), id="another group is"),
        pytest.param(PROJECT, set(), id="no group is"),
        pytest.param(None, set(), id="the project is gone"),
    ],
)
def test_personas_are_groups_of_the_registration(registration: Registration | None, roles: set[Role]) -> None:
    caller = Caller("t", "o", frozenset(), frozenset({"ddd", "eee"}))
    access = {"projectLeads": ("ddd",)}
    assert persona_roles(caller, registration, access) == roles
    allowed = judge(caller, Permission.WORKSPACES_PUT, registration, access)
    assert allowed is (Verdict.ALLOWED if roles else Verdict.HIDDEN)


@pytest.mark.parametrize("permission", list(Permission))
def test_without_a_role_everything_is_hidden(permission: Permission) -> None:
    assert judge(Caller("t", "o", frozenset(), frozenset({"zzz"})), permission, PROJECT) is Verdict.HIDDEN
    assert judge(Caller("t", "o", frozenset(), frozenset({"aaa"})), permission, None) is Verdict.HIDDEN
