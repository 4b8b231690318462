"""Active assignments that an administrator makes in PIM: to whom, for how long, by whom."""

from __future__ import annotations

import pytest

from simulator.engine.hooks import Caller
from simulator.planes.roles import CONTRIBUTOR
from tests.simulator.effects_pim import ACTIVATIONS, ACTIVE, USER_ACCESS_ADMINISTRATOR, held_by
from tests.simulator.lab import GROUP, Body, Lab

DAY = 86400.0


def asked(lab: Lab, kind: str = "AdminAssign", **changes: object) -> Body:
    """For the archiver, Contributor of the group for two hours."""
    properties: Body = {
        "requestType": kind, "principalId": lab.world.seeded("archiver")["id"],
        "roleDefinitionId": f"/providers/Microsoft.Authorization/roleDefinitions/{CONTRIBUTOR}",
        "justification": "the archive of churn-dev ends",
        "scheduleInfo": {"expiration": {"type": "AfterDuration", "duration": "PT2H"}},
    }  # fmt: skip
    return {"properties": {**properties, **changes}}


def name(number: int) -> str:
    return f"{ACTIVATIONS}/00000000-0000-0000-0000-{number:012d}"


def archiver(lab: Lab) -> Caller:
    found = lab.world.seeded("archiver")
    return Caller(found["id"], found["client_id"], "archiver", "ManagedIdentity")


@pytest.fixture
def lab() -> Lab:
    found = Lab()
    found.group()
    return found


def test_it_holds_nothing_then_a_role_then_nothing(lab: Lab) -> None:
    who = archiver(lab)
    assert lab.call("DELETE", GROUP, caller=who).status in (403, 404)
    lab.put(name(1), asked(lab))
    (active,) = lab.get(ACTIVE)["value"]
    assert (active["properties"]["assignmentType"], active["properties"]["principalType"]) == (
        "Assigned",
        "ServicePrincipal",
    )
    assert len(held_by(lab, who.object_id)) == 1
    assert lab.call("GET", GROUP, caller=who).status == 200
    lab.advance(7201)
    assert held_by(lab, who.object_id) == [] == lab.get(ACTIVE)["value"]
    assert lab.call("DELETE", GROUP, caller=who).status in (403, 404)


def test_it_is_taken_back(lab: Lab) -> None:
    lab.put(name(1), asked(lab))
    assert lab.refused("PUT", name(2), asked(lab))["code"] == "RoleAssignmentExists"
    assert lab.refused("PUT", name(2), asked(lab, "AdminRemove"))["code"] == "ActiveDurationTooShort"
    lab.advance(301)
    lab.put(name(3), asked(lab, "AdminRemove"))
    assert held_by(lab, archiver(lab).object_id) == []


def test_until_a_time(lab: Lab) -> None:
    until = {"expiration": {"type": "AfterDateTime", "endDateTime": "2027-01-18T08:00:00Z"}}
    lab.put(name(1), asked(lab, scheduleInfo=until))
    lab.advance(2 * DAY)
    assert len(held_by(lab, archiver(lab).object_id)) == 1
    lab.advance(1.1 * DAY)
    assert held_by(lab, archiver(lab).object_id) == []


def test_what_has_no_end_no_reason_or_nobody_is_refused(lab: Lab) -> None:
    endless, long = (
        {"expiration": {"type": "NoExpiration"}},
        {"expiration": {"type": "AfterDuration", "duration": "P365D"}},
    )
    for schedule in (endless, long, {"expiration": {"type": "AfterDateTime", "endDateTime": "soon"}}):
        assert 'failed: ["ExpirationRule"]' in lab.refused("PUT", name(1), asked(lab, scheduleInfo=schedule))["message"]
    assert 'failed: ["JustificationRule"]' in lab.refused("PUT", name(1), asked(lab, justification=" "))["message"]
    stranger = asked(lab, principalId="00000000-0000-0000-0000-00000000dead")
    assert lab.refused("PUT", name(1), stranger)["code"] == "SubjectNotFound"
    nothing = asked(lab, roleDefinitionId="/providers/Microsoft.Authorization/roleDefinitions/none")
    assert lab.refused("PUT", name(1), nothing)["code"] == "RoleDefinitionDoesNotExist"


def test_a_limited_right_to_assign_does_not_reach_it(lab: Lab) -> None:
    operator = lab.world.seeded("operator")
    condition = (
        "@Request[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals {"
        + CONTRIBUTOR + "}"
    )  # fmt: skip
    lab.engine.grant(GROUP, USER_ACCESS_ADMINISTRATOR, operator["id"], condition=condition)
    limited = Caller(operator["id"], operator["client_id"], "operator", "ManagedIdentity")
    assert lab.refused("PUT", name(1), asked(lab), caller=limited)["code"] == "InsufficientPermissions"
