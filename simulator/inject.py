"""What happens in real estates: somebody changes something by hand. Every change goes through ARM as a human Owner."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from simulator import inject_spend
from simulator.engine import dispatch
from simulator.engine.hooks import ArmError, Caller, JsonObject, Resource
from simulator.engine.messages import Request, Response
from simulator.planes.world import ADMIN, World
from simulator.types.machinelearning import drift, models, traffic

if TYPE_CHECKING:
    from simulator.server.app import Simulator

ML = "Microsoft.MachineLearningServices/workspaces"
ENDPOINT = f"{ML}/onlineEndpoints"
STORAGE = "Microsoft.Storage/storageAccounts"
ZONE = "Microsoft.Network/privateDnsZones"


def perform(simulator: Simulator, wish: JsonObject) -> JsonObject:
    """`{"kind": "public-access", "account": ...}` or `{"kind": "delete-dns-link", "zone": ..., "link": ...,
    "resourceGroup": ...}`; answers {"status", "id"}. Raises ArmError 404 or 409 when the thing is not clear."""
    world = simulator.world
    match wish.get("kind"):
        case "public-access":
            return _public_access(world, str(wish["account"]))
        case "delete-dns-link":
            return _delete_link(world, str(wish["zone"]), wish.get("link"), wish.get("resourceGroup"))
        case "arm":
            return _any(world, wish)
        case "model-registered":
            return _model_registered(world, wish)
        case "event":
            return _event(world, wish)
        case "drift":
            workspace = _workspace(world, wish)
            return {"status": 202, "id": workspace.id, **drift.inject(world.engine, workspace, wish)}
        case "traffic" | "latency" | "errors":
            return _traffic(world, wish)
        case kind if kind in inject_spend.KINDS:
            return inject_spend.perform(world.engine, wish)
    known = "public-access, delete-dns-link, arm, model-registered, event, drift, traffic, latency, errors"
    known = ", ".join((known, *inject_spend.KINDS))
    raise ValueError(f"unknown injection {wish.get('kind')!r}: {known}")


def by_hand(world: World) -> Caller:
    person = world.directory.person(ADMIN)
    return Caller(person["id"], None, f"{ADMIN}@contoso.com", "User")


def _call(world: World, method: str, path: str, version: str, body: JsonObject | None = None) -> Response:
    raw = json.dumps(body).encode() if body is not None else b""
    request = Request(method, path, {"api-version": version}, {}, raw, world.base, by_hand(world))
    response = dispatch.handle(world.engine, request)
    if response.status >= 400:
        error = response.body.get("error", response.body) if isinstance(response.body, dict) else {}
        raise ArmError(response.status, str(error.get("code")), str(error.get("message")))
    return response


def _any(world: World, wish: JsonObject) -> JsonObject:
    """Any ARM call as the human Owner: {"method", "path", "apiVersion", "body"}."""
    version = str(wish.get("apiVersion", "2024-01-01"))
    response = _call(world, str(wish["method"]).upper(), str(wish["path"]), version, wish.get("body"))
    return {"status": response.status, "id": wish["path"], "body": response.body}


def _model_registered(world: World, wish: JsonObject) -> JsonObject:
    """A model version is registered in a workspace: {"workspace", "model", "version", "tags", "properties"}. It is
    there to be read afterwards, in place of one that was there."""
    workspace = _workspace(world, wish)
    model, version = str(wish["model"]), str(wish.get("version", "1"))
    said = {"tags": dict(wish.get("tags") or {}), "properties": dict(wish.get("properties") or {})}
    world.engine.delete(f"{workspace.id}/models/{model}/versions/{version}")
    made = models.registered(world.engine, workspace.id, model, said, version)
    return {"status": 202, "id": workspace.id, "model": made.id}


def _workspace(world: World, wish: JsonObject) -> Resource:
    named = [one for one in world.engine.all_of(ML) if str(wish["workspace"]).lower() in (one.key, one.name.lower())]
    return _one(named, f"workspace {wish['workspace']}")


def _event(world: World, wish: JsonObject) -> JsonObject:
    """Any event of a resource: {"topic", "eventType", "subject", "data"}."""
    topic = world.engine.get(str(wish["topic"]))
    if topic is None:
        raise ArmError(404, "NotClear", f"{wish['topic']} does not exist")
    world.engine.emit(topic.id, str(wish["eventType"]), str(wish.get("subject", "")), dict(wish.get("data") or {}))
    return {"status": 202, "id": topic.id}


def _traffic(world: World, wish: JsonObject) -> JsonObject:
    """What calls an online endpoint gets from now on: {"workspace", "endpoint", and fields of traffic.FIELDS}; of an
    endpoint without calls a hundred a minute where nothing else is said."""
    named = [
        one for one in world.engine.all_of(ENDPOINT) if str(wish["endpoint"]).lower() in (one.key, one.name.lower())
    ]
    if workspace := str(wish.get("workspace") or "").lower():
        named = [one for one in named if f"/workspaces/{workspace}/" in one.key or one.key.startswith(workspace + "/")]
    endpoint = _one(named, f"online endpoint {wish['endpoint']}")
    changes = {name: value for name, value in wish.items() if name not in ("kind", "workspace", "endpoint")}
    if wish["kind"] != "traffic":
        calls = (endpoint.private.get(traffic.TRAFFIC) or {}).get("requestsPerMinute")
        usual = {"latencyMs": 2000} if wish["kind"] == "latency" else {"errorShare": 0.2}
        changes = {**({} if calls else {"requestsPerMinute": 100}), **({} if changes else usual), **changes}
    state = traffic.change(world.engine, endpoint, changes)
    return {"status": 200, "id": endpoint.id, "traffic": state}


def _one(found: list[Resource], what: str) -> Resource:
    if len(found) != 1:
        known = ", ".join(one.id for one in found) or "none"
        raise ArmError(404 if not found else 409, "NotClear", f"{what}: found {known}")
    return found[0]


def _public_access(world: World, account: str) -> JsonObject:
    engine = world.engine
    named = [one for one in engine.all_of(STORAGE) if account.lower() in (one.key, one.name.lower())]
    target = _one(named, f"storage account {account}")
    body = {"properties": {"publicNetworkAccess": "Enabled", "networkAcls": {"defaultAction": "Allow"}}}
    response = _call(world, "PATCH", target.id, "2023-05-01", body)
    return {"status": response.status, "id": target.id}


def _delete_link(world: World, zone: str, link: str | None, group: str | None) -> JsonObject:
    engine = world.engine
    zones = [one for one in engine.all_of(ZONE) if zone.lower() in (one.key, one.name.lower())]
    if group:
        zones = [one for one in zones if f"/resourcegroups/{group.lower()}/" in one.key]
    found = _one(zones, f"private DNS zone {zone}")
    links = engine.children(found.id, f"{ZONE}/virtualNetworkLinks")
    if link:
        links = [one for one in links if link.lower() in (one.key, one.name.lower())]
    target = links[0] if links and not link else _one(links, f"link {link} of {found.name}")
    response = _call(world, "DELETE", target.id, "2020-06-01")
    return {"status": response.status, "id": target.id}
