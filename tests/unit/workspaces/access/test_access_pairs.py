"""For each requirement on access: an estate that holds it, and the same after one grant that breaks it.

Every state is compiled as the compiler is written, so that only the rule that a requirement is registered on decides.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from controlplane.errors import Rejected
from controlplane.workspaces import kinds as k
from controlplane.workspaces.access.desired import Means
from controlplane.workspaces.access.personas import KINDS, Persona
from controlplane.workspaces.access.report import request_of
from controlplane.workspaces.access.roles import ROLES
from controlplane.workspaces.diff import diff
from controlplane.workspaces.effective import effective_spec
from controlplane.workspaces.model import Action, Blueprint, Resource, RoleAssignmentId, Unreadable
from controlplane.workspaces.posture import FindingStatus, Report
from controlplane.workspaces.records import Owned, WorkspaceRecord
from tests.support.azure_answers import Estate, create, guid
from tests.support.blueprints import everything, example, spec
from tests.support.looks import fresh, look

PERSONAS: dict[str, list[str]] = example("personas")["access"]
BLOB_READER = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
STRANGER = "00000000-0000-0000-0000-00000000beef"
Act = Callable[[Estate], None]


def workspace(environment: str) -> Blueprint:
    return everything(access=PERSONAS, environment=environment)


def member(persona: Persona) -> str:
    return PERSONAS[persona.value][0]


def place(estate: Estate, where: str) -> str:
    """ARM id of a key, ``subscription``, or a management group."""
    if where == "subscription":
        return "/".join(estate.id_of("resource-group").split("/")[:3])
    return where if where.startswith("/") else estate.id_of(where)


def grant(principal: str, role: str, where: str, kind: str = "Group", *, eligible: bool = False) -> Act:
    """Somebody gives a role; ``role``: a code of the matrix or a GUID."""

    def act(estate: Estate) -> None:
        scope, definition = place(estate, where), ROLES[role].guid if role in ROLES else role
        arm_type = k.ELIGIBILITY if eligible else k.ROLE_ASSIGNMENT
        name = guid("given", scope, definition, principal)
        arm_id = f"{scope}/providers/{arm_type}/{name}"
        properties = {
            "scope": scope,
            "roleDefinitionId": f"/providers/{k.ROLE_DEFINITION}/{definition}",
            "principalId": principal,
            "principalType": kind,
        }
        estate.bodies[arm_id.lower()] = {"id": arm_id, "name": name, "type": arm_type, "properties": properties}

    return act


def taken(key: str) -> Act:
    return lambda estate: estate.delete(estate.id_of(key))


def retagged(estate: Estate) -> None:
    estate.body("resource-group")["tags"]["environment"] = "prod"


def row(persona: Persona, *, production: bool) -> tuple[str, str, Act]:
    """Nobody's row has AcrPush but CI/CD's, and that one is not on the vault."""
    number = KINDS[persona].number
    control = f"CP.ACCESS.Row{'P' if production else 'D'}{number:02d}"
    if persona is Persona.ML_WORKSPACE:
        return "prod" if production else "dev", control, taken("role/workspace-identity/registry/contributor")
    eligible, kind = persona is Persona.PLATFORM_SUPPORT, KINDS[persona].principal_type
    given = grant(member(persona), "AcrPush", "vault", kind, eligible=eligible)
    return "prod" if production else "dev", control, given


ROWS = {
    f"RB-{half}{kind.number:02d}": row(persona, production=half == "P")
    for half in "PD"
    for persona, kind in KINDS.items()
}
#: Requirement → environment, control, what breaks it.
VALIDATED: dict[str, tuple[str, str, Act]] = {
    **ROWS,
    "RB-I1": ("prod", "CP.ACCESS.Invariant1", grant(STRANGER, "C", "subscription", "User")),
    "RB-I2": ("prod", "CP.ACCESS.Invariant2", grant(STRANGER, BLOB_READER, "subscription", "ServicePrincipal")),
    "RB-I3": ("prod", "CP.ACCESS.Invariant3", grant(STRANGER, "AcrPush", "subscription", "ServicePrincipal")),
    "RB-I4": ("dev", "CP.ACCESS.Invariant4", grant(member(Persona.MODEL_END_USERS), "R", "subscription")),
    "RB-I5": ("dev", "CP.ACCESS.Invariant5", grant(STRANGER, "KVA", "subscription")),
    "RB-I6": (
        "dev",
        "CP.ACCESS.Invariant6",
        grant(member(Persona.MONITORING_PROCESSES), "MR", "resource-group", "ServicePrincipal"),
    ),
    "RB-I9": ("dev", "CP.ACCESS.Invariant9", grant(member(Persona.DATA_ANALYSTS), "R", "resource-group")),
    "S1-01": ("dev", "CP.ACCESS.Processes", grant(member(Persona.CICD_PROCESSES), "AcrPush", "subscription", "User")),
    "S3-56": ("prod", "CP.ACCESS.SupportByPim", grant(member(Persona.PLATFORM_SUPPORT), "KVA", "vault")),
    "S3-57": ("dev", "CP.ACCESS.RowD08", grant(member(Persona.MODEL_END_USERS), "ADS", "workspace")),
    "S3-59": ROWS["RB-D10"],
    "S3-62": ("dev", "CP.ACCESS.Duty", grant(member(Persona.MODEL_TESTERS), "AcrPush", "registry")),
    "S3-63": ("dev", "CP.ACCESS.NoPeople", grant(STRANGER, "R", "storage", "User")),
    "S3-65": ("dev", "GOV.Tags.Environment", retagged),
    "S3-67": ("dev", "CP.ACCESS.SupportByPim", grant(member(Persona.PLATFORM_SUPPORT), "R", "subscription")),
}


def controls(report: Report) -> set[str]:
    """Of failing findings and of what follows from them."""
    return {evidence.control for finding in report.failing for evidence in (finding, *finding.consequences)}


@pytest.mark.parametrize("requirement", VALIDATED)
def test_validate(requirement: str) -> None:
    """It passes; after one grant it fails; and one grant is one finding, whatever it breaks."""
    environment, control, act = VALIDATED[requirement]
    blueprint = workspace(environment)
    estate = create(blueprint)
    before = look(estate)
    # Of this control only: another rule may be off (tests/unit/test_requirement_rows.py).
    assert {f.status for f in before.findings if f.control == control} == {FindingStatus.PASS}
    act(estate)
    after = look(estate)
    assert control in controls(after)
    assert len(fresh(after, before)) == 1


@pytest.mark.parametrize(
    "where", ["subscription", "/providers/Microsoft.Management/managementGroups/contoso", "/"], ids=str
)
def test_what_is_inherited_counts(where: str) -> None:
    """RB-I9: Owner above the workspace is Owner of its storage."""
    estate = create(workspace("prod"))
    grant(member(Persona.CICD_PROCESSES), "O", where, "ServicePrincipal")(estate)
    assert {"CP.ACCESS.Invariant2", "CP.ACCESS.Invariant3", "CP.ACCESS.Invariant9"} <= controls(look(estate))


@pytest.mark.parametrize("kind", ["Group", "ForeignGroup", ""])
def test_a_strangers_group_is_people_for_all_that_is_known(kind: str) -> None:
    """RB-I1: a group above the workspace, whose members may be the data scientists' own group or anybody."""
    estate = create(workspace("prod"))
    before = look(estate)
    grant(STRANGER, "ADS", "subscription", kind)(estate)
    assert {finding.control for finding in fresh(look(estate), before)} == {"CP.ACCESS.Invariant1"}


def test_a_strangers_application_may_do_more_than_read_where_no_rule_says_otherwise() -> None:
    estate = create(workspace("prod"))
    before = look(estate)
    grant(STRANGER, "ADS", "subscription", "ServicePrincipal")(estate)
    assert fresh(look(estate), before) == []


def test_a_role_that_nobody_knows_is_unknown_and_never_fine() -> None:
    estate = create(workspace("prod"))
    grant(STRANGER, guid("custom role"), "subscription", "ServicePrincipal")(estate)
    report = look(estate)
    assert {finding.control for finding in report.unknown} == {f"CP.ACCESS.Invariant{number}" for number in (2, 3, 5)}
    assert report.failing == ()


@pytest.mark.parametrize("kind", [k.ROLE_ASSIGNMENT, k.ELIGIBILITY])
def test_grants_that_cannot_be_read_are_unknown(kind: str) -> None:
    estate = create(workspace("prod"))
    estate.refused[f"{estate.id_of('resource-group')}/providers/{kind}".lower()] = Unreadable("Forbidden", "no")
    report = look(estate)
    judged = {f.control for f in report.findings if f.control.startswith("CP.ACCESS.Invariant")}
    assert judged
    assert judged <= {finding.control for finding in report.unknown}


def test_who_administers_the_subscription_is_no_finding_of_a_workspace() -> None:
    """By the deployment's settings; anybody else with the same role is one."""
    for administrators, found in (((), True), ((STRANGER,), False)):
        blueprint = everything_of("prod", administrators)
        estate = create(blueprint)
        grant(STRANGER, "O", "subscription", "User")(estate)
        assert bool(look(estate).failing) is found


def everything_of(environment: str, administrators: tuple[str, ...]) -> Blueprint:
    blueprint = workspace(environment)
    return replace(blueprint, access=replace(blueprint.access, administrators=administrators))


def test_without_a_persona_nobody_is_judged() -> None:
    """Nobody said who is who: the grants on what the workspace has are judged as ever."""
    estate = create(everything(environment="prod"))
    grant(STRANGER, "O", "subscription", "User")(estate)
    assert look(estate).failing == ()
    grant(STRANGER, "R", "storage", "User")(estate)
    assert controls(look(estate)) == {"CP.ACCESS.NoPeople"}


def test_owner_that_an_administrator_made_is_no_strangers() -> None:
    """What the matrix wants is fine, whoever wrote it."""
    blueprint = workspace("dev")
    estate = create(blueprint)
    for wanted in blueprint.access.by_hand:
        scope = wanted.scope
        grant(wanted.principal, wanted.role.code, scope, wanted.principal_type, eligible=wanted.means == "eligible")(
            estate
        )
    report = look(estate)
    assert report.failing == report.unknown == ()


def test_create_s3_56() -> None:
    """S3-56: platform support is made eligible, by requests that an administrator runs; it is given nothing itself."""
    for blueprint in map(workspace, ("dev", "prod")):
        support = [one for one in blueprint.access.grants if one.persona is Persona.PLATFORM_SUPPORT]
        assert {(one.principal, one.means) for one in support} == {(member(Persona.PLATFORM_SUPPORT), Means.ELIGIBLE)}
        asked = [request_of(one, blueprint.subscription_id) for one in support]
        assert {(one.method, one.body["properties"]["requestType"]) for one in asked} == {("PUT", "AdminAssign")}
        assert all(f"/providers/{k.ELIGIBILITY_REQUEST}/" in one.path for one in asked)
        assert member(Persona.PLATFORM_SUPPORT) not in {str(principal_of(one)) for one in blueprint.resources}


def test_create_s3_57() -> None:
    """S3-57: who uses models calls endpoints; the group is known, and gets no role on what the workspace has."""
    users = {Persona.MODEL_END_USERS.value: [member(Persona.MODEL_END_USERS)]}
    for environment in ("dev", "prod"):
        blueprint, without = everything(access=users, environment=environment), everything(environment=environment)
        assert blueprint.access.members == {Persona.MODEL_END_USERS: (member(Persona.MODEL_END_USERS),)}
        assert blueprint.access.grants == ()
        assert [one.key for one in blueprint.resources] == [one.key for one in without.resources]


def principal_of(one: Resource) -> object:
    return one.id.principal if isinstance(one.id, RoleAssignmentId) else None


REFUSED: dict[str, dict[str, Any]] = {
    "S3-62": {"modelTesters": [STRANGER], "cicdProcesses": [STRANGER]},
    "S3-63": {"projectLeads": ["00000000-0000-0000-0000-0000000000a1"]},
}


@pytest.mark.parametrize("requirement", [*REFUSED, "S3-67"])
def test_enforce(requirement: str) -> None:
    """What the spec may not say is refused; and what is written says Group, and nothing of platform support's."""
    if requirement in REFUSED:
        with pytest.raises(Rejected) as caught:
            spec(access=REFUSED[requirement])
        assert requirement in caught.value.details[0].message
    support = member(Persona.PLATFORM_SUPPORT)
    people = [member(persona) for persona, kind in KINDS.items() if kind.is_person]
    for resource in workspace("prod").resources:
        if resource.type == k.ROLE_ASSIGNMENT:
            properties = resource.body["properties"]
            people = [member(persona) for persona, kind in KINDS.items() if kind.is_person]
            assert properties["principalId"] != support
            assert properties["principalType"] == (
                "Group" if properties["principalId"] in people else "ServicePrincipal"
            )


def test_gaps_s3_69() -> None:
    """S3-69: what is missing, what is too much, and who was given a role directly are in one record."""
    estate = create(workspace("dev"))
    before = look(estate)
    estate.delete(estate.id_of(f"role/data-analysts/{member(Persona.DATA_ANALYSTS)}/storage/contributor"))
    grant(STRANGER, "R", "storage", "User")(estate)
    found = {(finding.control, finding.key) for finding in fresh(look(estate), before)}
    assert ("CP.ACCESS.NoPeople", None) in found
    assert len(found) == 2


@pytest.mark.parametrize("requirement", ["RB-I7", "RB-I8"])
def test_report(requirement: str) -> None:
    """Azure DevOps and Artifacts are reported as not checked, with the cells that nobody looked at."""
    seen = {}
    for environment in ("dev", "prod"):
        (finding,) = (f for f in look(create(workspace(environment))).findings if requirement in f.requirements)
        assert finding.status is FindingStatus.NOT_APPLICABLE
        assert "Not checked" in finding.message
        seen[environment] = finding.message
    assert "RB-P12 Azure DevOps: R" in seen["prod"]
    assert "RB-D12" not in seen["dev"]
    assert "RB-D07 Azure DevOps: DOPCA" in seen["dev"]


def test_project_ends_s3_70() -> None:
    """S3-70: once its project has ended nobody is a persona of a workspace, and every role that was written for one
    goes; the accepted spec still names them, for the day on which the project goes on."""
    at = datetime(2026, 11, 22, tzinfo=UTC)
    asked = {**example("secure-classical"), "access": PERSONAS, "environment": "dev"}
    record = WorkspaceRecord(
        name="churn-dev", project="churn", resource_group="rg-churn-dev", spec=asked, created_at=at,
        created_by="t/ada", last_modified_at=at, last_modified_by="t/ada",
        address_space=str(asked["network"]["addressSpace"]),
    )  # fmt: skip
    assert effective_spec(record).access.project_leads
    ended = effective_spec(record.model_copy(update={"access_ended": True})).access
    blueprint = workspace("dev")
    without = everything(access=ended.model_dump(mode="json", by_alias=True), environment="dev")
    inventory = {
        key: Owned(resource_id=create(blueprint).id_of(key), type=found.type, api_version=found.api_version)
        for key, found in blueprint.by_key.items()
        if key.startswith("role/") and "/00000000-" in key
    }
    observed = create(blueprint).observed(without)
    deleted = {change.key for change in diff(without, observed, inventory) if change.action is Action.DELETE}
    assert deleted == set(inventory)
    assert all(arm.resource_id.startswith(blueprint.own_groups[0]) for arm in inventory.values())
