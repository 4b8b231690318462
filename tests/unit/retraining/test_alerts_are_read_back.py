"""What an alert claims is told; what Azure's own record of it says is acted on."""

from __future__ import annotations

from typing import Any

import pytest

from controlplane.audit.model import ENTRY, Action, Kind
from controlplane.errors import Rejected, Transient
from controlplane.objects.repository import put
from controlplane.retraining.model import Decision, Outcome
from controlplane.retraining.signal import Signal
from controlplane.retraining.signals.alarm import alarm
from controlplane.retraining.signals.ending import AGAIN, PATIENCE
from controlplane.retraining.tasks import Task, TaskState
from tests.support.retraining_world import SUBSCRIPTION, RetrainingWorld
from tests.unit.retraining.test_samples import load

ALERT = (
    f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.AlertsManagement/alerts/00000000-0000-0000-0000-0000000000e1"
)
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-ws"


async def world() -> RetrainingWorld:
    made = RetrainingWorld()
    await made.begin()
    return made


def latency(made: RetrainingWorld, **essentials: Any) -> dict[str, Any]:
    """The sample of a metric alert, about an endpoint of the workspace."""
    body: dict[str, Any] = load("SYNTHESIZED-alert-metric-dynamic.fired")
    target = f"{made.known.workspace_id.lower()}/onlineendpoints/churn"
    fired = {"firedDateTime": made.clock.now().isoformat(), "alertTargetIDs": [target]}
    body["data"]["essentials"] |= {**fired, **essentials}
    return body


def plant(made: RetrainingWorld, target: str | None = None, condition: str = "Fired") -> None:
    """Azure Monitor's own record."""
    about = target or f"{made.known.workspace_id}/onlineEndpoints/churn"
    made.azure.plant(ALERT, properties={"essentials": {"targetResource": about, "monitorCondition": condition}})


async def ruled(made: RetrainingWorld, body: dict[str, Any]) -> tuple[Decision, Signal]:
    taken = await alarm(made.intake, body)
    assert taken.id is not None, taken.reason
    await made.tick()
    return (await made.decisions())[0], (await made.signals())[0]


async def test_an_alert_that_azure_has_opens_a_remediation() -> None:
    made = await world()
    plant(made)
    decision, signal = await ruled(made, latency(made))
    assert (decision.outcome, signal.evidence.read_back) == (Outcome.REMEDIATE, True)
    assert signal.evidence.where == ALERT.lower()


async def test_one_that_azure_says_is_over_is_over() -> None:
    made = await world()
    plant(made, condition="Resolved")
    decision, signal = await ruled(made, latency(made))
    assert (decision.outcome, decision.reason, signal.resolved) == (Outcome.IGNORE, "Resolved", True)


UNTRUE: dict[str, dict[str, Any]] = {
    "Azure has no such alert": {},
    "its id is no alert's": {"alertId": f"{GROUP}/providers/Microsoft.Compute/virtualMachines/x"},
    "its id leads elsewhere": {"alertId": f"{ALERT}/../../x"},
    "its id has dots where a subscription stands": {"alertId": ALERT.replace(SUBSCRIPTION, "..")},
    "its id has a query": {"alertId": f"{ALERT}?a=b"},
}


@pytest.mark.parametrize("name", UNTRUE)
async def test_what_azure_does_not_confirm_is_told_and_not_done(name: str) -> None:
    made = await world()
    decision, signal = await ruled(made, latency(made, **UNTRUE[name]))
    assert (decision.outcome, signal.evidence.read_back) == (Outcome.NOTIFY, False)
    assert not [call for call in made.azure.calls if ".." in call.path or "?" in call.path]


async def test_an_alert_about_somebody_elses_resource_is_told_and_not_done() -> None:
    made = await world()
    plant(made, target=f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-ws2/providers/Microsoft.Compute/disks/x")
    decision, signal = await ruled(made, latency(made))
    assert (decision.outcome, signal.evidence.doubt) == (Outcome.NOTIFY, "NotOfItsTarget")


async def test_what_may_not_be_read_is_told_and_what_cannot_be_read_now_waits() -> None:
    made = await world()
    plant(made)
    made.azure.fail("GET", "/alerts/", lambda: Rejected("AuthorizationFailed", "no"))
    decision, signal = await ruled(made, latency(made))
    assert decision.outcome is Outcome.NOTIFY
    assert "AuthorizationFailed" in signal.evidence.summary
    later = await world()
    plant(later)
    later.azure.fail("GET", "/alerts/", lambda: Transient("ServerBusy", "busy", retry_after=1.0))
    await alarm(later.intake, latency(later))
    with pytest.raises(Transient):
        await later.tick()
    assert await later.decisions() == ()


def budget(made: RetrainingWorld, identifier: str) -> dict[str, Any]:
    body: dict[str, Any] = load("SYNTHESIZED-alert-budget-forecast.common")
    body["data"]["essentials"]["firedDateTime"] = made.clock.now().isoformat()
    body["data"]["alertContext"]["AlertData"] |= {"Scope": f"{GROUP}/", "BudgetId": identifier, "SpentAmount": "9 €"}
    return body


async def test_of_a_budget_its_own_amounts_are_told_and_never_those_of_the_alert() -> None:
    made = await world()
    own = f"{GROUP}/providers/Microsoft.Consumption/budgets/churn"
    made.azure.plant(own, properties={"amount": 100.5, "currentSpend": {"amount": 80.25, "unit": "EUR"}})
    decision, signal = await ruled(made, budget(made, own))
    assert (decision.outcome, signal.evidence.read_back) == (Outcome.NOTIFY, True)
    assert signal.evidence.summary == "The budget as Azure has it: spent 80.25, unit EUR, of 100.5."


@pytest.mark.parametrize(
    "identifier",
    [
        f"{GROUP}/providers/Microsoft.Consumption/budgets/gone",
        f"{GROUP}2/providers/Microsoft.Consumption/budgets/theirs",
        f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Consumption/budgets/theirs",
        f"{GROUP}/../rg-ws/providers/Microsoft.Consumption/budgets/churn",
        f"{GROUP}/providers/Microsoft.Consumption/budgets/..",
        "churn",
    ],
)
async def test_a_budget_that_is_not_the_workspaces_is_not_read(identifier: str) -> None:
    made = await world()
    made.azure.plant(f"{GROUP}2/providers/Microsoft.Consumption/budgets/theirs", properties={"amount": 7})
    decision, signal = await ruled(made, budget(made, identifier))
    assert (decision.outcome, signal.evidence.read_back) == (Outcome.NOTIFY, False)


async def test_a_budget_without_amounts_says_so() -> None:
    made = await world()
    made.azure.plant(f"{GROUP}/providers/Microsoft.Consumption/budgets/churn", properties={"amount": None})
    legacy = load("SYNTHESIZED-alert-budget-legacy.AIPBudgetNotification")
    legacy["data"] |= {"SubscriptionId": SUBSCRIPTION, "ResourceGroup": "RG-WS", "BudgetName": "churn"}
    _, signal = await ruled(made, legacy)
    assert signal.evidence.summary == "The budget as Azure has it: it says no amounts."


async def opened(made: RetrainingWorld) -> Task:
    """An alert fired, Azure has it, and its remediation stands open."""
    plant(made)
    decision, signal = await ruled(made, latency(made))
    assert decision.outcome is Outcome.REMEDIATE
    stored = await made.objects.require(Task, signal.id)
    task = stored.value.model_copy(update={"state": TaskState.OPEN, "due_at": None})
    await made.objects.commit(put(stored, task))
    return task


def say(made: RetrainingWorld, condition: str) -> None:
    essentials = made.azure.body(ALERT)["properties"]["essentials"]
    essentials["monitorCondition"] = condition


async def after(made: RetrainingWorld, task: Task) -> tuple[TaskState, Signal]:
    return (await made.objects.require(Task, task.id)).value.state, (await made.signals())[0]


async def test_what_azure_says_is_over_closes_its_task_and_the_audit_knows() -> None:
    made = await world()
    task = await opened(made)
    say(made, "Resolved")
    for _ in range(2):
        await alarm(made.intake, latency(made, monitorCondition="Resolved"))
        await made.tick()
    state, signal = await after(made, task)
    assert (state, signal.resolved, signal.due_at) == (TaskState.CLOSED, True, None)
    assert signal.evidence.read_back
    assert (await made.objects.require(Task, task.id)).value.generation == task.generation + 1
    page = await made.store.query(Kind.RETRAINING, prefix=ENTRY)
    closings = [one.value for one in page.entities if one.value["action"] == Action.TASK_CHANGED]
    assert [one["details"]["task"] for one in closings if one["details"]["state"] == "closed"] == [task.id]


async def test_a_resolved_form_that_azure_does_not_bear_out_closes_nothing() -> None:
    """Its record may lag: it is asked for an hour, and then what was said is not so."""
    made = await world()
    task = await opened(made)
    await alarm(made.intake, latency(made, monitorCondition="Resolved"))
    await made.tick()
    state, signal = await after(made, task)
    assert (state, signal.resolved, signal.due_at) == (TaskState.OPEN, False, made.clock.now() + AGAIN)
    made.clock.advance(PATIENCE.total_seconds())
    await made.tick()
    state, signal = await after(made, task)
    assert (state, signal.resolved, signal.end_told_at, signal.due_at) == (TaskState.OPEN, False, None, None)


async def test_a_record_that_lags_closes_the_task_when_it_comes() -> None:
    made = await world()
    task = await opened(made)
    await alarm(made.intake, latency(made, monitorCondition="Resolved"))
    await made.tick()
    say(made, "Resolved")
    made.clock.advance(AGAIN.total_seconds())
    await made.tick()
    state, signal = await after(made, task)
    assert (state, signal.resolved, signal.due_at) == (TaskState.CLOSED, True, None)


@pytest.mark.parametrize("condition", ["Fired", "Resolved"])
async def test_a_resolved_form_that_comes_first_is_believed_as_far_as_azures_record(condition: str) -> None:
    made = await world()
    plant(made, condition=condition)
    decision, signal = await ruled(made, latency(made, monitorCondition="Resolved"))
    wanted = (Outcome.IGNORE, True) if condition == "Resolved" else (Outcome.REMEDIATE, False)
    assert (decision.outcome, signal.resolved) == wanted


async def test_a_signal_that_was_stored_before_an_end_was_a_hint_is_read() -> None:
    made = await world()
    task = await opened(made)
    stored = await made.objects.require(Signal, task.signal_id)
    old = stored.value.model_dump(mode="json", by_alias=True)
    del old["endToldAt"]
    assert Signal.model_validate(old) == stored.value
