"""Who may make a workspace last longer, and who says whose it is: every way of asking for it, by everybody."""

from __future__ import annotations

from typing import Any

import pytest

from controlplane.governance.expiry.model import Expiry, Stage, expiry_id
from controlplane.http.examples import EXPIRY
from controlplane.objects.repository import put
from tests.support.api import GROUPS, Api, error, registration, spec

OWNER, OTHER = "00000000-0000-0000-0000-0000000000a7", "00000000-0000-0000-0000-0000000000a8"
PRODUCT, UNKNOWN = "00000000-0000-0000-0000-0000000000d6", "00000000-0000-0000-0000-0000000000d7"
LEAD = GROUPS["churn", "Workspace.Contributor"]
PATH, WORKSPACE = "workspaces/churn-dev/expiry", "workspaces/churn-dev"
MILDER: dict[str, Any] = {
    "a later day": {"expiresOn": "2027-07-31"},
    "no last day": {"expiresOn": None},
    "longer idleness": {"idleAfter": "P60D"},
    "a longer grace": {"grace": "P30D"},
    "only told": {"action": "report", "grace": None},
}
STRICTER: dict[str, Any] = {"expiresOn": "2027-05-31", "idleAfter": "P14D", "grace": "P7D"}


async def ready(api: Api, rule: dict[str, Any] | None = None, **changes: Any) -> None:
    """A workspace at rest with two kinds of owners; ``rule`` is set beside its spec, by the Platform.Admin."""
    answer = await api.call("PUT", "projects/churn", registration("churn", entraGroups=[PRODUCT, UNKNOWN]))
    assert answer.status_code == 201, answer.text
    owned = {"owners": [OWNER], "access": {"productOwners": [PRODUCT]}}
    await api.finish(await api.create(**{**owned, **changes}))
    if rule is not None:
        assert (await api.call("PUT", PATH, rule)).status_code == 201


def people(api: Api) -> dict[str, tuple[str, bool]]:
    """Everybody who may change a spec or a rule: token, and whether more time is his to give."""
    token = api.issuer.token
    return {
        "lead": (token("grace", groups=[LEAD]), False),
        "app role": (token("grace", roles=["Workspace.Contributor"]), False),
        "application": (api.issuer.app_token(roles=["Workspace.Contributor"]), False),
        "lead and approver": (token("grace", groups=[LEAD, GROUPS["churn", "Approver"]]), False),
        "in a group that owns nothing": (token("grace", groups=[LEAD, UNKNOWN]), False),
        "owner": (token("olga", oid=OWNER, groups=[LEAD]), True),
        "owner in capitals": (token("olga", oid=OWNER.upper(), groups=[LEAD]), True),
        "product owner": (token("paul", groups=[LEAD, PRODUCT]), True),
        "admin": (api.admin, True),
    }


async def refused(api: Api, code: str, *asked: Any, token: str | None, **query: str) -> dict[str, Any]:
    answer = await api.call(*asked, token=token, **query)
    assert (answer.status_code, error(answer)["code"]) == (403, code), answer.text
    return error(answer)


async def at(api: Api, stage: Stage) -> None:
    """What ticks left."""
    objects = api.services.governed
    assert objects is not None
    stored = await objects.require(Expiry, expiry_id("churn-dev"))
    await objects.commit(put(stored, stored.value.model_copy(update={"stage": stage})))


@pytest.mark.parametrize("changes", MILDER.values(), ids=MILDER)
async def test_a_milder_rule_beside_the_spec_is_an_extension(api: Api, changes: dict[str, Any]) -> None:
    await ready(api, EXPIRY)
    field = next(iter(changes))
    for name, (token, may) in people(api).items():
        if may:
            answer = await api.call("PUT", PATH, {**EXPIRY, **changes}, token=token)
            assert answer.status_code == 200, (name, answer.text)
            assert (await api.call("PUT", PATH, EXPIRY)).status_code == 200
        else:
            told = await refused(api, "ExtensionNotAllowed", "PUT", PATH, {**EXPIRY, **changes}, token=token)
            assert told["target"] == f"$.{field}", name
            assert "an owner of the workspace or a Platform.Admin" in told["message"]
            assert f"POST /api/{PATH}:extend" in told["message"]


async def test_to_take_a_rule_away_is_an_extension(api: Api) -> None:
    for name, (token, may) in people(api).items():
        if name == "lead":
            await ready(api, EXPIRY)
        if may:
            assert (await api.call("DELETE", PATH, token=token)).status_code == 204, name
            # The first rule is a lead's again.
            lead = people(api)["lead"][0]
            assert (await api.call("PUT", PATH, EXPIRY, token=lead)).status_code == 201, name
        else:
            await refused(api, "ExtensionNotAllowed", "DELETE", PATH, token=token)
            assert (await api.call("GET", PATH)).json()["rule"]["expiresOn"] == EXPIRY["expiresOn"]


@pytest.mark.parametrize("method", ["PUT", "PATCH", "plan"])
@pytest.mark.parametrize("changes", [*MILDER.values(), None], ids=[*MILDER, "no rule"])
async def test_a_milder_rule_in_the_spec_is_an_extension(api: Api, method: str, changes: dict[str, Any] | None) -> None:
    await ready(api, expiry=EXPIRY)
    lead, owner = people(api)["lead"][0], people(api)["product owner"][0]
    stored = (await api.call("GET", WORKSPACE)).json()["spec"]
    rule = None if changes is None else {**EXPIRY, **changes}
    asked: tuple[Any, ...] = (method, WORKSPACE, {**stored, "expiry": rule})
    if method == "PATCH":
        asked = (method, WORKSPACE, {"expiry": changes})
    elif method == "plan":
        asked = ("POST", f"{WORKSPACE}:plan", {"spec": {**stored, "expiry": rule}})
    told = await refused(api, "ExtensionNotAllowed", *asked, token=lead)
    assert told["target"] == f"$.expiry.{'expiresOn' if changes is None else next(iter(changes))}"
    assert (await api.call("GET", WORKSPACE)).json()["spec"] == stored
    taken = await api.call(*asked, token=owner)
    assert taken.status_code == (200 if method == "plan" else 202), taken.text


async def test_a_first_rule_and_a_stricter_one_are_a_leads(api: Api) -> None:
    await ready(api)
    lead = people(api)["lead"][0]
    assert (await api.call("PUT", PATH, EXPIRY, token=lead)).status_code == 201
    assert (await api.call("PUT", PATH, {**EXPIRY, **STRICTER}, token=lead)).status_code == 200
    again = await api.call("PUT", PATH, {**EXPIRY, **STRICTER}, token=lead)
    assert again.status_code == 200
    deletes = {**EXPIRY, **STRICTER, "action": "delete", "retention": "P30D"}
    assert (await api.call("PUT", PATH, deletes, token=lead)).status_code == 200


async def test_what_stands_beside_the_spec_is_not_undone_by_a_spec_that_declares(api: Api) -> None:
    await ready(api, EXPIRY)
    lead = people(api)["lead"][0]
    mild = {"expiry": {"expiresOn": "2027-06-30"}}
    told = await refused(api, "ExtensionNotAllowed", "PATCH", WORKSPACE, mild, token=lead)
    assert {one["target"] for one in told["details"]} == {"$.expiry.idleAfter", "$.expiry.action"}
    taken = await api.call("PATCH", WORKSPACE, {"expiry": {**EXPIRY, **STRICTER}}, token=lead)
    assert taken.status_code == 202, taken.text


@pytest.mark.parametrize("stage", [Stage.WARNED, Stage.ASKED, Stage.GRACE])
async def test_stages_that_have_begun_are_not_begun_anew_by_a_lead(api: Api, stage: Stage) -> None:
    """A day less each week would put the end off for good, and takes the owner's yes back."""
    await ready(api, EXPIRY, environment="test")
    await at(api, stage)
    lead, owner = people(api)["lead"][0], people(api)["owner"][0]
    for asked in (
        ("PUT", PATH, {**EXPIRY, "expiresOn": "2027-06-29"}),
        ("PATCH", WORKSPACE, {"expiry": {**EXPIRY, "grace": "P13D"}}),
        ("PATCH", WORKSPACE, {"environment": "staging"}),
    ):
        told = await refused(api, "ExtensionNotAllowed", *asked, token=lead)
        assert "anew" in told["message"]
    assert (await api.call("PUT", PATH, EXPIRY, token=lead)).status_code == 200
    taken = await api.call("PUT", PATH, {**EXPIRY, "expiresOn": "2027-06-29"}, token=owner)
    assert taken.status_code == 200, taken.text


async def test_to_become_production_is_no_way_out_for_a_lead(api: Api) -> None:
    await ready(api, EXPIRY, environment="test")
    lead, owner = people(api)["lead"][0], people(api)["owner"][0]
    told = await refused(api, "ExtensionNotAllowed", "PATCH", WORKSPACE, {"environment": "prod"}, token=lead)
    assert told["target"] == "$.environment"
    taken = await api.call("PATCH", WORKSPACE, {"environment": "prod"}, token=owner)
    assert taken.status_code == 202, taken.text


async def test_nor_from_the_projects_end(api: Api) -> None:
    """S3-70: roles end with the project, but for those on production."""
    await ready(api, environment="test")
    lead = people(api)["lead"][0]
    ends = registration("churn", entraGroups=[PRODUCT, UNKNOWN], endsOn="2027-03-31")
    assert (await api.call("PUT", "projects/churn", ends)).status_code == 200
    told = await refused(api, "ExtensionNotAllowed", "PATCH", WORKSPACE, {"environment": "prod"}, token=lead)
    assert told["target"] == "$.environment"
    assert (await api.call("PATCH", WORKSPACE, {"environment": "staging"}, token=lead)).status_code == 202


@pytest.mark.parametrize("new", [True, False], ids=["new", "there"])
async def test_no_spec_goes_beyond_the_projects_end(api: Api, new: bool) -> None:
    await ready(api, expiry={"expiresOn": "2027-06-30"})
    ends = registration("churn", entraGroups=[PRODUCT, UNKNOWN], endsOn="2027-03-31")
    assert (await api.call("PUT", "projects/churn", ends)).status_code == 200
    name = "workspaces/churn-new" if new else WORKSPACE
    wish = {"owners": [OWNER], "expiry": {"expiresOn": "2027-05-31"}}
    refused_ = await api.call("PUT", name, spec(address_space="10.48.0.0/22" if new else "10.40.0.0/22", **wish))
    assert [one["code"] for one in error(refused_)["details"]] == ["AfterTheProject"]
    # What was accepted before the project had an end is not refused for something else.
    assert (await api.call("PATCH", WORKSPACE, {"workload": "cv"})).status_code == 202


CLAIMS: dict[str, tuple[str, str, Any]] = {
    "owners": ("PATCH", WORKSPACE, {"owners": [OWNER, OTHER]}),
    "owners instead": ("PATCH", WORKSPACE, {"owners": [OTHER]}),
    "product owners": ("PATCH", WORKSPACE, {"access": {"productOwners": [PRODUCT, UNKNOWN]}}),
    "product owners by access": ("PUT", f"{WORKSPACE}/access", {"productOwners": [UNKNOWN]}),
    "no product owners": ("PUT", f"{WORKSPACE}/access", {}),
}


@pytest.mark.parametrize("claim", CLAIMS)
async def test_nobody_makes_himself_an_owner(api: Api, claim: str) -> None:
    method, path, body = CLAIMS[claim]
    await ready(api)
    target = "$.owners" if claim.startswith("owners") else "$.access.productOwners"
    before = (await api.call("GET", WORKSPACE)).json()["spec"]
    for token, may in people(api).values():
        if not may:
            told = await refused(api, "OwnersChangeNotAllowed", method, path, body, token=token)
            assert told["target"] == target
    assert (await api.call("GET", WORKSPACE)).json()["spec"] == before
    taken = await api.call(method, path, body, token=people(api)["owner"][0])
    assert taken.status_code == 202, taken.text


async def test_a_claim_and_an_extension_at_once_are_refused(api: Api) -> None:
    """Who the owners are is asked of what is stored, and not of what is sent."""
    await ready(api, expiry=EXPIRY)
    mallory = api.issuer.token("mallory", oid=OTHER, groups=[LEAD])
    body = {"owners": [OWNER, OTHER], "expiry": None}
    await refused(api, "OwnersChangeNotAllowed", "PATCH", WORKSPACE, body, token=mallory)


async def test_a_plan_says_so_before(api: Api) -> None:
    await ready(api)
    stored = (await api.call("GET", WORKSPACE)).json()["spec"]
    asked = {"spec": {**stored, "owners": [OTHER]}}
    await refused(api, "OwnersChangeNotAllowed", "POST", f"{WORKSPACE}:plan", asked, token=people(api)["lead"][0])


async def test_the_same_owners_in_another_order_and_case_are_no_change(api: Api) -> None:
    await ready(api, owners=[OWNER, OTHER])
    lead = people(api)["lead"][0]
    answer = await api.call(
        "PATCH", WORKSPACE, {"owners": [OTHER.upper(), OWNER.upper()], "workload": "cv"}, token=lead
    )
    assert answer.status_code == 202, answer.text


async def test_a_new_workspace_has_the_owners_that_its_maker_names(api: Api) -> None:
    await ready(api)
    body = spec(address_space="10.48.0.0/22", owners=[OTHER])
    answer = await api.call("PUT", "workspaces/churn-new", body, token=people(api)["lead"][0])
    assert answer.status_code == 201, answer.text


async def test_a_group_that_left_the_registration_owns_nothing_and_may_be_left_out(api: Api) -> None:
    await ready(api, EXPIRY)
    assert (await api.call("PUT", "projects/churn", registration("churn", entraGroups=[UNKNOWN]))).status_code == 200
    product, lead = people(api)["product owner"][0], people(api)["lead"][0]
    await refused(api, "ExtensionNotAllowed", "DELETE", PATH, token=product)
    assert (await api.call("PUT", f"{WORKSPACE}/access", {}, token=lead)).status_code == 202


async def test_what_an_owner_made_later_is_in_the_audit(api: Api) -> None:
    await ready(api, EXPIRY)
    owner = people(api)["owner"][0]
    assert (await api.call("PUT", PATH, {**EXPIRY, "idleAfter": "P60D"}, token=owner)).status_code == 200
    assert (await api.call("DELETE", PATH, token=owner)).status_code == 204
    query = {"filter": "object eq 'governance/workspace.churn-dev'"}
    gone, changed, first = (await api.call("GET", "audit", **query)).json()["value"]
    assert [one["details"].get("later") for one in (first, changed)] == [[], ["idleAfter P30D becomes P60D"]]
    assert (gone["details"]["change"], gone["details"]["rule"]["idleAfter"]) == ("rule taken away", "P60D")
    assert changed["actor"].endswith(OWNER)
