"""The activity log: what was written, by whom, and which questions it answers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest

from simulator.engine.hooks import Caller
from tests.simulator.lab import GROUP, ZERO, Body, Lab

LOG = f"/subscriptions/{ZERO}/providers/Microsoft.Insights/eventtypes/management/values"
STORE = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/stlog"
OBJECT_ID = "http://schemas.microsoft.com/identity/claims/objectidentifier"


@pytest.fixture
def lab() -> Lab:
    return Lab()


def when(lab: Lab, ago: float = 0.0) -> str:
    return datetime.fromtimestamp(lab.moment - ago, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def asked(lab: Lab, more: str = "", days: float = 1.0, **query: str) -> str:
    words = f"eventTimestamp ge '{when(lab, days * 86400)}' and eventTimestamp le '{when(lab)}'{more}"
    return f"{LOG}?{urlencode({'api-version': '2015-04-01', '$filter': words, **query})}"


def account(lab: Lab) -> None:
    lab.group()
    body = {"location": "westeurope", "sku": {"name": "Standard_LRS"}, "kind": "StorageV2", "properties": {}}
    lab.put(STORE, body, headers={"x-ms-correlation-request-id": "c0ffee00-0000-0000-0000-000000000001"})


def statuses(events: list[Body], action: str) -> list[str]:
    """Oldest first."""
    return [one["status"]["value"] for one in reversed(events) if one["authorization"]["action"] == action]


def test_a_long_write_is_three_events_of_one_correlation(lab: Lab) -> None:
    account(lab)
    events = lab.get(asked(lab, " and resourceGroupName eq 'RG'"))["value"]
    mine = [one for one in events if one["resourceId"] == STORE]
    assert [one["status"]["value"] for one in reversed(mine)] == ["Started", "Accepted", "Succeeded"]
    assert {one["correlationId"] for one in mine} == {"c0ffee00-0000-0000-0000-000000000001"}
    latest = mine[0]
    assert latest["authorization"] == {"action": "Microsoft.Storage/storageAccounts/write", "scope": STORE}
    assert (latest["caller"], latest["claims"][OBJECT_ID]) == (lab.caller.object_id, lab.caller.object_id)
    assert latest["claims"]["appid"] == lab.caller.client_id
    assert (latest["resourceGroupName"], latest["category"]["value"]) == ("rg", "Administrative")


def test_refusals_are_recorded_and_reads_are_not(lab: Lab) -> None:
    account(lab)
    person = lab.world.directory.person("sam")
    sam = Caller(person["id"], "cli", "sam@contoso.com", "User", ("group-1", "group-2"))
    lab.engine.grant(GROUP, "acdd72a7-3385-48ef-bd42-f606fba81ae7", person["id"])
    assert lab.call("DELETE", STORE, caller=sam).status == 403
    assert lab.call("GET", STORE, caller=sam).status == 200
    events = lab.get(asked(lab, f" and resourceUri eq '{STORE}'"))["value"]
    assert statuses(events, "Microsoft.Storage/storageAccounts/delete") == ["Started", "Failed"]
    assert statuses(events, "Microsoft.Storage/storageAccounts/read") == []
    refused = events[0]
    assert (refused["caller"], refused["claims"]["groups"]) == ("sam@contoso.com", "group-1,group-2")
    assert refused["subStatus"]["value"] == "Forbidden"
    assert "AuthorizationFailed" in refused["properties"]["statusMessage"]


def test_pages_do_not_move_while_things_happen(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulator.planes.activity.PAGE", 4)
    account(lab)
    path, found = asked(lab), list[str]()
    whole = len(lab.engine.activity.of(ZERO, 0, lab.moment))
    lab.advance(60)
    while path:
        page = lab.get(path)
        found += [one["eventDataId"] for one in page["value"]]
        lab.delete(STORE) if lab.exists(STORE) else None
        path = page.get("nextLink", "").removeprefix("https://localhost:8443")
    assert len(found) == len(set(found)) == whole


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("", "it has to have a start time"),
        ("eventTimestamp le '2026-01-01T00:00:00Z'", "it has to have a start time"),
        ("caller eq 'sam' and eventTimestamp ge '{day}'", "is not supported"),
        ("eventTimestamp ge '{day}' or resourceGroupName eq 'rg'", "is not supported"),
        ("eventTimestamp ge '{day}' and resourceGroupName eq 'a' and resourceUri eq 'b'", "is not supported"),
        ("eventTimestamp ge 'yesterday'", "not a valid date"),
        ("eventTimestamp ge '{old}'", "The start time cannot be more than 90 days in the past."),
    ],
)
def test_questions_that_azure_refuses(lab: Lab, words: str, says: str) -> None:
    text = words.format(day=when(lab, 86400), old=when(lab, 91 * 86400))
    error: dict[str, Any] = lab.refused("GET", f"{LOG}?{urlencode({'api-version': '2015-04-01', '$filter': text})}")
    assert error["code"] == "BadRequest"
    assert says in error["message"]


def test_events_are_kept_for_90_days(lab: Lab) -> None:
    account(lab)
    lab.advance(89 * 86400)
    assert lab.get(asked(lab, days=89.9))["value"]
    lab.advance(2 * 86400)
    lab.group("other")
    assert all(one["resourceGroupName"] == "other" for one in lab.get(asked(lab, days=89.9))["value"])


def test_it_takes_a_right_of_its_own(lab: Lab) -> None:
    person = lab.world.directory.person("sam")
    sam = Caller(person["id"], "cli", "sam@contoso.com", "User")
    lab.group()
    lab.engine.grant(GROUP, "acdd72a7-3385-48ef-bd42-f606fba81ae7", person["id"])  # Reader of a group only
    error = lab.refused("GET", asked(lab), caller=sam)
    assert error["code"] == "AuthorizationFailed"
    assert "'Microsoft.Insights/eventtypes/values/Read'" in error["message"]
