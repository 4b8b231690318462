"""Long operations: starting one, its first answer, its polls, its end."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from simulator.engine.declaration import Body, Lro, Poll, ResourceType, Style
from simulator.engine.hooks import ArmError, Caller, JsonObject, Resource
from simulator.engine.messages import JSON, Request, Response
from simulator.engine.shape import names
from simulator.engine.values import b64, stamp, template

if TYPE_CHECKING:
    from simulator.engine.core import Engine

RUNNING, SUCCEEDED, FAILED, CANCELED = "InProgress", "Succeeded", "Failed", "Canceled"


@dataclass
class Operation:
    """One accepted request that takes time. `verb`: create | update | patch | delete | action:<name>."""

    id: str
    verb: str
    resource_id: str
    type: str
    api_version: str
    started: float
    due: float
    caller: JsonObject
    request: JsonObject
    values: dict[str, str]
    previous: JsonObject | None = None
    status: str = RUNNING
    error: JsonObject | None = None
    error_status: int = 400
    failure: JsonObject | None = None  # forced: {"status", "code", "message"}
    result: Any = None  # of an action: [status, body]
    operation_path: str = ""
    location_path: str = ""
    extra: JsonObject = field(default_factory=dict)

    def who(self) -> Caller:
        data = dict(self.caller)
        return Caller(**{**data, "groups": tuple(data.get("groups", ()))})

    def as_json(self) -> JsonObject:
        return asdict(self)


def lro_of(rtype: ResourceType, verb: str) -> Lro:
    if verb.startswith("action:"):
        found = next(action for action in rtype.actions if action.name == verb[7:])
        assert isinstance(found.long, Lro)
        return found.long
    match verb:
        case "create":
            return rtype.create
        case "patch":
            return rtype.patch or rtype.update
        case "delete":
            return rtype.delete
        case _:
            return rtype.update


def start(
    engine: Engine, request: Request, resource: Resource, rtype: ResourceType, verb: str, seconds: float
) -> Operation:
    """Register an operation on a resource; it becomes due after `seconds` at scale 1."""
    lro = lro_of(rtype, verb)
    number = engine.count(f"operations:{resource.key}")
    guid = engine.guid("operation", resource.key, verb, str(number))
    values = names(resource.id, rtype, resource.location or engine.location_near(resource.id), request.api_version)
    values["guid"] = guid
    values["b64"] = b64(template(lro.operation_id, values))
    now = engine.time()
    operation = Operation(
        id=guid,
        verb=verb,
        resource_id=resource.id,
        type=rtype.name,
        api_version=request.api_version,
        started=now,
        due=now + seconds / engine.scale,
        caller=asdict(request.caller),
        request={},
        values=values,
        operation_path=template(lro.operation_url, values) if lro.style in (Style.ASYNC_OPERATION, Style.BOTH) else "",
        location_path=template(lro.location_url, values) if lro.style in (Style.LOCATION, Style.BOTH) else "",
    )
    if request.failure is not None:
        failed = request.failure
        operation.failure = {"status": failed.status, "code": failed.code, "message": failed.message}
    engine.operations.add(operation)
    return operation


def _query(lro: Lro, operation: Operation, *, location: bool) -> dict[str, str]:
    text = "&".join(part for part in (lro.url_query, lro.location_query if location else "") if part)
    pairs = (pair.partition("=") for pair in template(text, operation.values).split("&") if pair)
    return {**{name: value for name, _, value in pairs}, "api-version": operation.api_version}


def url_headers(lro: Lro, operation: Operation, request: Request) -> dict[str, str]:
    headers: dict[str, str] = {}
    if operation.operation_path:
        url = request.url(operation.operation_path, _query(lro, operation, location=False))
        headers["azure-asyncoperation"] = url
    if operation.location_path:
        headers["location"] = request.url(operation.location_path, _query(lro, operation, location=True))
    return headers


def first_answer(
    engine: Engine, request: Request, operation: Operation, resource: Resource, rtype: ResourceType
) -> Response:
    lro = lro_of(rtype, operation.verb)
    response = rendered(engine, lro.status, lro.body, resource, rtype, operation)
    response.headers.update(url_headers(lro, operation, request))
    response.headers.update(template(dict(lro.headers), {**operation.values, "base": request.base}))
    response.operation, response.resource = operation.id, resource.key
    if lro.style is not Style.RESOURCE:
        _retry_after(engine, response, lro)
    if rtype.namespace == "Microsoft.Network" and lro.style is Style.ASYNC_OPERATION and lro.is_long:
        response.headers["azure-asyncnotification"] = "Enabled"
    return response


def _retry_after(engine: Engine, response: Response, lro: Lro) -> None:
    response.headers.update(engine.retry_headers(lro.retry_after))
    response.retry_after = lro.retry_after / engine.scale


def poll(engine: Engine, request: Request, operation: Operation, *, location: bool) -> Response:
    """The answer at an operation's URL."""
    rtype = engine.registry.type(operation.type).for_version(operation.api_version)
    lro = lro_of(rtype, operation.verb)
    resource = engine.store.resources.get(operation.resource_id.lower())
    match operation.status:
        case "InProgress":
            response = _polled(engine, lro.location_running if location else lro.running, resource, rtype, operation)
            if (lro.location_running if location else lro.running).headers:
                response.headers.update(url_headers(lro, operation, request))
            _retry_after(engine, response, lro)
        case "Failed" | "Canceled" if location:
            error = operation.error or {}
            response = Response(operation.error_status, {"error": error})
        case "Failed" | "Canceled":
            response = Response(lro.failed_status, {"status": operation.status, "error": operation.error})
        case _ if location and operation.result is not None:
            response = Response(operation.result[0], operation.result[1])
        case _:
            answer = lro.location_done if location else lro.done
            response = _polled(engine, answer, resource, rtype, operation)
            if answer.headers:
                response.headers.update(url_headers(lro, operation, request))
    response.operation = operation.id
    return response


def _polled(
    engine: Engine, answer: Poll, resource: Resource | None, rtype: ResourceType, operation: Operation
) -> Response:
    return rendered(engine, answer.status, answer.body, resource, rtype, operation)


def rendered(
    engine: Engine,
    status: int,
    body: Body | JsonObject,
    resource: Resource | None,
    rtype: ResourceType,
    operation: Operation | None,
) -> Response:
    match body:
        case Body.RESOURCE:
            if resource is None:
                return Response(status, None, content_type=None)
            return Response(status, engine.shown(resource, rtype), content_type=rtype.json_type)
        case Body.EMPTY_OBJECT:
            return Response(status, {})
        case Body.EMPTY_TEXT:
            return Response(status, None, content_type="text/plain; charset=utf-8")
        case Body.NULL:
            return Response(status, b"null")
        case Body.EMPTY:
            return Response(status, None, content_type=None)
    values = dict(operation.values) if operation is not None else {}
    if operation is not None:
        values["start"] = stamp(datetime.fromtimestamp(operation.started, UTC))
        values["end"] = stamp(datetime.fromtimestamp(operation.due, UTC))
    return Response(status, template(body, values), content_type=JSON)


class Operations:
    """All operations by id and by the paths of their URLs, kept in the store's `kv`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._by_id: dict[str, Operation] = {}
        self._paths: dict[tuple[str, bool], str] = {}
        for key, value in engine.store.kv.items():
            if key.startswith("operation:"):
                self._index(Operation(**value))

    def _index(self, operation: Operation) -> None:
        self._by_id[operation.id] = operation
        rtype = self._engine.registry.type(operation.type).for_version(operation.api_version)
        lro = lro_of(rtype, operation.verb)
        if operation.operation_path:
            self._paths[(operation.operation_path.lower(), False)] = operation.id
        if operation.location_path:
            self._paths[(operation.location_path.lower(), "monitor" in lro.location_query)] = operation.id

    def add(self, operation: Operation) -> None:
        self._index(operation)
        self.save(operation)

    def discard(self, operation: Operation) -> None:
        """One that never was: its write was refused while it began."""
        self._by_id.pop(operation.id, None)
        self._paths = {key: known for key, known in self._paths.items() if known != operation.id}
        self._engine.store.unset(f"operation:{operation.id}")

    def save(self, operation: Operation) -> None:
        self._engine.store.set(f"operation:{operation.id}", operation.as_json())

    def get(self, operation_id: str | None) -> Operation | None:
        return self._by_id.get(operation_id) if operation_id else None

    def running_on(self, resource: Resource) -> Operation | None:
        found = self.get(resource.operation)
        return found if found is not None and found.status == RUNNING else None

    def all(self) -> list[Operation]:
        """In the order they were accepted."""
        return list(self._by_id.values())

    def running(self) -> int:
        """How many have not ended."""
        return sum(1 for one in self._by_id.values() if one.status == RUNNING)

    def at(self, path: str, query: dict[str, str]) -> tuple[Operation, bool] | None:
        """(operation, is it its Location) for a URL's path."""
        folded = path.rstrip("/").lower()
        for monitor in (True, False) if "monitor" in query else (False,):
            found = self._by_id.get(self._paths.get((folded, monitor), ""))
            if found is not None:
                return found, monitor or found.operation_path.lower() != folded
        return None


def end(engine: Engine, operation: Operation, error: ArmError | None, *, superseded: bool = False) -> None:
    """Set the terminal status; the resource has been dealt with. What was sent is no longer needed."""
    operation.request, operation.previous = {}, None
    operation.status = SUCCEEDED if error is None else FAILED
    if superseded:
        operation.status = CANCELED
    if error is not None:
        operation.error = error.body().get("error", error.body())
        operation.error_status = error.status
    engine.operations.save(operation)
    engine.activity.ended(operation)
