"""Where requirements contradict each other: specs that fall between them and specs that do not; waivers.

The tests that ``docs/requirements.csv`` names are narrow: each looks at its own conflict only.
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from controlplane.workspaces.blueprint import compile_blueprint
from controlplane.workspaces.conflict_table import CONFLICTS
from controlplane.workspaces.conflicts import Decision, Found, a_year_after, find_conflicts, refusals
from controlplane.workspaces.posture import Finding, FindingStatus, RepairKind
from controlplane.workspaces.spec import WorkspaceSpec
from tests.support.api import error, running_api
from tests.support.api import spec as asked_by_rest
from tests.support.azure_answers import create
from tests.support.blueprints import CONTEXT, ROOT, example
from tests.support.looks import NOW, look

TODAY = NOW.date()
OWNER = "00000000-0000-0000-0000-0000000000a1"
ADMIN: dict[str, Any] = {"registry": {"adminUser": True}}
DATA = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg-data/providers"
IMAGES = f"{DATA}/Microsoft.ContainerRegistry/registries/crimages"
STORE = {"name": "sales", "account": f"{DATA}/Microsoft.Storage/storageAccounts/stsales", "container": "orders"}
CATALOG = {"collections": ["meta"], "packages": ["python", "conda"]}
PUBLIC_NODES = {"clusters": [{"name": "cpu", "size": "Standard_DS3_v2", "maxNodes": 1, "publicIp": True}]}


def network(mode: str) -> dict[str, Any]:
    return {**example()["network"], "mode": mode}


def waiver(conflict: str = "X-01", days: int = 30, **changes: Any) -> dict[str, Any]:
    ends_on = (TODAY + timedelta(days=days)).isoformat()
    return {
        "conflict": conflict,
        "owner": OWNER,
        "reason": "A scanner signs in by password.",
        "endsOn": ends_on,
        **changes,
    }


def spec(**changes: Any) -> WorkspaceSpec:
    """The example with other fields: as a model, because some are refused as a request until they are built."""
    return WorkspaceSpec.model_validate({**example(), **changes})


def found(conflict: str, asked: WorkspaceSpec, *, monitors: bool = False) -> list[Found]:
    return [one for one in find_conflicts(asked, TODAY, monitors=monitors) if one.rule.id == conflict]


#: Conflict → what is changed in the example to have it, and the field that is named.
ADVISED: dict[str, tuple[dict[str, Any], str]] = {
    "X-02": ({"identity": {"type": "userAssigned"}}, "$.identity.type"),
    "X-03": ({"identity": {"type": "systemAndUserAssigned"}}, "$.identity.type"),
    "X-04": ({"environment": "prod", "network": network("managedAllowOnlyApprovedOutbound")}, "$.network.mode"),
    "X-07": ({"registry": {"privateImages": [IMAGES]}}, "$.registry.privateImages"),
    "X-09": (
        {"network": network("managedAllowOnlyApprovedOutbound"), "catalog": CATALOG},
        "$.catalog.packages",
    ),
    "X-17": ({"compute": PUBLIC_NODES}, "$.compute.clusters[0].publicIp"),
    "X-18": ({"environment": "prod"}, "$.network.mode"),
}


@pytest.mark.parametrize("conflict", ADVISED)
def test_advise(conflict: str) -> None:
    changes, target = ADVISED[conflict]
    (one,) = found(conflict, spec(**changes))
    assert (one.decision, one.target) == (Decision.ANSWERED, target)
    assert found(conflict, spec()) == []


def test_x_03_is_about_instances_that_have_to_stop_themselves() -> None:
    def instance(identity: str) -> dict[str, Any]:
        box = {"name": "box", "size": "Standard_DS3_v2", "assignedTo": OWNER, "identity": {"type": identity}}
        return {"instances": [box]}

    (one,) = found("X-03", spec(compute=instance("systemAssigned")))
    assert one.target == "$.compute.instances[0].identity.type"
    assert found("X-03", spec(compute=instance("none"))) == []


#: Conflict → what is refused, the field that is named, and whether only with model monitors.
ENFORCED: dict[str, tuple[dict[str, Any], str, bool]] = {
    "X-01": (ADMIN, "$.registry.adminUser", False),
    "X-04": (*ADVISED["X-04"], True),
    "X-05": (
        {"legacyV1Mode": True, "network": network("managedAllowInternetOutbound")},
        "$.network.mode",
        False,
    ),
    "X-13": (
        {"network": {**network("managedAllowInternetOutbound"), "egress": {"storageEndpointPolicy": True}}},
        "$.network.egress",
        False,
    ),
    "X-15": ({"storage": {"sharedKeyAccess": True}}, "$.storage.sharedKeyAccess", False),
    "X-18": (*ADVISED["X-18"], True),
}


@pytest.mark.parametrize("conflict", ENFORCED)
def test_enforce(conflict: str) -> None:
    changes, target, monitors = ENFORCED[conflict]
    one, *more = found(conflict, spec(**changes), monitors=monitors)
    assert (one.decision, one.target) == (Decision.REFUSED, target)
    # Of a private workspace everything that monitors lack is named.
    assert [each.target for each in more] == (["$.identity.type"] if conflict == "X-18" else [])
    assert conflict in one.message
    assert all(side in one.message for side in one.rule.rules)
    assert found(conflict, spec(), monitors=False) == []


@pytest.mark.parametrize(
    "part",
    [
        {"catalog": {"collections": ["meta"]}},
        {"network": network("managedAllowInternetOutbound")},
        {"datastores": [STORE]},
    ],
)
def test_v1_mode_alone_is_accepted_and_excludes_what_needs_the_v2_api(part: dict[str, Any]) -> None:
    assert refusals(spec(legacyV1Mode=True), TODAY) == ()
    assert refusals(spec(**part), TODAY) == ()
    (refused,) = refusals(spec(legacyV1Mode=True, **part), TODAY)
    assert refused.code == "LegacyModeExcludesV2"


@pytest.mark.parametrize("part", ["collections", "packages"])
def test_x_09_is_about_both_together(part: str) -> None:
    one = {part: CATALOG[part]}
    assert found("X-09", spec(network=network("managedAllowOnlyApprovedOutbound"), catalog=one)) == []
    assert found("X-09", spec(network=network("managedAllowInternetOutbound"), catalog=CATALOG)) == []


def test_x_13_and_x_17_are_about_a_customers_subnet() -> None:
    """Whether nodes have public addresses is a choice in a managed network too, and their order is none there."""
    out = {"egress": {"storageEndpointPolicy": True}}
    assert found("X-13", spec(network={**network("privateVnet"), **out}, compute=PUBLIC_NODES)) == []
    for mode in ("managedAllowInternetOutbound", "managedAllowOnlyApprovedOutbound"):
        asked = spec(network=network(mode), compute=PUBLIC_NODES)
        assert (found("X-13", asked), found("X-17", asked)) == ([], [])


@pytest.mark.parametrize("environment", ["test", "staging", "prod"])
def test_x_15_is_about_dev_only(environment: str) -> None:
    assert found("X-15", spec(environment=environment, storage={"sharedKeyAccess": True})) == []


def test_every_conflict_says_what_a_person_needs() -> None:
    assert len({rule.code for rule in CONFLICTS.values()}) == len(CONFLICTS)
    for rule in CONFLICTS.values():
        assert all(rule.rules)
        assert rule.answer.endswith(".")
        assert rule.change.endswith(".")
        # A waiver that no finding depends on would decide nothing.
        assert bool(rule.controls) == rule.waivable
        assert rule.refuses or not rule.waivable


def test_the_page_about_posture_lists_the_conflicts() -> None:
    lines = (ROOT / "docs" / "posture.md").read_text().splitlines()
    listed = [line.split("|")[1:3] for line in lines if line.startswith("| X-")]
    assert [[cell.strip() for cell in cells] for cells in listed] == [
        [rule.id, f"{rule.rules[0]} and {rule.rules[1]}"] for rule in CONFLICTS.values()
    ]


# -- waivers -----------------------------------------------------------------------------------------------------------


def codes(*waivers: dict[str, Any], **changes: Any) -> list[str]:
    return [detail.code for detail in refusals(spec(waivers=list(waivers), **changes), TODAY)]


def test_a_waiver_decides_the_conflict_until_its_last_day() -> None:
    assert codes(**ADMIN) == ["RegistryAdminAccount"]
    assert codes(waiver(days=0), **ADMIN) == []
    assert codes(waiver(days=-1), **ADMIN) == ["WaiverLapsed"]
    assert [one.decision for one in find_conflicts(spec(waivers=[waiver(days=-1)], **ADMIN), TODAY)] == [
        Decision.LAPSED
    ]


def test_a_waiver_lasts_a_year_at_most() -> None:
    year = (a_year_after(TODAY) - TODAY).days
    assert codes(waiver(days=year), **ADMIN) == []
    assert codes(waiver(days=year + 1), **ADMIN) == ["WaiverTooLong"]
    assert a_year_after(date(2028, 2, 29)) == date(2029, 2, 28)


def test_a_waiver_of_nothing_is_refused() -> None:
    assert codes(waiver()) == ["WaiverNotNeeded"]


@pytest.mark.parametrize(
    ("waivers", "code"),
    [([waiver("X-05")], "InvalidValue"), ([waiver(), waiver()], "DuplicateName")],
    ids=["cannot be waived", "twice"],
)
async def test_a_request_with_a_wrong_waiver_is_refused(
    tmp_path: Path, waivers: list[dict[str, Any]], code: str
) -> None:
    async with running_api(tmp_path) as api:
        await api.register()
        answer = await api.call("PUT", "workspaces/churn-dev", asked_by_rest(**ADMIN, waivers=waivers))
    assert answer.status_code == 400
    assert code in {detail["code"] for detail in error(answer)["details"]}


async def test_a_plan_shows_a_waived_conflict_and_refuses_it_without_its_waiver(tmp_path: Path) -> None:
    async with running_api(tmp_path) as api:
        await api.register()
        waived = asked_by_rest(**ADMIN, waivers=[waiver()])
        plan = await api.call("POST", "workspaces/churn-dev:plan", {"spec": waived})
        refused = await api.call("POST", "workspaces/churn-dev:plan", {"spec": asked_by_rest(**ADMIN)})
        put = await api.call("PUT", "workspaces/churn-dev", asked_by_rest(**ADMIN))
    (shown,) = plan.json()["conflicts"]
    assert (shown["conflict"], shown["decision"], shown["target"]) == ("X-01", "waived", "$.registry.adminUser")
    assert shown["waiver"] == waiver()
    for answer in (refused, put):
        assert answer.status_code == 400
        assert [detail["code"] for detail in error(answer)["details"]] == ["RegistryAdminAccount"]


def account(ends: int | None, *, enabled: bool = True) -> Finding:
    """The finding about the registry's admin account where the spec switches it on; ``ends``: days until the last one
    of its waiver."""
    waivers = [] if ends is None else [waiver(days=ends)]
    blueprint = compile_blueprint(spec(waivers=waivers, **ADMIN), CONTEXT)
    estate = create(blueprint)
    estate.body("registry")["properties"]["adminUserEnabled"] = enabled
    (finding,) = (f for f in look(estate, blueprint).findings if f.control == "ACR.AdminUserDisabled")
    return finding


def test_what_is_waived_is_exempt_and_fails_when_the_waiver_is_over() -> None:
    assert account(0).status is FindingStatus.EXEMPT
    assert OWNER in account(0).message
    for ends in (-1, None):
        assert account(ends).status is FindingStatus.FAIL
        assert account(ends).repair.kind is RepairKind.MANUAL


def test_a_waiver_covers_what_was_asked_for_and_nothing_else() -> None:
    """Somebody switches the account off by hand: that is drift, waived or not."""
    drift = account(0, enabled=False)
    assert (drift.status, drift.repair.kind) == (FindingStatus.FAIL, RepairKind.UPDATE)
