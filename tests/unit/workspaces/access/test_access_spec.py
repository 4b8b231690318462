"""Who may be named under ``access``."""

from __future__ import annotations

from typing import Any

import pytest

from controlplane.errors import Rejected
from controlplane.projects.model import Registration
from controlplane.projects.scope import out_of_scope
from controlplane.workspaces.access.personas import KINDS, Persona
from tests.support.blueprints import spec

ONE, TWO = (f"00000000-0000-0000-0000-0000000000{end}" for end in ("d1", "d2"))
OWNER = "00000000-0000-0000-0000-0000000000a1"


def refusal(**access: Any) -> list[tuple[str, str | None]]:
    with pytest.raises(Rejected) as caught:
        spec(access=access)
    return [(detail.code, detail.target) for detail in caught.value.details]


def test_a_tester_is_not_the_pipeline() -> None:
    """S3-62."""
    assert refusal(modelTesters=[ONE], cicdProcesses=[TWO, ONE]) == [("SeparationOfDuty", "$.access.cicdProcesses[1]")]


def test_a_principal_is_one_persona_once() -> None:
    assert refusal(dataAnalysts=[ONE], projectLeads=[ONE]) == [("PersonaOverlap", "$.access.projectLeads[0]")]
    assert refusal(dataAnalysts=[ONE, ONE]) == [("DuplicateName", "$.access.dataAnalysts[1]")]


def test_the_workspaces_own_persona_is_nobodys() -> None:
    assert refusal(mlWorkspace=[ONE]) == [("PersonaNotAssignable", "$.access.mlWorkspace[0]")]


def test_a_person_is_no_group() -> None:
    assert refusal(projectLeads=[OWNER]) == [("GroupExpected", "$.access.projectLeads[0]")]


@pytest.mark.parametrize("persona", [persona for persona in Persona if persona is not Persona.ML_WORKSPACE])
def test_who_is_not_in_the_registration_is_out_of_scope(persona: Persona) -> None:
    """People's groups and processes have lists of their own there: neither lets the other in."""
    asked = spec(access={persona.value: [ONE]})
    base = {"subscriptions": [asked.subscription_id], "regions": ["westeurope"], "resourceGroupPrefix": "rg-"}
    pools = {"addressPools": ["10.40.0.0/16"]}
    lists = ("entraGroups", "servicePrincipals") if KINDS[persona].is_person else ("servicePrincipals", "entraGroups")
    found = {}
    for name in lists:
        registration = Registration.model_validate({**base, **pools, name: [ONE]})
        found[name] = [detail.target for detail in out_of_scope("churn-dev", asked, registration)]
    assert found == {lists[0]: [], lists[1]: [f"$.access.{persona.value}[0]"]}
