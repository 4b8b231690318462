"""For every declared type: one missing required property and one read-only property are refused, in Azure's words.

The source of the words is beside the rule in simulator/types. Where Azure ignores a read-only value instead of refusing
it, or requires nothing, the type is listed with that reason, and the test asserts that the value is ignored.
"""

from __future__ import annotations

import copy
from typing import Any

import pytest

from simulator.types import ALL_TYPES
from tests.simulator import (
    estate,
    refusals_alerts,
    refusals_costs,
    refusals_gateways,
    refusals_learning,
    refusals_network,
    refusals_policies,
    refusals_services,
)
from tests.simulator.estate import HUB, LOCATION, endpoint_id
from tests.simulator.lab import Body, Lab, provider
from tests.simulator.refusals import Case
from tests.simulator.refusals_network import BASTION_ADDRESS, BASTION_SUBNET
from tests.simulator.refusals_services import DISKS

TABLES = (
    refusals_network,
    refusals_services,
    refusals_learning,
    refusals_gateways,
    refusals_policies,
    refusals_alerts,
    refusals_costs,
)
CASES: dict[str, Case] = {name: case for table in TABLES for name, case in table.CASES.items()}


#: Types that no caller writes.
READ = {
    "Microsoft.Insights/metrics": "a question, no resource",
    "Microsoft.Insights/metricDefinitions": "a question, no resource",
    "Microsoft.Insights/diagnosticSettingsCategories": "a question, no resource",
    "Microsoft.AlertsManagement/alerts": "Azure Monitor's own",
    "Microsoft.CostManagement/alerts": "Cost Management's own",
    "microsoft.alertsmanagement/smartDetectorAlertRules": "comes with Application Insights",
    "Microsoft.KeyVault/locations": "only carries deleted vaults",
    "Microsoft.KeyVault/locations/deletedVaults": "made by a vault's deletion",
    "Microsoft.Authorization/roleEligibilityScheduleInstances": "made by requests",
    "Microsoft.Authorization/roleAssignmentScheduleInstances": "made by requests",
    "Microsoft.Management/managementGroups": "the world's own",
    "Microsoft.Authorization/denyAssignments": "made by deployment stacks and managed applications only",
    "Microsoft.MachineLearningServices/softDeletedWorkspaces": "made by a workspace's deletion, shown to nobody",
}


#: Written of oneself and by somebody eligible only: effects_pim.py has its refusals.
OF_ONESELF = {"Microsoft.Authorization/roleAssignmentScheduleRequests"}


def test_every_declared_type_is_here() -> None:
    writable = {rtype.name for rtype in ALL_TYPES if "PUT" in rtype.methods}
    assert set(CASES) | OF_ONESELF == writable
    assert set(READ) == {rtype.name for rtype in ALL_TYPES} - writable


@pytest.fixture(scope="module")
def built() -> Lab:
    """A secured workspace and one of everything else. The tests change nothing: every PUT is refused or idempotent."""
    lab = Lab()
    estate.secured_workspace(lab)
    lab.put(HUB, estate.vnet_body("10.9.0.0/16"))
    lab.put(provider("Microsoft.Storage/storageAccounts", "account2"), estate.STORAGE_BODY)
    lab.put(DISKS, {"location": LOCATION})
    lab.put(endpoint_id("disks"), estate.endpoint_body(DISKS, "disks"))
    lab.put(BASTION_SUBNET, estate.subnet_body("10.0.250.0/26"))
    lab.put(BASTION_ADDRESS, {"location": LOCATION, "sku": {"name": "Standard"}, "properties": {}})
    refusals_gateways.prepare(lab)
    for name, case in CASES.items():
        if not case.path.endswith("/?") and not lab.exists(case.path):
            if name.endswith("/versions"):
                continue
            lab.put(case.path, case.body)
    for name, case in CASES.items():
        if name.endswith("/versions"):
            lab.put(case.path, case.body)
    return lab


def path_of(lab: Lab, case: Case) -> str:
    """Connections are named by Azure: `?` stands for the first."""
    head, wild, _ = case.path.partition("/?")
    if not wild:
        return case.path
    listed: Body = lab.get(head)["value"][0]
    return str(listed["id"])


def without(body: Body, dotted: str) -> Body:
    changed = copy.deepcopy(body)
    *steps, leaf = dotted.split(".")
    inner = changed
    for step in steps:
        inner = inner[step]
    del inner[leaf]
    return changed


def with_value(body: Body, dotted: str, value: Any) -> Body:
    changed = copy.deepcopy(body)
    *steps, leaf = dotted.split(".")
    inner = changed
    for step in steps:
        inner = inner.setdefault(step, {})
    inner[leaf] = value
    return changed


@pytest.mark.parametrize("name", sorted(name for name, case in CASES.items() if case.missing is not None))
def test_a_missing_required_property_is_refused(built: Lab, name: str) -> None:
    case = CASES[name]
    assert case.missing is not None
    path = path_of(built, case)
    new = path if case.path.endswith("/?") else (case.new or f"{path}2")
    error = built.refused("PUT", new, without(case.body, case.missing))
    assert isinstance(case.missing_error, tuple)
    code, words = case.missing_error
    assert error["code"] == code
    assert words in error["message"]
    if new != path:
        assert not built.exists(new)


@pytest.mark.parametrize("name", sorted(name for name, case in CASES.items() if case.missing is None))
def test_where_nothing_is_required_an_empty_body_is_accepted(built: Lab, name: str) -> None:
    path = path_of(built, CASES[name])
    assert built.call("PUT", path, {"properties": {}}).status in (200, 201)
    built.put(path, CASES[name].body)


@pytest.mark.parametrize("name", sorted(CASES))
def test_a_read_only_property_is_refused(built: Lab, name: str) -> None:
    case, path = CASES[name], path_of(built, CASES[name])
    assert case.changed is not None
    before = built.get(path)
    sent = with_value(case.body, *case.changed)
    if isinstance(case.changed_error, str):
        built.put(path, sent)
    else:
        error = built.refused("PUT", path, sent)
        code, words = case.changed_error
        assert error["code"] == code
        assert words in error["message"]
    assert lookup(built.get(path), case.changed[0]) == lookup(before, case.changed[0])


def lookup(body: Any, dotted: str) -> Any:
    for step in dotted.split("."):
        body = body.get(step) if isinstance(body, dict) else None
    return body
