"""The fault table: rules that are refused, draws that repeat, reads that lag, tokens that end early, early writes."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest

from simulator.engine.hooks import Hook, HookContext, Phase
from simulator.engine.messages import Response
from simulator.faults import Faults
from simulator.recorder import Answered, Recorder
from tests.simulator.lab import GROUP, Lab, provider
from tests.support.simulator import RunningSimulator, simulator, simulator_process  # noqa: F401 (fixtures)
from tests.support.waiting import PATIENCE_SECONDS

V = {"api-version": "2021-04-01"}

REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a field that does not exist": ({"path": "x", "sttus": 500}, "unknown field of a fault rule: sttus"),
    "no effect": ({"path": "x"}, "needs one of"),
    "a status that is no error": ({"status": 200}, "status of a fault rule must be a status from 400 to 599"),
    "a probability above 1": ({"status": 500, "probability": 2}, "probability"),
    "every none": ({"status": 500, "every": 0}, "every"),
    "a drop in the middle": ({"drop": "during"}, "drop"),
    "no regular expression": ({"status": 500, "path": "("}, "path"),
    "no method": ({"status": 500, "method": "FETCH"}, "method"),
    "a status on a cut connection": ({"status": 500, "drop": "after"}, "a connection that is cut has no status"),
    "a code without a status": ({"drop": "after", "code": "X"}, "code of a fault rule needs status"),
    "after nothing": ({"delay": 1, "after": True}, "after of a fault rule needs status"),
    "a failure of what never began": ({"drop": "before", "failOperation": {"code": "X"}}, "never takes effect"),
    "a failure without a code": ({"failOperation": {"message": "X"}}, "failOperation"),
    "a failing read": ({"method": "GET", "failOperation": {"code": "X"}}, "needs a method that writes"),
    "a lagging write": ({"method": "PUT", "lag": 3}, "needs a method that reads"),
    "a lag into the future": ({"lag": -1}, "lag"),
    "a lost event with a status": ({"event": "lose", "status": 500}, "calls or about events"),
    "an event with a method": ({"event": "lose", "method": "PUT"}, "events have no method"),
    "an event that does not exist": ({"event": "eat"}, "event"),
    "a delayed event without delay": ({"event": "delay"}, "needs delay"),
    "a type of no event": ({"status": 500, "eventType": "Run"}, "eventType of a fault rule needs event"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_rule_that_cannot_be_is_refused(name: str) -> None:
    rule, why = REFUSED[name]
    faults = Faults()
    faults.replace([{"status": 500}])
    with pytest.raises(ValueError, match=why):
        faults.replace([rule])
    assert len(faults.rules) == 1


def _broken(seed: int, calls: list[tuple[str, str]]) -> set[tuple[str, str, int]]:
    faults, found = Faults(), set()
    faults.replace({"rules": [{"status": 500, "probability": 0.3, "seed": seed}]})
    for method, path in calls:
        number = sum(1 for one in found if one[:2] == (method, path))
        if faults.effect(method, path).answer is not None:
            found.add((method, path, number))
    return found


def test_draws_depend_on_the_seed_and_not_on_the_order_of_calls() -> None:
    calls = [("GET", f"/things/{number}") for number in range(100)]
    assert _broken(1, calls) == _broken(1, calls[::-1])
    assert _broken(1, calls) != _broken(2, calls)
    assert 15 < len(_broken(1, calls)) < 45


def test_rules_count_what_they_can_act_upon() -> None:
    faults = Faults()
    faults.replace([{"lag": 5}, {"failOperation": {"code": "X"}}, {"expireTokensAfter": 1}, {"event": "lose"}])
    assert faults.effect("GET", "/subscriptions/x").lag == 5
    assert faults.effect("PUT", "/subscriptions/x").failure is not None
    assert faults.effect("GET", "/msi/token").token_seconds == 1
    assert [rule["seen"] for rule in faults.listed()] == [2, 1, 1, 0]
    assert faults.event("Microsoft.MachineLearningServices.RunCompleted", "/topic/subject").lose


def test_a_rule_may_be_about_one_principal(simulator: RunningSimulator) -> None:  # noqa: F811
    simulator.faults([{"status": 503, "principal": "operator"}])
    answers = {}
    for name in ("operator", "owner"):
        bearer = {"authorization": f"Bearer {simulator.arm_token(name)}"}
        with httpx.Client(
            base_url=simulator.url, verify=simulator.context(), headers=bearer, timeout=PATIENCE_SECONDS
        ) as client:
            answers[name] = client.get(simulator.subscription, params=V).status_code
    assert answers == {"operator": 503, "owner": 200}


def test_reads_that_lag_see_what_was() -> None:
    lab = Lab()
    lab.put(GROUP, {"location": "westeurope"})
    network = provider("Microsoft.Network/routeTables", "rt")
    lab.engine.store.remember(100, lambda: lab.moment)
    lab.advance(50)

    def late(path: str) -> Response:
        lab.engine.store.flush()
        return lab.call("GET", path, lag=20.0)

    lab.put(network, {"location": "westeurope", "tags": {"a": "1"}})
    assert late(network).status == 404
    assert late(network.rpartition("/")[0]).body["value"] == []
    lab.advance(30)
    assert late(network).body["tags"] == {"a": "1"}
    lab.put(network, {"location": "westeurope", "tags": {"a": "2"}})
    assert late(network).body["tags"] == {"a": "1"}
    assert lab.get(network)["tags"] == {"a": "2"}
    lab.advance(30)
    lab.delete(network)
    lab.engine.store.flush()
    assert late(network).body["tags"] == {"a": "2"}
    assert [one["name"] for one in late(network.rpartition("/")[0]).body["value"]] == ["rt"]
    assert lab.call("GET", network).status == 404
    lab.advance(30)
    assert late(network).status == 404


async def test_a_read_may_lag_behind_a_write(simulator: RunningSimulator) -> None:  # noqa: F811
    group = f"{simulator.subscription}/resourceGroups/late"
    # At scale 100 an hour: however long it takes from the write to the read, it lags behind it.
    simulator.faults([{"path": "/late$", "lag": 360_000, "times": 1}])
    async with simulator.arm() as arm:
        assert (await arm.put(group, params=V, json={"location": "westeurope"})).status_code == 201
        assert [(await arm.get(group, params=V)).status_code for _ in range(2)] == [404, 200]


async def test_a_token_may_end_before_it_says(simulator: RunningSimulator) -> None:  # noqa: F811
    simulator.faults([{"path": "/msi/token$", "expireTokensAfter": 0, "times": 1}])
    early, whole = simulator.arm_token("operator"), simulator.arm_token("operator")
    async with simulator.arm(token=early) as arm:
        refused = await arm.get(simulator.subscription, params=V)
        assert refused.status_code == 401
        assert refused.json()["error"]["code"] == "ExpiredAuthenticationToken"
        assert 'error="invalid_token"' in refused.headers["www-authenticate"]
    async with simulator.arm(token=whole) as arm:
        assert (await arm.get(simulator.subscription, params=V)).status_code == 200


async def test_the_tokens_of_a_principal_end_at_once(simulator: RunningSimulator) -> None:  # noqa: F811
    token = simulator.arm_token("operator")
    async with simulator.arm(token=token) as arm, simulator.arm() as other:
        assert (await arm.get(simulator.subscription, params=V)).status_code == 200
        assert (await other.get(simulator.subscription, params=V)).status_code == 200
        assert simulator.control("POST", "tokens/expire", json={"principal": "operator"}) == {"expired": 1}
        assert (await arm.get(simulator.subscription, params=V)).status_code == 401
        assert (await other.get(simulator.subscription, params=V)).status_code == 200
    async with simulator.arm("operator") as arm:
        assert (await arm.get(simulator.subscription, params=V)).status_code == 200


def _told_429(recorder: Recorder, moment: float, *, told: bool = True) -> None:
    answer = Response(429, {}, {"retry-after": "60"})
    assert not recorder.early_write(Answered("me", "PUT", "/subscriptions/a/x", answer, moment, told))


def test_a_write_during_back_off_is_early(monkeypatch: pytest.MonkeyPatch) -> None:
    moment = time.time()
    monkeypatch.setattr("simulator.recorder.time.time", lambda: moment)
    recorder = Recorder()

    def early(principal: str = "me", method: str = "PUT", subscription: str = "a", ago: float = 0.0) -> bool:
        path = f"/subscriptions/{subscription}/y"
        return recorder.early_write(Answered(principal, method, path, Response(200), moment - ago))

    _told_429(recorder, moment, told=False)
    moment += 1
    assert not early()
    _told_429(recorder, moment)
    assert not early(), "it came in before the answer went out"
    moment += 1
    assert early() and early(subscription="A")
    assert not early(ago=1), "it came before, and was answered late"
    assert not early(method="GET") and not early(subscription="b") and not early("you", "DELETE")
    moment += 60
    assert not early()


async def test_early_writes_and_polls_are_among_the_calls(simulator: RunningSimulator) -> None:  # noqa: F811
    group = f"{simulator.subscription}/resourceGroups/busy"
    simulator.faults([{"method": "PUT", "path": "/busy$", "status": 429, "retryAfter": 600, "times": 1}])
    async with simulator.arm() as arm:
        for _ in range(2):
            await arm.put(group, params=V, json={"location": "westeurope"})
    (early,) = simulator.calls(earlyWrite=1)
    assert (early["method"], early["path"], early["status"]) == ("PUT", group, 201)
    assert [call["status"] for call in simulator.calls(fault=1)] == [429]


def test_a_write_that_hits_a_defect_leaves_nothing_behind() -> None:
    """As if it had not been sent: no operation, and no resource, or the one that was."""
    lab = Lab()
    lab.put(GROUP, {"location": "westeurope"})
    table = provider("Microsoft.Network/routeTables", "rt")
    body = {"location": "westeurope", "tags": {"a": "1"}}
    known = lab.engine.hooks

    def broken(_: HookContext) -> None:
        raise KeyError("a defect")

    def hooks(rtype: Any, phase: Phase) -> tuple[Hook, ...]:
        faulty = (Hook(phase, "broken", broken),) if phase in (Phase.ACCEPTED, Phase.DELETE_ACCEPTED) else ()
        return (*known(rtype, phase), *faulty)

    for created in (True, False):
        lab.engine.hooks = hooks  # type: ignore[method-assign]
        with pytest.raises(KeyError):
            lab.call("PUT", table, {**body, "tags": {"a": "2"}})
        if not created:
            with pytest.raises(KeyError):
                lab.call("DELETE", table)
        assert lab.engine.operations.running() == 0
        assert lab.exists(table) is not created
        lab.engine.hooks = known  # type: ignore[method-assign]
        if created:
            lab.put(table, body)
    assert lab.get(table)["tags"] == {"a": "1"}
    assert lab.get(table)["properties"]["provisioningState"] == "Succeeded"
    lab.delete(table)
