"""What was said later counts: rules after extensions and exemptions; ends of projects; what is shown of a restore."""

from __future__ import annotations

from typing import Any

from controlplane.governance.expiry.archive import ArchiveState
from controlplane.governance.expiry.model import Expiry, Stage
from controlplane.http.examples import EXEMPTION, EXPIRY, EXTENSION
from tests.support.api import Api, error, registration
from tests.unit.http.test_expiry_requests import ID, At, left
from tests.unit.http.test_http_expiry import PATH, ready


async def codes(api: Api, *call: Any, **more: Any) -> tuple[int, list[str]]:
    answer = await api.call(*call, **more)
    return answer.status_code, [one["code"] for one in error(answer)["details"]]


async def test_an_extension_has_a_bound(api: Api) -> None:
    owner = await ready(api)
    await api.call("PUT", PATH, EXPIRY)
    for until in ("9999-12-31", "2027-11-03"):
        asked = ("POST", f"{PATH}:extend", {**EXTENSION, "until": until})
        assert await codes(api, *asked, token=owner) == (400, ["ExtensionTooLong"])
    taken = await api.call("POST", f"{PATH}:extend", {**EXTENSION, "until": "2027-11-01"}, token=owner)
    assert taken.status_code == 200, taken.text


async def test_a_stricter_rule_ends_what_was_given_before(api: Api) -> None:
    owner = await ready(api)
    await api.call("PUT", PATH, EXPIRY)
    await api.call("POST", f"{PATH}:extend", EXTENSION, token=owner)
    await api.call("POST", f"{PATH}:exempt", EXEMPTION, token=owner)
    lead = api.member("churn", "Workspace.Contributor")
    same = (await api.call("PUT", PATH, {**EXPIRY, "grace": "P7D"}, token=lead)).json()
    assert (same["lastDay"], same["exemption"] is not None) == (EXTENSION["until"], True)
    strict = await api.call("PUT", PATH, {**EXPIRY, "grace": "P7D", "expiresOn": "2027-03-31"}, token=lead)
    assert strict.status_code == 200, strict.text
    shown = strict.json()
    assert (shown["lastDay"], shown["extension"], shown["exemption"]) == ("2027-03-31", None, None)
    told = " ".join(shown["history"][-1]["reasons"])
    assert EXTENSION["reason"] in told and EXEMPTION["reason"] in told
    query = {"filter": "object eq 'governance/workspace.churn-dev'"}
    entry = (await api.call("GET", "audit", **query)).json()["value"][0]
    assert set(entry["details"]["superseded"]) >= {"extension", "exemption"}
    again = await api.call("POST", f"{PATH}:extend", EXTENSION, token=owner)
    assert again.json()["lastDay"] == EXTENSION["until"]


async def test_a_last_day_of_a_project_that_is_over_is_refused(api: Api) -> None:
    over = registration("churn", endsOn="2026-10-31")
    assert await codes(api, "PUT", "projects/churn", over) == (400, ["EndInThePast"])
    assert (await api.call("PUT", "projects/churn", registration("churn", endsOn="2026-11-10"))).status_code == 201
    assert await codes(api, "PUT", "projects/churn", over) == (400, ["EndInThePast"])
    api.clock.advance(30 * 86400)
    stored = registration("churn", endsOn="2026-11-10", regions=["northeurope"])
    kept = await api.call("PUT", "projects/churn", stored)
    assert kept.status_code == 200, kept.text


async def test_what_is_restored_is_shown_so_at_once(api: Api) -> None:
    await ready(api)
    await left(api, At(Stage.ARCHIVED, ArchiveState.RESTORED))
    objects = api.services.governed
    assert objects is not None
    assert (await objects.require(Expiry, ID)).value.stage is Stage.ARCHIVED
    shown = (await api.call("GET", PATH)).json()
    assert (shown["stage"], shown["nextAt"], shown["reasons"]) == ("active", None, ["It was restored."])
    await left(api, At(Stage.ARCHIVED, ArchiveState.REFILLING))
    assert (await api.call("GET", PATH)).json()["stage"] == "archived"
