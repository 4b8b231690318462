"""One call to ARM: version, operation URLs, routes, resolution, authorisation, verb. Never raises ArmError."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from simulator.engine import linked, operations, reads, words, writes
from simulator.engine.declaration import ResourceType, Route, RouteContext
from simulator.engine.hooks import ArmError
from simulator.engine.messages import Request, Response, error_response
from simulator.engine.registry import GROUP_TYPE, Target

if TYPE_CHECKING:
    from simulator.engine.core import Engine

VERSION = re.compile(r"20\d\d-\d\d-\d\d(-preview|-privatepreview|-alpha|-beta)?", re.IGNORECASE)
ARM_VERSIONS = ("2025-04-01", "2024-11-01", "2022-09-01", "2021-04-01", "2020-06-01", "2019-10-01", "2015-11-01")
VERBS = {"GET": "read", "HEAD": "read", "PUT": "write", "PATCH": "write", "DELETE": "delete"}
WRITES = frozenset({"PUT", "PATCH", "POST"})


def handle(engine: Engine, request: Request) -> Response:
    """The answer to a call whose caller is known. Due events must have been settled."""
    try:
        response = _handle(engine, request)
    except ArmError as error:
        response = error_response(error)
    engine.activity.answered(request, response)
    return response


def _handle(engine: Engine, request: Request) -> Response:
    path = request.path
    subscription = _subscription(path)
    if subscription is not None:
        engine.authority.require_subscription(request.caller, subscription)
    if request.method == "GET" and (polled := engine.operations.at(path, request.query)):
        operation, location = polled
        _authorise(engine, request, *permission_of_url(path))
        return operations.poll(engine, request, operation, location=location)
    version = request.api_version
    if not version:
        raise words.missing_api_version()
    if not VERSION.fullmatch(version):
        raise words.invalid_api_version(version, ARM_VERSIONS)
    if found := engine.registry.route(request.method, path):
        return _route(engine, request, *found)
    namespace = _namespace(path)
    if namespace and subscription and request.method in WRITES and not engine.is_registered(subscription, namespace):
        raise words.missing_registration(engine.registry.namespaces.get(namespace.lower(), namespace))
    target = engine.registry.resolve(path, request.method, version, engine.stored_id)
    _check_version(engine, target, version)
    _authorise(engine, request, permission(target, request.method), target.id or target.scope, target)
    if target.kind == "resource" and request.method in ("PUT", "PATCH"):
        linked.check(engine, request, target)
    if request.lag is not None and request.method in ("GET", "HEAD"):
        with engine.store.as_of(engine.clock() - request.lag):
            return _verb(engine, request, target)
    return _verb(engine, request, target)


def _verb(engine: Engine, request: Request, target: Target) -> Response:
    method, allowed = request.method, target.type.methods
    if target.kind == "action":
        return writes.act(engine, request, target)
    if target.kind == "collection":
        if method != "GET" or "LIST" not in allowed:
            raise words.method_not_allowed(method, target.type.name)
        return reads.list_(engine, request, target)
    if method not in allowed:
        raise words.method_not_allowed(method, target.type.name)
    match method:
        case "GET":
            return reads.get(engine, request, target)
        case "HEAD":
            return reads.head(engine, request, target)
        case "PUT" | "PATCH":
            return writes.put(engine, request, target)
        case "DELETE":
            return writes.delete(engine, request, target)
    raise words.method_not_allowed(method, target.type.name)


def _route(engine: Engine, request: Request, route: Route, params: dict[str, str]) -> Response:
    scope = route.scope.format_map(params)
    if route.permission:
        _authorise(engine, request, route.permission.format_map(params), scope)
    sent = request.json() if request.body else {}
    context = RouteContext(
        engine, request.caller, request.method, request.path, params, request.query, sent, request.api_version,
        request.base,
    )  # fmt: skip
    answer = route.run(context)
    response = Response(answer.status, answer.body, dict(answer.headers))
    if answer.body is None:
        response.content_type = None
    return response


def permission(target: Target, method: str) -> str:
    """The action that RBAC is asked for."""
    prefix = target.type.permission or target.type.name
    if target.action is not None:
        default = f"{prefix}/{target.action.name}/{'action' if method == 'POST' else 'read'}"
        return target.action.permission or default
    return f"{prefix}/{VERBS.get(method, 'action')}"


def permission_of_url(path: str) -> tuple[str, str]:
    """(action, scope) for a GET of a path that is no resource: ARM takes the words of the URL for the type, also for
    whoever started the operation there.

    Sources: github.com/Azure/mpf/issues/62 (`registries/operationStatuses/read` is needed beside `registries/write`);
    refusals that people quote name `Microsoft.Web/locations/operationResults/read` over the URL's path.
    """
    scope, _, rest = path.rpartition("/providers/")
    if not scope:
        # /subscriptions/{s}/operationresults/{id}
        return f"Microsoft.Resources/subscriptions/{path.split('/')[3].lower()}/read", "/".join(path.split("/")[:3])
    namespace, *segments = rest.split("/")
    return "/".join((namespace, *segments[0::2], "read")), path


def _authorise(engine: Engine, request: Request, action: str, scope: str, target: Target | None = None) -> None:
    """Of a collection ARM names the provider under the scope (MicrosoftDocs/azure-docs#118160 at the root,
    MicrosoftLearning/AZ-104-MicrosoftAzureAdministrator#1083 at a management group)."""
    caller, request.asked = request.caller, (action, scope)
    if not engine.may(caller, action, scope):
        listed = target.type if target is not None and target.kind == "collection" else None
        if listed is not None and listed.parent is None and listed.name != GROUP_TYPE:
            scope = f"{scope}/providers/{listed.namespace}"
        raise words.authorization_failed(caller.name, caller.object_id, action, scope)


def _check_version(engine: Engine, target: Target, version: str) -> None:
    rtype: ResourceType = target.type
    if not rtype.accepts_version(version):
        literal = [one for one in rtype.api_versions if VERSION.fullmatch(one)]
        location = engine.location_near(target.id or target.scope) or "*"
        type_path = rtype.name.partition("/")[2]
        raise words.no_registered_provider(
            location, version, type_path, ", ".join(literal), ", ".join(engine.locations)
        )


def _subscription(path: str) -> str | None:
    parts = path.split("/", 3)
    return parts[2] if len(parts) > 2 and parts[1].lower() == "subscriptions" and parts[2] else None


def _namespace(path: str) -> str | None:
    at = path.lower().rfind("/providers/")
    return path[at + 11 :].partition("/")[0] if at >= 0 else None
