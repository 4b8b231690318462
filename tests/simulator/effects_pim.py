"""What the hooks of eligibilities cause: passes with the hook on, fails with it off."""

from __future__ import annotations

from simulator.engine.hooks import Caller
from simulator.planes.roles import OWNER, READER
from tests.simulator.effects_network import EFFECTS, effect
from tests.simulator.lab import GROUP, Body, Lab

REQUESTS = f"{GROUP}/providers/Microsoft.Authorization/roleEligibilityScheduleRequests"
INSTANCES = f"{GROUP}/providers/Microsoft.Authorization/roleEligibilityScheduleInstances"
SUPPORT = "00000000-0000-0000-0000-0000000000d7"
USER_ACCESS_ADMINISTRATOR = "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9"
_CONDITION = (
    "@Request[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals {" + READER + "}"
)


def name(number: int) -> str:
    return f"{REQUESTS}/00000000-0000-0000-0000-{number:012d}"


def request(kind: str = "AdminAssign", days: int | None = 365) -> Body:
    expiration = {"type": "AfterDuration", "duration": f"P{days}D"} if days else {"type": "NoExpiration"}
    properties: Body = {
        "requestType": kind,
        "principalId": SUPPORT,
        "roleDefinitionId": f"/providers/Microsoft.Authorization/roleDefinitions/{OWNER}",
    }
    return {"properties": {**properties, "scheduleInfo": {"expiration": expiration}}}


@effect("eligibility-takes-effect")
def a_request_makes_somebody_eligible_and_another_ends_it(lab: Lab) -> None:
    lab.group()
    lab.put(name(1), request())
    assert len(lab.get(INSTANCES)["value"]) == 1
    (held,) = lab.get(INSTANCES)["value"]
    assert (held["properties"]["principalId"], held["properties"]["scope"]) == (SUPPORT, GROUP)
    assert held["properties"]["endDateTime"] > held["properties"]["startDateTime"]
    assert len(lab.get(f"{INSTANCES}?$filter=assignedTo('{SUPPORT}')")["value"]) == 1
    assert lab.get(f"{INSTANCES}?$filter=asTarget()")["value"] == []
    assert lab.get(f"{INSTANCES}?$filter=principalId eq '00000000-0000-0000-0000-00000000dead'")["value"] == []
    lab.put(name(2), request("AdminRemove"))
    assert lab.get(INSTANCES)["value"] == []


@effect("eligibility-request-rules")
def an_eligibility_is_there_once_and_ends(lab: Lab) -> None:
    lab.group()
    gone = lab.refused("PUT", name(1), request("AdminRemove"))
    assert (gone["code"], gone["message"]) == ("RoleAssignmentDoesNotExist", "The Role assignment does not exist.")
    for days in (None, 366):
        endless = lab.refused("PUT", name(1), request(days=days))
        assert endless["code"] == "RoleAssignmentRequestPolicyValidationFailed"
        assert endless["message"] == 'The following policy rules failed: ["ExpirationRule"]'
    lab.put(name(1), request())
    again = lab.refused("PUT", name(2), request())
    assert (again["code"], again["message"]) == ("RoleAssignmentExists", "The Role assignment already exists.")
    stranger = request()
    stranger["properties"]["principalId"] = "00000000-0000-0000-0000-00000000dead"
    assert lab.refused("PUT", name(3), stranger)["code"] == "SubjectNotFound"


@effect("eligibility-not-under-a-condition")
def a_limited_right_does_not_reach_pim(lab: Lab) -> None:
    lab.group()
    identity = lab.world.seeded("operator")
    lab.engine.grant(GROUP, USER_ACCESS_ADMINISTRATOR, identity["id"], condition=_CONDITION)
    limited = Caller(identity["id"], identity["client_id"], "operator", "ManagedIdentity")
    error = lab.refused("PUT", name(1), request(), caller=limited)
    assert error["code"] == "InsufficientPermissions"


TABLE = EFFECTS
