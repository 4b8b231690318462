"""The matrix in the package against the table that the project was given, and what follows from it."""

from __future__ import annotations

import csv
from collections import Counter

import pytest

from controlplane.workspaces.access.desired import Means
from controlplane.workspaces.access.matrix import NOT_CHECKED, Column, cells, roles_of
from controlplane.workspaces.access.personas import KINDS, Persona
from controlplane.workspaces.access.roles import GRANTABLE, ROLES
from controlplane.workspaces.model import Blueprint
from simulator.planes import roles as azure_roles
from tests.support.blueprints import ROOT, compiled, example

HALVES = {"production": True, "preproduction": False}
LABELS = {kind.label: persona for persona, kind in KINDS.items()}


def table() -> list[tuple[bool, Persona, Column, tuple[str, ...]]]:
    with (ROOT / "tests/data/rbac-matrix.csv").open() as file:
        return [
            (HALVES[line["env"]], LABELS[line["persona"]], Column(line["resource"]), tuple(line["roles"].split("+")))
            for line in csv.DictReader(file)
        ]


def with_personas(environment: str) -> Blueprint:
    return compiled(access=example("personas")["access"], environment=environment)


def test_every_cell_is_the_tables() -> None:
    found = [(half, c.persona, c.column, c.codes) for half in (True, False) for c in cells(production=half)]
    assert sorted(found) == sorted(table())
    assert len(found) == 99
    assert sum(len(codes) for *_, codes in found) == 108


def test_the_personas_are_the_twelve_in_the_tables_order() -> None:
    assert [kind.number for kind in KINDS.values()] == list(range(1, 13))
    assert {kind.requirement for kind in KINDS.values()} == {f"S3-{number}" for number in range(50, 62)}


def test_roles_are_azures() -> None:
    """By GUID and name; codes of cells that are not there are groups of Azure DevOps (RB-I8)."""
    known = {role.guid: role.name for role in azure_roles.BUILT_IN}
    assert all(known[role.guid] == role.name for role in ROLES.values())
    unknown = {code for _, _, column, codes in table() for code in codes if code not in ROLES}
    assert unknown == {"DOPCA"}
    assert {column for _, _, column, codes in table() if "DOPCA" in codes} == {Column.DEVOPS}
    assert azure_roles.OWNER not in GRANTABLE.values()


@pytest.mark.parametrize("environment", ["dev", "test", "staging", "prod"])
def test_each_cell_that_azure_knows_is_a_grant(environment: str) -> None:
    """S3-65: staging and test are production. Every role of every cell once, on what its column means."""
    production = environment != "dev"
    access = with_personas(environment).access
    # The workspace's own identities have their roles from elsewhere.
    wanted = Counter(
        (persona, column, code)
        for half, persona, column, codes in table()
        if half == production and column not in NOT_CHECKED and persona is not Persona.ML_WORKSPACE
        for code in codes
    )
    assert Counter((grant.persona, grant.column, grant.role.code) for grant in access.grants) == wanted


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_owner_and_platform_support_are_never_the_operators(environment: str) -> None:
    blueprint = with_personas(environment)
    written = {grant.key for grant in blueprint.access.grants if grant.means is Means.ASSIGNED}
    assert written == {key for key in blueprint.by_key if key.startswith("role/") and "/00000000-" in key}
    for grant in blueprint.access.by_hand:
        assert grant.means is (Means.ELIGIBLE if grant.persona is Persona.PLATFORM_SUPPORT else Means.MANUAL)
        assert grant.role.code == "O" or grant.persona is Persona.PLATFORM_SUPPORT
    assert all(grant.role.code != "O" for grant in blueprint.access.grants if grant.means is Means.ASSIGNED)


def test_nothing_but_monitoring_roles_is_granted_on_the_resource_group() -> None:
    """RB-I9: Owner there would be Owner of storage and registry by inheritance."""
    for environment in ("dev", "prod"):
        on_group = [g for g in with_personas(environment).access.grants if g.target == "resource-group"]
        assert {grant.role.code for grant in on_group} <= {"MR", "MC"}
        assert on_group


def test_governance_sees_devops_in_production_only() -> None:
    """RB-I7, of the table itself: no role assignment of Azure says it."""
    assert set(roles_of(Persona.DATA_GOVERNANCE, production=True)) >= NOT_CHECKED
    assert not NOT_CHECKED & set(roles_of(Persona.DATA_GOVERNANCE, production=False))
