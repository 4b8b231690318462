"""PUT, PATCH, DELETE and actions: the checks in ARM's order, then the change and its first answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.engine import operations, words
from simulator.engine.declaration import Lro, Patch, Preconditions, ResourceType, Words
from simulator.engine.hooks import ArmError, HookContext, JsonObject, Phase, Resource
from simulator.engine.messages import Request, Response
from simulator.engine.operations import Operation, lro_of
from simulator.engine.registry import Target
from simulator.engine.shape import check, location_of, names, patch_body, put_body, settle_body, worded
from simulator.engine.values import clone

if TYPE_CHECKING:
    from simulator.engine.core import Engine

BEING_DELETED = Words(409, "Conflict", "The resource '{name}' is being deleted.")


def put(engine: Engine, request: Request, target: Target) -> Response:
    """PUT or PATCH of one resource."""
    rtype = target.type.for_version(request.api_version)
    existing = engine.get(target.id)
    require_scope(engine, target, rtype, write=True)
    if request.method == "PATCH":
        _patchable(engine, target, rtype, existing)
    sent = request.json()
    values = names(target.id, rtype, str(sent.get("location") or ""), request.api_version)
    refused = _precondition(request, rtype, existing, values)
    if refused is not None and rtype.preconditions is Preconditions.FAIL_LATER and existing is not None:
        return _fail_later(engine, request, rtype, existing, refused)
    if refused is not None:
        raise refused
    engine.check_locks(target.id, "write")
    check(rtype, sent, existing, values, request.method)
    location = location_of(engine, rtype, sent, existing, target.group or "")
    _check_busy(engine, target, rtype, existing, values)
    if request.method == "PATCH" and existing is not None:
        body = patch_body(rtype, sent, existing)
    else:
        body = put_body(rtype, sent, existing, location)
    private = dict(existing.private) if existing is not None else {}
    candidate = Resource(existing.id if existing else target.id, rtype.name, target.name, clone(body), private)
    if existing is not None:
        candidate.name = existing.name
    previous = existing.body if existing is not None else None
    ctx = HookContext(
        engine, candidate, sent, previous, request.caller, request.api_version, request.method, query=request.query,
        headers=request.headers,
    )  # fmt: skip
    settle_body(engine, rtype, ctx)
    engine.run(Phase.VALIDATE, rtype, ctx)
    return _accept(engine, request, target, rtype, ctx)


def _patchable(engine: Engine, target: Target, rtype: ResourceType, existing: Resource | None) -> None:
    if rtype.patch_style is Patch.NONE or "PATCH" not in rtype.methods:
        raise words.method_not_allowed("PATCH", rtype.name)
    if existing is None or existing.hidden:
        raise not_found(engine, target, rtype)


def _accept(engine: Engine, request: Request, target: Target, rtype: ResourceType, ctx: HookContext) -> Response:
    """Store the candidate and start its operation, or finish at once."""
    existing = engine.get(target.id)
    verb = "create" if existing is None else ("patch" if request.method == "PATCH" else "update")
    lro = lro_of(rtype, verb)
    if rtype.identity:
        engine.fill_identity(ctx.resource, ctx.previous)
    if rtype.provisioning_state:
        ctx.resource.properties["provisioningState"] = lro.state if lro.is_long else "Succeeded"
    if existing is None:
        ctx.resource.hidden = lro.hidden and lro.is_long
    else:
        existing.body, existing.private = ctx.resource.body, ctx.resource.private
        ctx.resource = existing
    resource = ctx.resource
    engine.store.add(resource, target.scope)
    if not lro.is_long:
        return _finish_now(engine, request, rtype, ctx, lro)
    started, before = None, resource.operation
    try:
        seconds = lro.seconds(ctx) if callable(lro.seconds) else lro.seconds
        operation = started = operations.start(engine, request, resource, rtype, verb, seconds)
        operation.request, operation.previous = ctx.request, ctx.previous
        resource.operation = operation.id
        engine.run(Phase.ACCEPTED, rtype, ctx)
    except Exception:
        # Refused, or a defect of a hook that is answered 500: either way the write has not happened.
        resource.operation = before
        _undo(engine, resource, ctx.previous, started)
        raise
    engine.renew(resource)
    engine.operations.save(operation)
    engine.schedule_end(operation)
    response = operations.first_answer(engine, request, operation, resource, rtype)
    _etag(response, resource, rtype)
    return response


def _finish_now(engine: Engine, request: Request, rtype: ResourceType, ctx: HookContext, lro: Lro) -> Response:
    """A synchronous write: what a hook refuses here is undone and refused."""
    resource = ctx.resource
    try:
        if request.failure is not None:
            raise request.failure
        engine.run(Phase.ACCEPTED, rtype, ctx)
        engine.run(Phase.COMPLETED, rtype, ctx)
    except Exception:
        _undo(engine, resource, ctx.previous, None)
        raise
    engine.renew(resource)
    response = operations.rendered(engine, lro.status, lro.body, resource, rtype, None)
    if ctx.creating and rtype.null_at_first and isinstance(response.body, dict):
        response.body["properties"].update(dict.fromkeys(rtype.null_at_first))
    values = names(resource.id, rtype, resource.location, request.api_version)
    response.headers.update({name: text.format_map(values) for name, text in lro.headers.items()})
    response.resource = resource.key
    _etag(response, resource, rtype)
    return response


def _undo(engine: Engine, resource: Resource, previous: JsonObject | None, operation: Operation | None) -> None:
    """Takes a write back that was not accepted after all, with the operation that it began."""
    if operation is not None:
        engine.operations.discard(operation)
    if previous is None:
        for below in engine.store.children(resource.id):
            engine.delete(below.id)
        engine.store.remove(resource.key)
    else:
        resource.body = previous
        engine.store.touch(resource)


def _etag(response: Response, resource: Resource, rtype: ResourceType) -> None:
    if rtype.etag is not None and rtype.etag.in_put_header:
        response.headers["etag"] = rtype.etag.form.format(guid=resource.etag)


def _fail_later(
    engine: Engine, request: Request, rtype: ResourceType, existing: Resource, refused: ArmError
) -> Response:
    """Accepted like any update; the operation ends Failed and the resource is not touched."""
    lro = rtype.create
    seconds = 0.0 if callable(lro.seconds) else lro.seconds
    operation = operations.start(engine, request, existing, rtype, "create", seconds)
    operation.failure = {"status": refused.status, "code": refused.code, "message": refused.message}
    engine.operations.save(operation)
    engine.schedule_end(operation)
    return operations.first_answer(engine, request, operation, existing, rtype)


def _precondition(
    request: Request, rtype: ResourceType, existing: Resource | None, values: dict[str, str]
) -> ArmError | None:
    """The refusal that If-Match or If-None-Match asks for, if any."""
    if rtype.preconditions is Preconditions.IGNORE:
        return None
    if request.headers.get("if-none-match") == "*" and existing is not None:
        return worded(rtype.precondition_exists, values, envelope=rtype.error_envelope)
    wanted = request.headers.get("if-match")
    if not wanted:
        return None
    if existing is None or (wanted != "*" and _bare(wanted) != existing.etag):
        return worded(rtype.precondition_changed, values, envelope=rtype.error_envelope)
    return None


def _bare(etag: str) -> str:
    return etag.removeprefix("W/").strip('"')


def _check_busy(
    engine: Engine, target: Target, rtype: ResourceType, existing: Resource | None, values: dict[str, str]
) -> None:
    """409 in the provider's way while another operation runs in the type's `busy_scope`."""
    if existing is not None:
        running = engine.operations.running_on(existing)
        if running is not None and running.verb == "delete":
            raise worded(rtype.busy or BEING_DELETED, values, envelope=rtype.error_envelope)
    if rtype.busy is None:
        return
    blocking = [existing] if existing is not None else []
    if rtype.busy_scope == "children" and existing is not None:
        blocking += engine.store.children(existing.id)
    elif rtype.busy_scope == "parent":
        parent = engine.get(target.scope)
        blocking += ([parent] if parent is not None else []) + engine.store.children(target.scope)
    for resource in blocking:
        if resource.operation is not None and engine.operations.running_on(resource) is not None:
            raise worded(rtype.busy, values, envelope=rtype.error_envelope)


def delete(engine: Engine, request: Request, target: Target) -> Response:
    """DELETE: 204 where nothing is; a second DELETE while the first runs answers like the first."""
    rtype = target.type.for_version(request.api_version)
    existing = engine.get(target.id)
    if target.group is not None and engine.get(_group_id(target)) is None:
        raise words.group_not_found(target.group)
    if existing is None:
        return Response(rtype.delete_missing, None, content_type=None)
    running = engine.operations.running_on(existing)
    if running is not None and running.verb == "delete":
        return operations.first_answer(engine, request, running, existing, rtype)
    values = names(existing.id, rtype, existing.location, request.api_version)
    refused = _precondition(request, rtype, existing, values)
    if refused is not None and request.headers.get("if-match"):
        raise refused
    engine.check_locks(existing.id, "delete")
    _check_busy(engine, target, rtype, existing, values)
    ctx = HookContext(
        engine, existing, {}, existing.body, request.caller, request.api_version, "DELETE", query=request.query
    )
    engine.run(Phase.DELETING, rtype, ctx)
    lro = rtype.delete
    if not lro.is_long:
        if request.failure is not None:
            raise request.failure
        engine.run(Phase.DELETE_ACCEPTED, rtype, ctx)
        response = operations.rendered(engine, lro.status, lro.body, existing, rtype, None)
        engine.remove(existing, request.caller, request.api_version)
        response.resource = existing.key
        return response
    return _start_delete(engine, request, rtype, ctx, lro)


def _start_delete(engine: Engine, request: Request, rtype: ResourceType, ctx: HookContext, lro: Lro) -> Response:
    existing = ctx.resource
    seconds = lro.seconds(ctx) if callable(lro.seconds) else lro.seconds
    operation: Operation = operations.start(engine, request, existing, rtype, "delete", seconds)
    before, existing.operation = clone(existing.body), operation.id
    if rtype.provisioning_state:
        existing.properties["provisioningState"] = "Deleting"
    try:
        engine.run(Phase.DELETE_ACCEPTED, rtype, ctx)
    except Exception:
        existing.operation = None
        _undo(engine, existing, before, operation)
        raise
    engine.renew(existing)
    engine.schedule_end(operation)
    return operations.first_answer(engine, request, operation, existing, rtype)


def act(engine: Engine, request: Request, target: Target) -> Response:
    """POST (or GET) of an action on a resource."""
    action = target.action
    assert action is not None
    rtype = target.type.for_version(request.api_version)
    existing = engine.get(target.id)
    if existing is None or existing.hidden:
        require_scope(engine, target, rtype, write=False)
        raise not_found(engine, target, rtype)
    sent: JsonObject = request.json() if request.body else {}
    ctx = HookContext(
        engine, existing, sent, existing.body, request.caller, request.api_version, request.method, query=request.query
    )
    if action.long is None:
        answer = action.run(ctx)
        response = Response(answer.status, answer.body, dict(answer.headers))
        response.resource = existing.key
        return response
    lro: Lro = action.long
    values = names(existing.id, rtype, existing.location, request.api_version)
    _check_busy(engine, target, rtype, existing, values)
    seconds = lro.seconds(ctx) if callable(lro.seconds) else lro.seconds
    operation = operations.start(engine, request, existing, rtype, f"action:{action.name}", seconds)
    operation.request = sent
    existing.operation = operation.id
    engine.operations.save(operation)
    engine.store.touch(existing)
    engine.schedule_end(operation)
    return operations.first_answer(engine, request, operation, existing, rtype)


def _group_id(target: Target) -> str:
    return f"/subscriptions/{target.subscription}/resourceGroups/{target.group}"


def require_scope(engine: Engine, target: Target, rtype: ResourceType, *, write: bool) -> None:
    """The group and the parents must exist (404), and a group that is being deleted takes no writes (409)."""
    if target.group is not None and target.id.lower() != _group_id(target).lower():
        group = engine.get(_group_id(target))
        if group is None:
            raise words.group_not_found(target.group)
        if write and group.properties.get("provisioningState") == "Deleting":
            raise words.group_being_deleted(group.name)
    for parent_type, parent_id in target.parents:
        if not rtype.parent_required and parent_type.name == rtype.parent:
            continue
        parent = engine.get(parent_id)
        if parent is None or parent.hidden:
            if rtype.parent_not_found is not None:
                raise worded(rtype.parent_not_found, names(target.id or parent_id, parent_type, "", ""))
            raise words.parent_not_found(parent_id.rpartition("/")[2])


def not_found(engine: Engine, target: Target, rtype: ResourceType) -> ArmError:
    """The type's own words, or ARM's ResourceNotFound."""
    if rtype.not_found is not None:
        values = names(target.id, rtype, "", "")
        return worded(rtype.not_found, values, envelope=rtype.error_envelope)
    _, _, tail = target.id.rpartition("/providers/")
    full, _, name = tail.rpartition("/")
    return words.resource_not_found(full, name, target.group or "")
