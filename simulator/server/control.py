"""The control endpoints under `/simulator`: loopback only, no authentication, no part of Azure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from simulator import fleet, inject
from simulator.billing import currency
from simulator.billing.query import PAGE, PAGE_KEY
from simulator.engine.hooks import ArmError, JsonObject
from simulator.engine.messages import Request, Response, error_response
from simulator.engine.operations import Operation
from simulator.types.machinelearning import outcomes
from simulator.types.machinelearning.endpoint_rules import QUOTA, QUOTA_KEY
from simulator.types.machinelearning.pipelines import HIDDEN_STEPS

if TYPE_CHECKING:
    from simulator.server.app import Simulator

#: The seeded principals that tests ask for.
SEEDED = ("owner", "observer", "operator", "archiver", "data-scientist")
LOOPBACK = ("127.", "::1", "localhost", "::ffff:127.")
NAMES = frozenset(("localhost", "127.0.0.1", "::1"))


def handle(simulator: Simulator, request: Request, client: str) -> Response:
    """Answer one control call; errors are `{"error": {"code", "message"}}` with 400, 403 or 404."""
    if client and not client.startswith(LOOPBACK):
        return _refused("LoopbackOnly", "Control endpoints answer on loopback only.")
    if _is_of_a_web_page(request):
        return _refused("NotForBrowsers", "Control endpoints do not answer what a web page asks for.")
    simulator.world.settle()
    try:
        response = _route(simulator, request)
    except ArmError as error:
        response = error_response(error)
    except (ValueError, KeyError, TypeError) as error:
        response = Response(400, {"error": {"code": "BadControlRequest", "message": f"{error}"}})
    simulator.world.store.flush()
    simulator.grid.work()
    simulator.alerting.work()
    return response


def _is_of_a_web_page(request: Request) -> bool:
    """A page may send simple requests to any address without asking (CSRF), and may have its own name resolved to
    this one (DNS rebinding); browsers tell of the first by Origin or Sec-Fetch-Site, and of the second by Host."""
    try:
        name = urlsplit(request.base).hostname
    except ValueError:
        name = None
    foreign = request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin")
    return foreign or name not in NAMES or request.headers.get("origin", request.base) != request.base


def _refused(code: str, message: str) -> Response:
    return Response(403, {"error": {"code": code, "message": message}})


def _route(simulator: Simulator, request: Request) -> Response:
    world, recorder = simulator.world, simulator.recorder
    sent: Any = _sent(request)
    match request.method, request.path.removeprefix("/simulator").strip("/"):
        case "POST", "tokens":
            return Response(200, world.tokens.custom(sent))
        case "POST", "tokens/expire":
            return Response(200, {"expired": world.tokens.expire(str(world.seeded(str(sent["principal"]))["id"]))})
        case "POST", "keys/rotate":
            world.tokens.forget()
            return Response(200, {"kid": world.keys.rotate(forget_old=bool(sent.get("forgetOld")))})
        case "POST", "inject":
            return Response(200, inject.perform(simulator, sent))
        case "POST", "reset":
            world.reset(sent.get("seed"), sent.get("timeScale"))
            recorder.forget()
            simulator.grid.forget()
            simulator.alerting.forget()
            simulator.clock.reset()
            simulator.disturb([])
            simulator.on_environment()
            return Response(200, _settings(simulator))
        case "GET", "calls":
            return Response(200, {"value": recorder.listed(request.query)})
        case "DELETE", "calls":
            recorder.clear()
            return Response(204, None, content_type=None)
        case "GET", "state":
            return Response(200, _state(simulator, request.query))
        case "GET", "rights":
            return Response(200, {name: _rights(simulator, name) for name in SEEDED})
        case "GET", "operations":
            return Response(200, {"value": [_operation(one) for one in world.engine.operations.all()]})
        case "GET", "settings":
            return Response(200, _settings(simulator))
        case (("PATCH" | "POST"), "settings"):
            return Response(200, _change(simulator, sent))
        case "GET", "hooks":
            switches = world.engine.switches
            return Response(200, {name: switches.on(name) for name in switches.names()})
        case "POST", "hooks":
            return Response(200, {"off": world.engine.switches.turn({name: bool(on) for name, on in sent.items()})})
        case "GET", "faults":
            return Response(200, {"rules": simulator.faults.listed()})
        case "PUT", "faults":
            simulator.disturb(sent)
            return Response(200, {"rules": simulator.faults.listed()})
    return _happening(simulator, request, sent)


def _happening(simulator: Simulator, request: Request, sent: Any) -> Response:
    """What goes on by itself: outcomes of jobs, deliveries, alerts, the product's clock."""
    world = simulator.world
    match request.method, request.path.removeprefix("/simulator").strip("/"):
        case "GET", "outcomes":
            return Response(200, {"value": outcomes.listed(world.engine)})
        case "PUT", "outcomes":
            outcomes.replace(world.engine, sent)
            return Response(200, {"value": outcomes.listed(world.engine)})
        case "GET", "eventgrid":
            return Response(200, simulator.grid.listed())
        case "GET", "alerts":
            return Response(200, simulator.alerting.listed())
        case "POST", "alerts":
            return Response(200, simulator.alerting.fire(sent))
        case "GET", "clock":
            return Response(200, simulator.clock.shown())
        case "PUT", "clock":
            if isinstance(sent, dict) and sent.get("azure"):
                world.leap(float(sent.get("advanceSeconds", 0)))
            return Response(200, simulator.clock.change(sent))
        case "POST", "fleet":
            return Response(200, fleet.grow(world, sent))
        case "GET", "health":
            return Response(200, {"status": "ok"})
    raise ArmError(404, "NoSuchControlEndpoint", f"{request.method} {request.path}")


def _sent(request: Request) -> Any:
    if not request.body:
        return {}
    return json.loads(request.body)


def _rights(simulator: Simulator, name: str) -> JsonObject:
    """The actions that a seeded principal was allowed since the last reset, and those that it was refused."""
    world = simulator.world
    return {how: sorted(found) for how, found in world.rights.asked_for(world.seeded(name)["id"]).items()}


def _settings(simulator: Simulator) -> JsonObject:
    world = simulator.world
    return {
        "seed": world.engine.seed,
        "timeScale": world.engine.scale,
        "pageSize": world.engine.page_size,
        "throttling": world.buckets.enabled,
        "strictReplication": bool(world.store.kv.get("strict_replication")),
        "currency": currency.currency(world.store),
        "costPageSize": int(world.store.kv.get(PAGE_KEY, PAGE)),
        "endpointCores": int(world.store.kv.get(QUOTA_KEY, QUOTA)),
        "stepsInArm": not world.store.kv.get(HIDDEN_STEPS),
        "environment": world.environment(),
        "principals": {name: world.seeded(name)["id"] for name in SEEDED},
        "types": sorted(declared.name for declared in world.registry.types.values()),
        "runningOperations": world.engine.operations.running(),
    }


def _change(simulator: Simulator, sent: JsonObject) -> JsonObject:
    """`timeScale` holds for what starts from now on; what runs keeps its end."""
    world = simulator.world
    for key, value in sent.items():
        match key:
            case "timeScale":
                world.engine.scale = world.buckets.scale = float(value)
            case "pageSize":
                world.engine.page_size = int(value)
            case "throttling":
                world.buckets.enabled = world.engine.ledger.quota.enabled = bool(value)
            case "currency":
                currency.choose(world.store, str(value))
            case "costPageSize":
                world.store.set(PAGE_KEY, max(1, int(value)))
            case "strictReplication":
                world.store.set("strict_replication", bool(value))
            case "endpointCores":
                world.store.set(QUOTA_KEY, int(value))
            case "stepsInArm":
                world.store.set(HIDDEN_STEPS, not value)
            case _:
                raise ValueError(f"unknown setting {key}")
    return _settings(simulator)


def _operation(operation: Operation) -> JsonObject:
    """What a benchmark needs: how long Azure took. Times are seconds since the epoch."""
    return {
        "resourceId": operation.resource_id,
        "type": operation.type,
        "verb": operation.verb,
        "status": operation.status,
        "started": operation.started,
        "due": operation.due,
    }


def _state(simulator: Simulator, query: dict[str, str]) -> JsonObject:
    """Every resource id and its body; built-in role definitions left out. `under` is a prefix of ids."""
    under = query.get("under", "").lower()
    engine = simulator.world.engine
    found = {}
    for resource in list(engine.store.resources.values()):
        if resource.type == "Microsoft.Authorization/roleDefinitions" and resource.id.startswith("/providers/"):
            continue
        if resource.key.startswith(under):
            found[resource.id] = engine.shown(resource, engine.registry.type(resource.type))
    return {"value": found}
