"""The little of Microsoft Graph v1.0 that clients of ARM need: names for the principals of role assignments.

Source: the Azure CLI's calls (`az role assignment list / create / delete`) and the API reference of
`directoryObjects/getByIds` (1,000 ids at most), `servicePrincipals`, `users`, "List group transitive members" and "Add
members". Every caller with a valid token may read, the seeded owner and people may add members; Graph's own permissions
are not simulated. Other paths get Graph's `Request_ResourceNotFound`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from simulator.engine.hooks import ArmError, JsonObject
from simulator.engine.messages import Request, Response, error_response

if TYPE_CHECKING:
    from simulator.planes.world import World

KINDS = {
    "ServicePrincipal": "#microsoft.graph.servicePrincipal",
    "User": "#microsoft.graph.user",
    "Group": "#microsoft.graph.group",
}
MOST_IDS = 1000
LARGEST_PAGE = 999
COLLECTIONS = {"serviceprincipals": "ServicePrincipal", "users": "User", "groups": "Group"}
_EQUAL = re.compile(r"(?:\b(\w+)|/any\(\w+:\w+)\s+eq\s+'([^']*)'\)?", re.IGNORECASE)


def handle(world: World, request: Request) -> Response | None:
    """The answer of this plane, or None when the path is not one of its own."""
    parts = [part for part in request.path.split("/") if part]
    if not parts or parts[0] != "v1.0":
        return None
    try:
        request.caller = world.tokens.caller(request.headers.get("authorization", ""))
        return _answer(world, request, [part.lower() for part in parts[1:]])
    except ArmError as error:
        return error_response(error)


def _answer(world: World, request: Request, parts: list[str]) -> Response:
    match request.method, parts:
        case "POST", ["directoryobjects", "getbyids"]:
            asked = request.json().get("ids", ())
            if not asked or len(asked) > MOST_IDS:
                raise ArmError(400, "Request_BadRequest", f"Specify 1 to {MOST_IDS} ids in the request.")
            wanted = {str(one).lower() for one in asked}
            return _list(request, [one for one in _principals(world) if one["id"] in wanted])
        case "GET", ["groups", group, "transitivemembers"]:
            return _members(world, request, group)
        case "POST", ["groups", group, "members", "$ref"]:
            return _join(world, request, group)
        case "GET", [collection] if collection in COLLECTIONS:
            kind = COLLECTIONS[collection]
            found = [one for one in _principals(world) if one["kind"] == kind]
            return _list(request, [one for one in found if _matches(one, request.query.get("$filter", ""))])
        case "GET", [collection, name] if collection in COLLECTIONS:
            for one in _principals(world):
                if one["kind"] == COLLECTIONS[collection] and name in (one["id"], str(one.get("name", "")).lower()):
                    return Response(200, _shape(one))
    text = f"Resource '{parts[-1] if parts else ''}' does not exist or one of its queried reference-property objects"
    raise ArmError(404, "Request_ResourceNotFound", f"{text} are not present.")


def _principals(world: World) -> list[JsonObject]:
    return [value for key, value in world.store.kv.items() if key.startswith("principal:")]


def _matches(principal: JsonObject, text: str) -> bool:
    """`appId eq 'x'`, `displayName eq 'x'`, `servicePrincipalNames/any(c:c eq 'x')`; any of several (`or`)."""
    shown = _shape(principal)
    for name, value in _EQUAL.findall(text):
        held = shown.get(name) if name else shown.get("servicePrincipalNames")
        if value == held or (isinstance(held, list) and value in held):
            return True
    return not text


def _shape(principal: JsonObject) -> JsonObject:
    name = str(principal.get("name") or "")
    shown: JsonObject = {
        "@odata.type": KINDS[principal["kind"]], "id": principal["id"], "displayName": name,
    }  # fmt: skip
    if principal["kind"] == "User":
        return {**shown, "userPrincipalName": name if "@" in name else f"{name}@contoso.com"}
    if principal["kind"] == "Group":
        return shown
    client = principal.get("client_id")
    kind = "ManagedIdentity" if principal.get("resource_id") else "Application"
    return {**shown, "appId": client, "servicePrincipalNames": [client], "servicePrincipalType": kind}


def _list(request: Request, found: list[JsonObject]) -> Response:
    context = f"{request.base}/v1.0/$metadata#directoryObjects"
    return Response(200, {"@odata.context": context, "value": [_shape(one) for one in found]})


def _of_kind(world: World, object_id: str, kind: str = "") -> JsonObject:
    found = world.directory.get(object_id)
    if found is None or (kind and found["kind"] != kind):
        text = (
            f"Resource '{object_id}' does not exist or one of its queried reference-property objects are not present."
        )
        raise ArmError(404, "Request_ResourceNotFound", text)
    return found


def _members(world: World, request: Request, group: str) -> Response:
    """Everybody in a group and in groups in it, by pages of `$top` (100 unless asked for more)."""
    _of_kind(world, group, "Group")
    inside, before = {group}, 0
    while len(inside) > before:
        before = len(inside)
        inside |= {one["id"] for one in _principals(world) if inside & set(one.get("groups") or ())}
    everybody = sorted((one for one in _principals(world) if one["id"] in inside - {group}), key=lambda one: one["id"])
    size, start = int(request.query.get("$top", "100")), int(request.query.get("$skiptoken", "0"))
    if not 1 <= size <= LARGEST_PAGE:
        raise ArmError(400, "Request_UnsupportedQuery", f"Invalid page size specified: '{size}'.")
    response = _list(request, everybody[start : start + size])
    if start + size < len(everybody):
        response.body["@odata.nextLink"] = request.url(
            request.path, {"$top": str(size), "$skiptoken": str(start + size)}
        )
    return response


def _join(world: World, request: Request, group: str) -> Response:
    """`{"@odata.id": ".../directoryObjects/{id}"}`: somebody more in a group."""
    _of_kind(world, group, "Group")
    if request.caller.kind != "User" and request.caller.object_id != world.seeded("owner")["id"]:
        message = "Insufficient privileges to complete the operation."
        raise ArmError(403, "Authorization_RequestDenied", message)
    member = _of_kind(world, str(request.json().get("@odata.id", "")).rpartition("/")[2].lower())
    if group in (member.get("groups") or ()):
        text = "One or more added object references already exist for the following modified properties: 'members'."
        raise ArmError(400, "Request_BadRequest", text)
    world.directory.add({**member, "groups": [*(member.get("groups") or ()), group]})
    return Response(204, None, content_type=None)
