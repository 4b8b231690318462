"""Health: live says that the process answers, ready says what does not."""

from __future__ import annotations

import asyncio

import pytest

from controlplane.errors import Rejected, Transient
from controlplane.http.readiness import KEPT_SECONDS, Readiness
from tests.support.api import Api


async def test_live_touches_nothing(api: Api) -> None:
    answer = await api.client.get("/api/health/live")
    assert (answer.status_code, answer.json()) == (200, {"status": "Alive"})
    assert api.reader.asked == api.issuer.fetched == []


async def test_ready_needs_a_token_but_no_role_and_no_version(api: Api) -> None:
    assert (await api.client.get("/api/health/ready")).status_code == 401
    headers = {"Authorization": f"Bearer {api.issuer.token('eve')}"}
    answer = await api.client.get("/api/health/ready", headers=headers)
    assert (answer.status_code, answer.json()["status"]) == (200, "Ready")


async def test_ready_says_which_dependency_is_not(api: Api) -> None:
    for fault in (Transient("ConnectionFailed", "away", retry_after=1), Rejected("Forbidden", "no", status=403)):
        api.reader.refusing["/subscriptions"] = fault
        api.app.state.api.readiness = Readiness()
        answer = await api.call("GET", "health/ready")
        assert (answer.status_code, answer.json()["status"]) == (503, "NotReady")
        by_name = {item["name"]: item for item in answer.json()["dependencies"]}
        assert by_name["store"]["status"] == "Ready"
        assert (by_name["azure"]["status"], by_name["azure"]["code"]) == ("NotReady", fault.code)


async def test_ready_asks_once_in_a_few_seconds(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("controlplane.http.readiness.monotonic", lambda: now)
    answers = await asyncio.gather(*(api.call("GET", "health/ready") for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    assert api.reader.asked == ["/subscriptions"]
    now += KEPT_SECONDS
    assert (await api.call("GET", "health/ready")).status_code == 200
    assert api.reader.asked == ["/subscriptions"] * 2
