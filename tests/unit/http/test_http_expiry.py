"""Expiries by REST: the rule, what the owner decides, archive and restore, each refusal with its reason."""

from __future__ import annotations

from typing import Any

import pytest

from controlplane.governance.expiry.archive import Archive, ArchiveState
from controlplane.governance.expiry.model import Expiry, Stage, expiry_id
from controlplane.http.examples import EXEMPTION, EXPIRY, EXTENSION, RETIREMENT
from controlplane.objects.repository import put
from tests.support.api import GROUPS, Api, error, registration

OWNER = "00000000-0000-0000-0000-0000000000a7"
PATH = "workspaces/churn-dev/expiry"


async def ready(api: Api, **changes: Any) -> str:
    """A workspace at rest; the token of its owner, who may read it."""
    await api.register()
    owner = api.issuer.token("olga", oid=OWNER, groups=[GROUPS["churn", "Workspace.Reader"]])
    await api.finish(await api.create(**{"owners": [OWNER], **changes}))
    return owner


async def at(api: Api, stage: Stage) -> None:
    """What ticks left."""
    objects = api.services.governed
    assert objects is not None
    stored = await objects.require(Expiry, expiry_id("churn-dev"))
    await objects.commit(put(stored, stored.value.model_copy(update={"stage": stage})))


async def test_a_rule_is_set_read_and_taken_away(api: Api) -> None:
    await ready(api)
    assert (await api.call("GET", PATH)).status_code == 404
    made = await api.call("PUT", PATH, EXPIRY)
    assert made.status_code == 201, made.text
    assert (made.json()["stage"], made.json()["lastDay"], made.json()["declared"]) == ("active", "2027-06-30", False)
    again = await api.call("PUT", PATH, EXPIRY)
    assert (again.status_code, again.headers["ETag"]) == (200, made.headers["ETag"])
    stale = await api.call("PUT", PATH, {**EXPIRY, "grace": "P7D"}, headers={"If-Match": '"0"'})
    assert stale.status_code == 412
    assert (await api.call("DELETE", PATH)).status_code == 204
    assert (await api.call("GET", PATH)).status_code == 404


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"grace": "P0D"}, "GraceNotPositive"),
        ({"grace": None}, "GraceMissing"),
        ({"expiresOn": "2026-10-31"}, "ExpiryInThePast"),
        ({"action": "delete"}, "RetentionMissing"),
    ],
)
async def test_bad_rules_are_refused_with_the_reason(api: Api, change: dict[str, Any], code: str) -> None:
    await ready(api)
    answer = await api.call("PUT", PATH, {**EXPIRY, **change})
    assert answer.status_code == 400
    assert [one["code"] for one in error(answer)["details"]] == [code]


async def test_a_rule_that_the_spec_declares_is_changed_there(api: Api) -> None:
    await ready(api, expiry=EXPIRY)
    shown = (await api.call("GET", PATH)).json()
    assert (shown["declared"], shown["rule"]["action"]) == (True, "archive")
    answer = await api.call("PUT", PATH, EXPIRY)
    assert (answer.status_code, error(answer)["code"], error(answer)["target"]) == (409, "DeclaredBySpec", "$.expiry")


async def test_a_spec_of_production_cannot_expire(api: Api) -> None:
    await api.register()
    await ready(api)
    answer = await api.call("PATCH", "workspaces/churn-dev", {"environment": "prod", "expiry": EXPIRY})
    assert "ProductionNeverExpires" in [one["code"] for one in error(answer)["details"]]


async def test_only_an_owner_gives_more_time(api: Api) -> None:
    owner = await ready(api)
    await api.call("PUT", PATH, EXPIRY)
    lead = api.member("churn", "Workspace.Contributor")
    refused = await api.call("POST", f"{PATH}:extend", EXTENSION, token=lead)
    assert (refused.status_code, error(refused)["code"]) == (403, "NotTheOwner")
    extended = await api.call("POST", f"{PATH}:extend", EXTENSION, token=owner)
    assert extended.status_code == 200, extended.text
    assert (extended.json()["lastDay"], extended.json()["extension"]["reason"]) == ("2027-09-30", EXTENSION["reason"])
    shorter = await api.call("POST", f"{PATH}:extend", {**EXTENSION, "until": "2027-08-01"}, token=owner)
    assert [one["code"] for one in error(shorter)["details"]] == ["ExtensionShortens"]
    silent = await api.call("POST", f"{PATH}:extend", {"until": "2027-12-01"}, token=owner)
    assert error(silent)["details"][0]["target"] == "$.reason"


async def test_an_exemption_has_an_end(api: Api) -> None:
    owner = await ready(api)
    await api.call("PUT", PATH, EXPIRY)
    endless = await api.call("POST", f"{PATH}:exempt", {**EXEMPTION, "until": "2099-01-01"}, token=owner)
    assert [one["code"] for one in error(endless)["details"]] == ["ExemptionTooLong"]
    taken = await api.call("POST", f"{PATH}:exempt", EXEMPTION, token=owner)
    assert taken.json()["exemption"]["until"] == EXEMPTION["until"]


async def test_the_yes_is_the_owners_and_only_when_asked(api: Api) -> None:
    owner = await ready(api)
    await api.call("PUT", PATH, EXPIRY)
    early = await api.call("POST", f"{PATH}:retire", RETIREMENT, token=owner)
    assert (early.status_code, error(early)["code"]) == (409, "NotAsked")
    await at(api, Stage.ASKED)
    admin = await api.call("POST", f"{PATH}:retire", RETIREMENT)
    assert (admin.status_code, error(admin)["code"]) == (403, "NotTheOwner")
    said = await api.call("POST", f"{PATH}:retire", RETIREMENT, token=owner)
    assert said.status_code == 200, said.text
    assert said.json()["consent"]["by"].endswith(OWNER)


async def test_what_is_decided_is_in_the_audit(api: Api) -> None:
    owner = await ready(api)
    await api.call("PUT", PATH, EXPIRY)
    await api.call("POST", f"{PATH}:extend", EXTENSION, token=owner)
    query = {"filter": "object eq 'governance/workspace.churn-dev'"}
    entries = (await api.call("GET", "audit", **query)).json()["value"]
    assert [(one["action"], one["details"]["change"]) for one in entries] == [
        ("ExpiryChanged", "extension"),
        ("ExpiryChanged", "rule"),
    ]
    assert entries[0]["details"]["reason"] == EXTENSION["reason"]


async def test_archive_and_restore_begin_what_ticks_do(api: Api) -> None:
    await ready(api)
    nothing = await api.call("POST", "workspaces/churn-dev:restore")
    assert (nothing.status_code, error(nothing)["code"]) == (409, "NotArchived")
    asked = await api.call("POST", "workspaces/churn-dev:archive", {"reason": "Until spring."})
    assert (asked.status_code, asked.json()["state"], asked.json()["reason"]) == (202, "storing", "Until spring.")
    again = await api.call("POST", "workspaces/churn-dev:archive")
    assert again.json()["reason"] == "Until spring."
    back = await api.call("POST", "workspaces/churn-dev:restore")
    assert (back.status_code, back.json()["state"]) == (202, "refilling")
    objects = api.services.governed
    assert objects is not None
    stored = await objects.require(Archive, expiry_id("churn-dev"))
    assert (stored.value.state, stored.value.due_at) == (ArchiveState.REFILLING, api.clock.now())


async def test_production_is_never_archived(api: Api) -> None:
    await api.register()
    await api.call("PUT", "projects/churn", registration("churn"))
    await ready(api, environment="prod")
    answer = await api.call("POST", "workspaces/churn-dev:archive")
    assert (answer.status_code, error(answer)["code"]) == (409, "ProductionNotArchived")


async def test_an_archived_workspace_is_restored_before_it_is_changed(api: Api) -> None:
    await ready(api)
    repository = api.services.repository
    stored = await repository.load("churn-dev")
    assert stored is not None
    await repository.save_record(stored, stored.record.model_copy(update={"archived": True}))
    for path in ("workspaces/churn-dev:repair", "workspaces/churn-dev:provisionNetwork"):
        answer = await api.call("POST", path)
        assert answer.status_code == 409
    assert error(await api.call("POST", "workspaces/churn-dev:repair"))["code"] == "WorkspaceArchived"


async def test_a_project_bounds_its_workspaces(api: Api) -> None:
    owner = await ready(api)
    answer = await api.call("PUT", "projects/churn", registration("churn", endsOn="2027-03-31"))
    assert answer.status_code == 200, answer.text
    refused = await api.call("PUT", PATH, EXPIRY)
    assert [one["code"] for one in error(refused)["details"]] == ["AfterTheProject"]
    taken = await api.call("PUT", PATH, {**EXPIRY, "expiresOn": "2027-03-01"})
    assert taken.status_code == 201, taken.text
    longer = await api.call("POST", f"{PATH}:extend", EXTENSION, token=owner)
    assert [one["code"] for one in error(longer)["details"]] == ["AfterTheProject"]
