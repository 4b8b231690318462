"""Policies by REST: the breaker that a person closes, and windows that are counted as often as monitors make them."""

from __future__ import annotations

from datetime import timedelta

from controlplane.http.examples import MONITOR, POLICY
from controlplane.objects.repository import put
from controlplane.retraining.history import failures_in_a_row
from controlplane.retraining.model import ModelState, RunEnd, state_id
from tests.support.api import Api, error
from tests.unit.http.test_http_monitors import PATH as MONITOR_PATH
from tests.unit.http.test_http_monitors import ready

PATH = "workspaces/churn-dev/retrainingPolicies/churn"
DAILY, WEEKLY = {**POLICY, "windows": {"period": "P1D"}}, {**POLICY, "windows": {"period": "P7D"}, "cooldown": "P7D"}


async def failed(api: Api, times: int) -> None:
    """So many runs of the model failed, a minute apart."""
    objects = api.services.for_models().objects
    stored = await objects.require(ModelState, state_id("churn-dev", "churn"))
    ends = tuple(
        RunEnd(run_id=f"rt-{number}", ended_at=api.clock.now() - timedelta(minutes=number), outcome="failed")
        for number in reversed(range(times))
    )
    await objects.commit(put(stored, stored.value.model_copy(update={"ends": ends})))


async def test_a_breaker_is_reset_once_and_told(api: Api) -> None:
    await api.register()
    await api.create()
    missing = await api.call("POST", f"{PATH}:resetBreaker")
    assert (missing.status_code, error(missing)["code"]) == (404, "RetrainingPolicyNotFound")
    before = await api.call("PUT", PATH, POLICY)
    await failed(api, 2)
    closed = await api.call("POST", f"{PATH}:resetBreaker")
    assert (closed.status_code, error(closed)["code"]) == (409, "BreakerNotOpen")
    await failed(api, 3)
    shown = (await api.call("GET", PATH)).json()["breaker"]
    assert shown == {"open": True, "failures": 3, "resetAt": None}
    stale = await api.call("POST", f"{PATH}:resetBreaker", headers={"If-Match": '"1.99"'})
    assert stale.status_code == 412
    lead = api.member("churn", "Workspace.Contributor")
    answer = await api.call("POST", f"{PATH}:resetBreaker", token=lead, headers={"If-Match": before.headers["ETag"]})
    assert answer.status_code == 200, answer.text
    assert (answer.json()["breaker"]["open"], answer.json()["breaker"]["failures"]) == (False, 0)
    stored = await api.services.for_models().objects.require(ModelState, state_id("churn-dev", "churn"))
    assert (stored.value.breaker_reset_at, failures_in_a_row(stored.value)) == (api.clock.now(), 0)
    (entry,) = (await api.call("GET", "audit", filter="action eq 'BreakerReset'")).json()["value"]
    assert (entry["object"], entry["details"]["failures"]) == ("retraining/churn-dev.churn", 3)
    again = await api.call("POST", f"{PATH}:resetBreaker")
    assert (again.status_code, error(again)["code"]) == (409, "BreakerNotOpen")


async def test_a_policy_counts_windows_as_often_as_the_monitor_makes_them(api: Api) -> None:
    await ready(api)
    assert (await api.call("PUT", MONITOR_PATH, MONITOR)).status_code == 201
    refused = await api.call("PUT", PATH, WEEKLY)
    assert (refused.status_code, error(refused)["code"]) == (409, "PeriodsDisagree")
    assert error(refused)["target"] == "$.windows.period"
    assert "P1D" in error(refused)["message"] and "P7D" in error(refused)["message"]
    assert (await api.call("GET", PATH)).status_code == 404
    # What is not about this monitor may count as it likes, and so may what decides nothing.
    for other in ({"monitors": ["another"]}, {"mode": "disabled"}):
        assert (await api.call("PUT", PATH, {**WEEKLY, **other})).status_code in (200, 201), other
    assert (await api.call("PUT", PATH, DAILY)).status_code == 200


async def test_a_monitor_keeps_the_period_that_the_policy_counts(api: Api) -> None:
    await ready(api)
    assert (await api.call("PUT", PATH, DAILY)).status_code == 201
    weekly = {**MONITOR, "period": "P7D", "signals": MONITOR["signals"][:1]}
    refused = await api.call("PUT", MONITOR_PATH, weekly)
    assert (refused.status_code, error(refused)["code"]) == (409, "PeriodsDisagree")
    assert error(refused)["target"] == "$.period"
    assert (await api.call("GET", MONITOR_PATH)).status_code == 404
    # Both are changed while the policy decides nothing.
    assert (await api.call("PUT", PATH, {**DAILY, "mode": "disabled"})).status_code == 200
    assert (await api.call("PUT", MONITOR_PATH, weekly)).status_code == 201
    assert (await api.call("PUT", PATH, DAILY)).status_code == 409
    assert (await api.call("PUT", PATH, WEEKLY)).status_code == 200


async def test_a_policy_is_listed_however_many_models_were_ever_heard_of(api: Api) -> None:
    await api.register()
    await api.create()
    assert (await api.call("PUT", "workspaces/churn-dev/retrainingPolicies/zebra", POLICY)).status_code in (200, 201)
    objects = api.services.for_models().objects
    known = (await objects.require(ModelState, state_id("churn-dev", "zebra"))).value
    for begin in range(0, 1000, 25):
        names = [f"m-{number:04d}" for number in range(begin, begin + 25)]
        heard = [known.model_copy(update={"id": state_id("churn-dev", n), "model": n, "policy": None}) for n in names]
        await objects.commit([write for one in heard for write in put(None, one)])
    listed = (await api.call("GET", "workspaces/churn-dev/retrainingPolicies")).json()["value"]
    assert [one["model"] for one in listed] == ["zebra"]
