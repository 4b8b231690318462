"""What people read where a budget's policy assignment denied a write; what others denied stays in Azure's words."""

from __future__ import annotations

import json

import pytest

from controlplane.errors import Rejected
from controlplane.governance.budgets.denials import DENIALS
from controlplane.workspaces import kinds as k
from controlplane.workspaces.reconcile.classify import Attempt, Fail, classify_error, classify_failure

GROUP = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg-churn"
CODE = "RequestDisallowedByPolicy"


def refusal(*names: str) -> str:
    """In Azure's words."""
    at = f"{GROUP}/providers/Microsoft.Authorization/policyAssignments"
    named = [{"policyAssignment": {"name": "shown", "id": f"{at}/{one}"}} for one in names]
    return f"Resource 'cpu' was disallowed by policy. Policy identifiers: '{json.dumps(named, separators=(',', ':'))}'."


def told(message: str, *, late: bool) -> str:
    attempt = Attempt(k.COMPUTE, deleting=False, number=1)
    given = Rejected(CODE, message, status=403)
    answer = classify_failure(CODE, message, attempt) if late else classify_error(given, attempt)
    assert isinstance(answer, Fail)
    return answer.error.message


@pytest.mark.parametrize("late", [False, True], ids=["refused", "failed"])
@pytest.mark.parametrize("name", [one.name for each in DENIALS.values() for one in each])
def test_a_budget_is_named_in_a_sentence(name: str, late: bool) -> None:
    said = told(refusal(name), late=late)
    assert said.startswith(f"A budget denies new {name.rpartition('-')[2]} in resource group rg-churn")
    assert name in said
    assert "Policy identifiers" not in said


def test_what_others_deny_as_well_stays_in_azures_words() -> None:
    message = refusal("cp-budget-computes", "allowed-sizes")
    assert told(message, late=False).endswith(message)
    alone = refusal("allowed-sizes")
    assert told(alone, late=False) == alone
