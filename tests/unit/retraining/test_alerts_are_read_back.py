"""What an alert claims is told; what Azure's own record of it says is acted on."""

from __future__ import annotations

from typing import Any

import pytest

from controlplane.errors import Rejected, Transient
from controlplane.retraining.model import Decision, Outcome
from controlplane.retraining.signal import Signal
from controlplane.retraining.signals.alarm import alarm
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
