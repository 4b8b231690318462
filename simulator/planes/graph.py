"""The little of Microsoft Graph v1.0 that clients of ARM need: names for the principals of role assignments.

Source: the Azure CLI's calls (`az role assignment list / create / delete`) and the API reference of
`directoryObjects/getByIds`, `servicePrincipals` and `users`. Every caller with a valid token may read; Graph's own
permissions are not simulated. Other paths get Graph's `Request_ResourceNotFound`.
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
            wanted = {str(one).lower() for one in request.json().get("ids", ())}
            return _list(request, [one for one in _principals(world) if one["id"] in wanted])
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
