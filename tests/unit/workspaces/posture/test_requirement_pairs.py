"""For each requirement that is validated or enforced: a state that passes, and the same with one thing changed.

Each test is narrow: it looks at what its requirement speaks of and at nothing else, so that switching off a rule turns
red the requirements registered on that rule and no others (``tests/unit/test_requirement_rows.py``).
"""

from __future__ import annotations

from typing import Any, get_args

import pytest

from controlplane.operations.model import OperationKind
from controlplane.ports.reader import SubscriptionFacts
from controlplane.workspaces import diff
from controlplane.workspaces.agent_versions import SHA256
from controlplane.workspaces.egress import hosts
from controlplane.workspaces.model import Blueprint
from controlplane.workspaces.plan import make_plan
from controlplane.workspaces.plan_checks.place import check
from controlplane.workspaces.posture import FindingStatus, RepairKind, Section, advise
from controlplane.workspaces.reconcile.planning import plan_steps
from controlplane.workspaces.reconcile.state import StepAction
from controlplane.workspaces.spec_model.catalog import Collection, PackageList
from tests.support.azure_answers import Estate, create, guid
from tests.support.blueprints import (
    FULL_HUB,
    compiled,
    everything,
    managed,
    spec,
    with_full_hub,
    with_hub,
)
from tests.support.looks import fresh, look
from tests.support.requirement_breaks import (
    ASKED,
    CATALOG,
    CLUSTER_GRANT,
    DEFINITIONS,
    ENFORCED,
    OF_COMPUTES,
    OF_HUBS,
    OF_MANAGED_NETWORKS,
    VALIDATED,
)


@pytest.mark.parametrize("requirement", VALIDATED)
def test_validate(requirement: str) -> None:
    """A state that passes; the same with one thing changed gives one more failing finding, of the expected control."""
    changes = (
        with_full_hub() if requirement in OF_HUBS else (ASKED | OF_COMPUTES | OF_MANAGED_NETWORKS).get(requirement, {})
    )
    estate, asked = create(everything(**changes)), compiled(**changes)
    before = look(estate, asked)
    passed = {(f.control, f.key) for f in before.findings if f.status is FindingStatus.PASS}
    looked_at = [case for case in VALIDATED[requirement] if not case.optional or case.key in asked.by_key]
    assert looked_at
    for case in looked_at:
        assert (case.control, case.key) in passed
        broken = estate.copy()
        case.act(broken)
        (finding,) = fresh(look(broken, asked), before)
        assert (finding.control, finding.key) == (case.control, case.key)
        assert requirement in finding.requirements


@pytest.mark.parametrize("requirement", ENFORCED)
def test_enforce(requirement: str) -> None:
    """What somebody changed is found, and the body that is written to undo it holds what the requirement wants."""
    case, path, wanted = ENFORCED[requirement]
    changes = (ASKED | OF_COMPUTES).get(requirement, {})
    estate, asked = create(everything(**changes)), compiled(**changes)
    before = look(estate, asked)
    case.act(estate)
    (finding,) = fresh(look(estate, asked), before)
    assert (finding.control, finding.key) == (case.control, case.key)
    assert requirement in finding.requirements
    assert finding.repair.kind in (RepairKind.UPDATE, RepairKind.MANUAL)
    observed = estate.observed(asked)
    body: Any = diff.body(asked.by_key[case.key], estate.get(estate.id_of(case.key)), observed)
    for step in path:
        body = body[step]
    assert body == wanted


def test_profile_s1_17() -> None:
    """S1-17: the same vault setting fails in prod-class environments and is not judged in dev; so for what is made."""
    statuses, days = {}, {}
    for environment in ("dev", "test", "staging", "prod"):
        estate, asked = create(everything(environment=environment)), compiled(environment=environment)
        assert _deployment(estate, asked) in (FindingStatus.PASS, FindingStatus.NOT_APPLICABLE)
        estate.body("vault")["properties"]["enabledForDeployment"] = True
        statuses[environment] = _deployment(estate, asked)
        days[environment] = asked.by_key["log-analytics"].body["properties"]["retentionInDays"]
    assert statuses.pop("dev") is FindingStatus.NOT_APPLICABLE
    assert set(statuses.values()) == {FindingStatus.FAIL}
    assert days.pop("dev") < min(days.values())


def _deployment(estate: Estate, asked: Blueprint) -> FindingStatus:
    (found,) = (f.status for f in look(estate, asked).findings if f.control == "KV.NoTemplateDeployment")
    return found


def test_agent_age_s1_64() -> None:
    """S1-64: the version that a machine was told to install, against the newest one known."""
    found = {}
    for version in ("4.269.0", "4.260.0", "3.240.1", "9.1.1"):
        hub = {
            **FULL_HUB,
            "agents": {**FULL_HUB["agents"], "version": version, "sha256": SHA256.get(version, "a" * 64)},
        }
        report = look(create(everything(network=with_hub(**hub))), compiled(network=with_hub(**hub)))
        found[version] = {f.status for f in report.findings if f.control == "CP.AGENT.VersionAge"}
    assert found == {
        "4.269.0": {FindingStatus.PASS},
        "4.260.0": {FindingStatus.PASS},
        "3.240.1": {FindingStatus.FAIL},
        "9.1.1": {FindingStatus.UNKNOWN},
    }


def test_catalog_table_s5_27() -> None:
    """S5-27: hosts are a table with a version, and a plan says which one it went by."""
    said = {w.code: w.message for w in advise(spec(**CATALOG), compiled(**CATALOG))}
    assert hosts.VERSION in said["CatalogTable"]
    assert "CatalogTable" not in {w.code for w in advise(spec(), compiled())}
    known = {*get_args(Collection), *get_args(PackageList)}
    assert known == set(hosts.SOURCES)


def test_unneeded_rules_s5_35() -> None:
    """S5-35: a rule that somebody added in Azure is a finding; one of the spec that nothing uses is in its plan."""
    asked = compiled(**CATALOG)
    estate = create(asked)
    before = look(estate, asked)
    assert {f.status for f in before.findings if f.control == "CP.EGRESS.Unneeded"} == {FindingStatus.PASS}
    arm_id = f"{estate.id_of('workspace')}/outboundRules/theirs"
    properties = {"type": "FQDN", "category": "UserDefined", "destination": "paste.example.org"}
    estate.bodies[arm_id.lower()] = {"id": arm_id, "name": "theirs", "type": "", "properties": properties}
    (finding,) = fresh(look(estate, asked), before)
    assert (finding.control, finding.observed) == ("CP.EGRESS.Unneeded", properties)
    rule = {"name": "torch", "type": "fqdn", "destination": "pytorch.org"}
    network = {**CATALOG["network"], "managed": {"outboundRules": [rule]}}
    unused = {"network": network, "catalog": {"collections": ["meta"]}}
    used = {"network": network, "catalog": {"packages": ["pytorch"]}}
    said = [{w.code for w in advise(spec(**one), compiled(**one))} for one in (unused, used)]
    assert ["UnneededOutboundRules" in codes for codes in said] == [True, False]


def test_meta_alone_s5_26() -> None:
    """S5-26: the collection Meta needs no rule of the user's; one that stands in Azure all the same is found."""
    meta = {**managed("managed-approved-catalog"), "catalog": {"collections": ["meta"]}}
    meta["network"] = {**meta["network"], "managed": {}}
    asked = compiled(**meta)
    assert [key for key in asked.by_key if key.startswith("outbound-rule/")] == []
    estate = create(asked)
    before = look(estate, asked)
    assert {f.status for f in before.findings if f.control == "CP.EGRESS.Unneeded"} == {FindingStatus.PASS}
    arm_id = f"{estate.id_of('workspace')}/outboundRules/meta"
    properties = {"type": "FQDN", "category": "UserDefined", "destination": "llama.example.org"}
    estate.bodies[arm_id.lower()] = {"id": arm_id, "name": "meta", "type": "", "properties": properties}
    (finding,) = fresh(look(estate, asked), before)
    assert (finding.control, "S5-26" in finding.requirements) == ("CP.EGRESS.Unneeded", True)


def test_scorecard_s1_16() -> None:
    """S1-16: four things to protect; the one that is no Azure resource is not checked, and says so."""
    estate = create(everything())
    scores = {score.section: score for score in look(estate).scorecard}
    assert set(scores) == set(Section)
    assert scores[Section.DEVOPS_PIPELINE].status == "NotChecked"
    assert "Azure DevOps" in scores[Section.DEVOPS_PIPELINE].message
    assert scores[Section.TRAINING_DATA].status == "Pass"
    estate.body("storage")["properties"]["publicNetworkAccess"] = "Enabled"
    after = {score.section: score.status for score in look(estate).scorecard}
    assert (after[Section.TRAINING_DATA], after[Section.MODEL]) == ("Fail", "Pass")


def test_by_hand_s2_76() -> None:
    """S2-76: a cluster that was there before its right to pull is given it by hand, in an update as in a repair; a new
    one is waited for, because Azure grants it."""
    asked = compiled()
    estate = create(everything())
    before = look(estate, asked)
    CLUSTER_GRANT.act(estate)
    (finding,) = fresh(look(estate, asked), before)
    assert (finding.control, "S2-76" in finding.requirements) == ("RBAC.ComputeMi.AcrPull", True)
    key = CLUSTER_GRANT.key
    assert finding.repair.kind is RepairKind.UPDATE
    assert _action(estate, asked, key) is StepAction.CREATE
    estate.delete(estate.id_of("cluster/cpu"))
    assert _action(estate, asked, key) is StepAction.AWAIT


def _action(estate: Estate, asked: Blueprint, key: str) -> StepAction:
    """What an update does about a key."""
    observed = estate.observed(asked)
    steps = plan_steps(OperationKind.UPDATE, make_plan(asked, observed, {}), asked, observed)
    return StepAction(next(step.action for step in steps if step.key == key))


def test_principal_names_s2_53() -> None:
    """S2-53: a report calls the identity of a compute, even of one that nobody declared, as Entra does."""
    asked = compiled()
    estate = create(everything())
    before = look(estate, asked)
    stranger = f"{estate.id_of('workspace')}/computes/theirs"
    identity = {"type": "SystemAssigned", "principalId": guid("stranger")}
    estate.bodies[stranger.lower()] = {"id": stranger, "identity": identity, "properties": {}}
    scope = estate.id_of("registry")
    arm_id = f"{scope}/providers/Microsoft.Authorization/roleAssignments/{guid('grant')}"
    properties = {"scope": scope, "roleDefinitionId": f"{DEFINITIONS}/x", "principalId": guid("stranger")}
    estate.bodies[arm_id.lower()] = {"id": arm_id, "name": guid("grant"), "properties": properties}
    (finding,) = (f for f in fresh(look(estate, asked), before) if f.control == "CP.RBAC.NoForeign")
    assert f"/{estate.id_of('workspace').rpartition('/')[2]}/computes/theirs" in finding.message
    assert "S2-53" in finding.requirements


def test_size_s1_28() -> None:
    """S1-28: the sample's Standard_NC6s_v3 is held against the region's list before anything is made."""
    sample = spec(compute={"clusters": [{"name": "gpu", "size": "Standard_NC6s_v3", "maxNodes": 1}]})
    restriction = {"type": "Location", "values": ["westeurope"], "reasonCode": "NotAvailableForSubscription"}
    lists: dict[str, dict[str, Any]] = {
        "": {"standard_nc6s_v3": {"restrictions": []}},
        "VmSizeNotAvailable": {},
        "SkuRestricted": {"standard_nc6s_v3": {"restrictions": [restriction]}},
    }
    for code, offered in lists.items():
        facts = SubscriptionFacts(True, frozenset({"westeurope"}), offered)
        found = [(detail.code, detail.target) for detail in check(sample, facts)]
        assert found == ([(code, "$.compute.clusters[0].size")] if code else [])
