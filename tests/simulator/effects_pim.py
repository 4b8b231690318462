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


ACTIVATIONS = f"{GROUP}/providers/Microsoft.Authorization/roleAssignmentScheduleRequests"
ACTIVE = f"{GROUP}/providers/Microsoft.Authorization/roleAssignmentScheduleInstances"
ASSIGNMENTS = f"{GROUP}/providers/Microsoft.Authorization/roleAssignments"


def somebody(lab: Lab, *groups: str) -> Caller:
    """A person of the support team."""
    person = lab.world.directory.person("sam")
    return Caller(person["id"], None, "sam@contoso.com", "User", groups or (SUPPORT,))


def taken(number: int) -> str:
    return f"{ACTIVATIONS}/00000000-0000-0000-0000-{number:012d}"


def activation(who: str, kind: str = "SelfActivate", **changes: object) -> Body:
    properties: Body = {
        "requestType": kind,
        "principalId": who,
        "roleDefinitionId": f"/providers/Microsoft.Authorization/roleDefinitions/{OWNER}",
        "justification": "incident 42",
        "scheduleInfo": {"expiration": {"type": "AfterDuration", "duration": "PT2H"}},
    }
    return {"properties": {**properties, **changes}}


def held_by(lab: Lab, who: str) -> list[Body]:
    return [one for one in lab.get(ASSIGNMENTS)["value"] if one["properties"]["principalId"] == who]


@effect("activation-takes-effect")
def whoever_is_eligible_takes_the_role_and_gives_it_back(lab: Lab) -> None:
    lab.group()
    lab.put(name(1), request())
    sam = somebody(lab)
    assert lab.call("DELETE", GROUP, caller=sam).status == 403
    lab.put(taken(1), activation(sam.object_id), caller=sam)
    assert len(held_by(lab, sam.object_id)) == 1
    (assignment,) = held_by(lab, sam.object_id)
    (active,) = lab.get(ACTIVE)["value"]
    assert active["properties"]["originRoleAssignmentId"] == assignment["id"]
    assert (active["properties"]["assignmentType"], active["properties"]["memberType"]) == ("Activated", "Group")
    lab.advance(301)
    lab.put(taken(2), activation(sam.object_id, "SelfDeactivate"), caller=sam)
    assert held_by(lab, sam.object_id) == [] == lab.get(ACTIVE)["value"]


@effect("activation-ends")
def an_activation_ends_by_itself(lab: Lab) -> None:
    lab.group()
    lab.put(name(1), request())
    sam = somebody(lab)
    lab.put(taken(1), activation(sam.object_id), caller=sam)
    lab.advance(7199)
    assert len(held_by(lab, sam.object_id)) == 1
    lab.advance(2)
    assert held_by(lab, sam.object_id) == [] == lab.get(ACTIVE)["value"]


@effect("activation-request-rules")
def an_activation_needs_an_eligibility_a_reason_and_an_end(lab: Lab) -> None:
    lab.group()
    lab.put(name(1), request())
    sam, owner = somebody(lab), lab.caller
    stranger = lab.refused("PUT", taken(1), activation(owner.object_id), caller=owner)
    assert stranger["message"] == 'The following policy rules failed: ["EligibilityRule"]'
    long = {"scheduleInfo": {"expiration": {"type": "AfterDuration", "duration": "PT9H"}}}
    both = lab.refused("PUT", taken(1), activation(sam.object_id, justification="", **long), caller=sam)
    assert both["code"] == "RoleAssignmentRequestPolicyValidationFailed"
    assert both["message"] == 'The following policy rules failed: ["ExpirationRule","JustificationRule"]'
    other = lab.refused("PUT", taken(1), activation(owner.object_id), caller=sam)
    assert other["code"] == "InsufficientPermissions"
    gone = lab.refused("PUT", taken(1), activation(sam.object_id, "SelfDeactivate"), caller=sam)
    assert gone["code"] == "RoleAssignmentDoesNotExist"
    lab.put(taken(1), activation(sam.object_id), caller=sam)
    assert lab.refused("PUT", taken(2), activation(sam.object_id), caller=sam)["code"] == "RoleAssignmentExists"
    early = lab.refused("PUT", taken(2), activation(sam.object_id, "SelfDeactivate"), caller=sam)
    assert early["code"] == "ActiveDurationTooShort"


TABLE = EFFECTS
