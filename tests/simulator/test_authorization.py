"""Role assignments and definitions, conditions, replication, and what Azure answers about them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from simulator.engine import dispatch
from simulator.engine.hooks import Caller
from simulator.engine.messages import Request, Response
from simulator.planes import roles
from simulator.planes.conditions import Facts, holds
from simulator.planes.world import ADMIN, Config, World

RECORDED = Path(__file__).resolve().parents[1] / "data/arm/role-assignment-create-list.json"
READER = roles.READER
ACR_PULL = "7f951dda-4ed3-4680-a7ca-43fe172d538d"
VERSION = "2022-04-01"
# As the portal writes it for "allow the user to assign selected roles": Microsoft Learn, "Delegate Azure role
# assignment management to others with conditions", example "Constrain roles".
CONSTRAINED = """
(
 (
  !(ActionMatches{'Microsoft.Authorization/roleAssignments/write'})
 )
 OR
 (
  @Request[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals {ALLOWED_ROLES}
 )
)
AND
(
 (
  !(ActionMatches{'Microsoft.Authorization/roleAssignments/delete'})
 )
 OR
 (
  @Resource[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals {ALLOWED_ROLES}
 )
)
""".replace("ALLOWED_ROLES", f"{ACR_PULL}, {READER}")


class Office:
    """A world at scale 1 whose clock the test moves, and callers by name."""

    def __init__(self) -> None:
        self.world = World(Config("https://arm", scale=1.0))
        self.moment = 1_800_000_000.0
        self.world.engine.clock = lambda: self.moment
        self.subscription = f"/subscriptions/{self.world.environment()['AZURE_SUBSCRIPTION_ID']}"
        self.group = f"{self.subscription}/resourceGroups/g"
        self.call("PUT", self.group, {"location": "westeurope"}, version="2021-04-01")

    def who(self, name: str) -> Caller:
        found = (
            self.world.seeded(name) if name in ("owner", "observer", "operator") else self.world.directory.person(name)
        )
        return Caller(found["id"], found.get("client_id"), name, "User")

    def call(self, method: str, path: str, body: Any = None, *, by: str = "owner", version: str = VERSION) -> Response:
        path, _, text = path.partition("?")
        query = {"api-version": version}
        if text:
            name, _, value = text.partition("=")
            query[name] = value
        raw = b"" if body is None else json.dumps(body).encode()
        self.world.engine.settle()
        request = Request(method, path, query, {}, raw, "https://arm", self.who(by))
        return dispatch.handle(self.world.engine, request)

    def path(self, number: int, scope: str | None = None) -> str:
        name = f"88888888-0000-0000-0000-{number:012d}"
        return f"{scope or self.group}/providers/Microsoft.Authorization/roleAssignments/{name}"

    def body(self, role: str, principal: str, **more: Any) -> dict[str, Any]:
        definition = f"{self.subscription}/providers/Microsoft.Authorization/roleDefinitions/{role}"
        return {"properties": {"roleDefinitionId": definition, "principalId": principal, **more}}

    def grant(self, number: int, role: str, principal: str, *, by: str = "owner", **more: Any) -> Response:
        return self.call("PUT", self.path(number), self.body(role, principal, **more), by=by)


@pytest.fixture
def office() -> Office:
    return Office()


def code(response: Response) -> tuple[int, str]:
    return response.status, response.body["error"]["code"]


def test_an_assignment_looks_as_recorded(office: Office) -> None:
    recorded = json.loads(RECORDED.read_text())
    ada = office.who("ada").object_id
    made = office.grant(1, READER, ada, principalType="User")
    put = recorded[1]["response"]
    assert made.status == put["status"]
    assert list(made.body) == list(put["body"])
    assert set(made.body["properties"]) == set(put["body"]["properties"])
    assert made.body["properties"]["createdBy"] is None
    assert made.body["properties"]["scope"] == office.group
    listed = office.call("GET", f"{office.subscription}/providers/Microsoft.Authorization/roleAssignments"
                         f"?$filter=principalId eq '{ada}'")  # fmt: skip
    (one,) = listed.body["value"]
    assert one["properties"]["createdBy"] == office.who("owner").object_id
    assert set(one) == set(recorded[2]["response"]["body"]["value"][0])
    assert office.call("DELETE", office.path(1)).status == 200
    assert office.call("DELETE", office.path(1)).status == 204


def test_a_right_counts_from_the_scope_down(office: Office) -> None:
    ada = office.who("ada").object_id
    path = office.group
    assert code(office.call("GET", path, by="ada")) == (404, "SubscriptionNotFound")
    office.grant(1, READER, ada)
    assert office.call("GET", path, by="ada").status == 200
    assert code(office.call("PUT", path, {"location": "westeurope"}, by="ada")) == (403, "AuthorizationFailed")
    vnets = f"{office.group}/providers/Microsoft.Network/virtualNetworks"
    assert office.call("GET", vnets, by="ada", version="2023-05-01").status == 200
    other = f"{office.subscription}/resourceGroups/other"
    assert code(office.call("GET", other, by="ada")) == (403, "AuthorizationFailed")
    office.call("DELETE", office.path(1))
    assert code(office.call("GET", path, by="ada")) == (404, "SubscriptionNotFound")


REFUSED: dict[str, tuple[dict[str, Any], tuple[int, str]]] = {
    "role unknown": ({"role": "11111111-2222-3333-4444-555555555555"}, (400, "RoleDefinitionDoesNotExist")),
    "principal unknown": ({"principal": "11111111-2222-3333-4444-555555555555"}, (400, "PrincipalNotFound")),
    "another kind": ({"principalType": "Group"}, (400, "UnmatchedPrincipalType")),
}


@pytest.mark.parametrize("case", REFUSED)
def test_an_assignment_is_refused(office: Office, case: str) -> None:
    wish, expected = REFUSED[case]
    role, principal = wish.pop("role", READER), wish.pop("principal", office.who("ada").object_id)
    assert code(office.grant(1, role, principal, **wish)) == expected


def test_the_same_triple_exists_once(office: Office) -> None:
    ada = office.who("ada").object_id
    office.grant(1, READER, ada)
    assert code(office.grant(2, READER, ada)) == (409, "RoleAssignmentExists")
    assert office.grant(1, READER, ada).status == 200
    assert office.grant(2, ACR_PULL, ada).status == 201
    assert office.call("PUT", office.path(3, office.subscription), office.body(READER, ada)).status == 201
    assert code(office.grant(1, READER, office.who("bo").object_id)) == (400, "RoleAssignmentUpdateNotPermitted")


def test_a_new_identity_has_to_replicate_unless_its_type_is_said(office: Office) -> None:
    principal, _ = office.world.engine.create_principal(f"{office.group}/x")
    assert code(office.grant(1, READER, principal)) == (400, "PrincipalNotFound")
    assert office.grant(1, READER, principal, principalType="ServicePrincipal").status == 201
    assert code(office.grant(2, ACR_PULL, principal)) == (400, "PrincipalNotFound")
    office.moment += 8
    assert office.grant(2, ACR_PULL, principal).status == 201


def test_lists_by_scope(office: Office) -> None:
    ada = office.who("ada").object_id
    office.grant(1, READER, ada)
    at_subscription = f"{office.subscription}/providers/Microsoft.Authorization/roleAssignments"
    everything = office.call("GET", at_subscription).body["value"]
    only_here = office.call("GET", f"{at_subscription}?$filter=atScope()").body["value"]
    assert len(everything) == len(only_here) + 1
    inherited = office.call("GET", f"{office.group}/providers/Microsoft.Authorization/roleAssignments").body["value"]
    assert len(inherited) == len(everything)


def test_contributors_grant_nothing_and_administrators_what_their_condition_allows(office: Office) -> None:
    ada, bo = office.who("ada").object_id, office.who("bo").object_id
    office.grant(1, roles.CONTRIBUTOR, ada)
    assert code(office.grant(9, READER, bo, by="ada")) == (403, "AuthorizationFailed")
    office.grant(2, roles.RBAC_ADMINISTRATOR, ada, condition=CONSTRAINED, conditionVersion="2.0")
    assert code(office.grant(9, roles.OWNER, bo, by="ada")) == (403, "AuthorizationFailed")
    assert office.grant(9, READER, bo, by="ada").status == 201
    assert office.call("DELETE", office.path(9), by="ada").status == 200
    office.grant(10, roles.OWNER, bo)
    assert code(office.call("DELETE", office.path(10), by="ada")) == (403, "AuthorizationFailed")


NOT_THESE = "@Request[Microsoft.Authorization/roleAssignments:RoleDefinitionId] {}:GuidNotEquals {{{}}}"
CONDITIONS: dict[str, tuple[str, str, bool]] = {
    "allowed role": (CONSTRAINED, READER, True),
    "other role": (CONSTRAINED, roles.OWNER, False),
    "unreadable": ("@Subject[x] StringEquals 'y'", READER, False),
    "unbalanced": ("(ActionMatches{'a'}", READER, False),
    "not equals": (
        "@Request[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ForAnyOfAllValues:GuidNotEquals "
        f"{{{roles.OWNER}}}",
        READER,
        True,
    ),
    "not one of several": (NOT_THESE.format("ForAnyOfAllValues", f"{ACR_PULL}, {READER}"), READER, False),
    "none of several": (NOT_THESE.format("ForAnyOfAllValues", f"{ACR_PULL}, {roles.OWNER}"), READER, True),
    "another than any of several": (NOT_THESE.format("ForAnyOfAnyValues", f"{ACR_PULL}, {READER}"), READER, True),
    "a word where an id belongs": (NOT_THESE.format("ForAnyOfAllValues", "OPERATOR_OBJECT_ID"), READER, False),
    "principal type": (
        "@Request[Microsoft.Authorization/roleAssignments:PrincipalType] ForAnyOfAnyValues:StringEqualsIgnoreCase "
        "{'ServicePrincipal'}",
        READER,
        True,
    ),
}


@pytest.mark.parametrize("case", CONDITIONS)
def test_conditions(case: str) -> None:
    condition, role, expected = CONDITIONS[case]
    facts = Facts(role, "p", "ServicePrincipal")
    assert holds(condition, "Microsoft.Authorization/roleAssignments/write", facts) is expected


def test_built_in_roles_are_found_under_any_scope_and_stay(office: Office) -> None:
    path = f"{office.subscription}/providers/Microsoft.Authorization/roleDefinitions"
    one = office.call("GET", f"{path}/{READER}").body
    assert one["properties"]["roleName"] == "Reader"
    (named,) = office.call("GET", f"{path}?$filter=roleName eq 'AcrPull'").body["value"]
    assert named["name"] == ACR_PULL
    changed = {"properties": {"roleName": "x", "permissions": [{"actions": ["*"]}]}}
    assert office.call("PUT", f"{path}/{READER}", changed).status == 403


def test_a_custom_role_allows_what_it_lists(office: Office) -> None:
    name = "99999999-0000-0000-0000-000000000001"
    path = f"{office.subscription}/providers/Microsoft.Authorization/roleDefinitions/{name}"
    permission = {"actions": ["Microsoft.Resources/subscriptions/resourceGroups/*"], "notActions": ["*/delete"]}
    body = {
        "properties": {"roleName": "groups", "permissions": [permission], "assignableScopes": [office.subscription]}
    }
    assert office.call("PUT", path, body).status == 201
    office.grant(1, name, office.who("ada").object_id)
    assert office.call("PUT", office.group, {"location": "westeurope"}, by="ada", version="2021-04-01").status == 200
    assert code(office.call("DELETE", office.group, by="ada", version="2021-04-01")) == (403, "AuthorizationFailed")


ALLOWED = {
    "wildcard at the end": (roles.BY_GUID[READER], "Microsoft.Network/virtualNetworks/read", True),
    "not a read": (roles.BY_GUID[READER], "Microsoft.Storage/storageAccounts/listKeys/action", False),
    "not actions": (roles.BY_GUID[roles.CONTRIBUTOR], "Microsoft.Authorization/roleAssignments/write", False),
    "contributor": (roles.BY_GUID[roles.CONTRIBUTOR], "Microsoft.Network/virtualNetworks/write", True),
    "administrator": (roles.BY_GUID[roles.RBAC_ADMINISTRATOR], "Microsoft.Authorization/roleAssignments/write", True),
    "case": (roles.BY_GUID[READER], "microsoft.network/virtualnetworks/READ", True),
}


@pytest.mark.parametrize("case", ALLOWED)
def test_wildcards(case: str) -> None:
    role, action, expected = ALLOWED[case]
    assert role.allows(action) is expected


GROUPS = "/providers/Microsoft.Management/managementGroups"
PLATFORM = f"{GROUPS}/contoso-platform"
ELEVATE = "/providers/Microsoft.Authorization/elevateAccess"


def test_a_global_administrator_takes_rights_and_gives_them_at_a_management_group(office: Office) -> None:
    ada, subscription = office.who("ada").object_id, office.subscription
    assert office.call("GET", GROUPS).body == {"value": []}
    refused = office.call("POST", ELEVATE)
    assert code(refused) == (403, "AuthorizationFailed")
    assert "elevateAccess/action' over scope '/providers/Microsoft.Authorization'" in refused.body["error"]["message"]
    assert office.call("PUT", office.path(1, PLATFORM), office.body(READER, ada), by=ADMIN).status == 403
    assert office.call("POST", ELEVATE, by=ADMIN).status == 200
    made = office.call("PUT", office.path(1, PLATFORM), office.body(READER, ada), by=ADMIN)
    assert (made.status, made.body["properties"]["scope"]) == (201, PLATFORM)

    assert [one["name"] for one in office.call("GET", GROUPS, by="ada").body["value"]] == ["contoso-platform"]
    assert office.call("GET", f"{subscription}/resourceGroups/rg", by="ada").status == 404  # she may look
    inherited = office.call("GET", f"{subscription}/providers/Microsoft.Authorization/roleAssignments").body["value"]
    (hers,) = (one for one in inherited if one["properties"]["principalId"] == ada)
    assert hers["properties"]["roleDefinitionId"].startswith(f"{subscription}/providers/")


def test_a_right_at_the_root_group_holds_at_those_in_it(office: Office) -> None:
    root = f"{GROUPS}/{office.world.engine.tenant_id}"
    ada = office.who("ada").object_id
    office.call("POST", ELEVATE, by=ADMIN)
    assert code(office.call("GET", PLATFORM, by="ada")) == (403, "AuthorizationFailed")
    assert office.call("PUT", office.path(1, root), office.body(READER, ada), by=ADMIN).status == 201
    assert office.call("GET", PLATFORM, by="ada").body["name"] == "contoso-platform"


@pytest.mark.parametrize("scope", ["", PLATFORM])
def test_a_refused_list_names_the_provider_under_the_scope(office: Office, scope: str) -> None:
    answer = office.call("GET", f"{scope}/providers/Microsoft.Authorization/roleAssignments")
    assert f"over scope '{scope}/providers/Microsoft.Authorization' or" in answer.body["error"]["message"]
