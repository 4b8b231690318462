"""The end of an operation that came due: hooks, the final state, the status."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.engine import operations, words
from simulator.engine.declaration import ResourceType
from simulator.engine.hooks import ArmError, HookContext, Phase
from simulator.engine.operations import Operation

if TYPE_CHECKING:
    from simulator.engine.core import Engine


def finish(engine: Engine, operation: Operation) -> None:
    """An operation came due: hooks, final state, status."""
    rtype = engine.registry.type(operation.type).for_version(operation.api_version)
    resource = engine.get(operation.resource_id)
    failure = operation.failure
    error = ArmError(failure["status"], failure["code"], failure["message"]) if failure else None
    if resource is None or resource.operation != operation.id:
        newer = engine.operations.get(resource.operation) if resource is not None else None
        if error is None and newer is not None and newer.started >= operation.started:
            error = words.superseded(operation.id, newer.id)
            operations.end(engine, operation, error, superseded=True)
        else:
            operations.end(engine, operation, error)
        return
    ctx = HookContext(
        engine, resource, operation.request, operation.previous, operation.who(), operation.api_version,
        {"delete": "DELETE", "patch": "PATCH"}.get(operation.verb, "PUT"),
    )  # fmt: skip
    if operation.verb == "delete" and error is None:
        engine.remove(resource, ctx.caller, ctx.api_version)
    elif operation.verb.startswith("action:"):
        error = _finish_action(operation, rtype, ctx, error)
    elif not operation.extra.get("untouched"):
        error = _finish_write(engine, rtype, ctx, error)
    if engine.get(resource.id) is resource:
        resource.operation, resource.hidden = None, False
        engine.renew(resource)
    operations.end(engine, operation, error)


def _finish_write(engine: Engine, rtype: ResourceType, ctx: HookContext, error: ArmError | None) -> ArmError | None:
    resource = ctx.resource
    if error is None:
        try:
            engine.run(Phase.COMPLETED, rtype, ctx)
        except ArmError as refused:
            error = refused
    if rtype.provisioning_state:
        resource.properties["provisioningState"] = "Succeeded" if error is None else "Failed"
    return error


def _finish_action(
    operation: Operation, rtype: ResourceType, ctx: HookContext, error: ArmError | None
) -> ArmError | None:
    if error is None:
        action = next(a for a in rtype.actions if a.name == operation.verb[7:])
        try:
            answer = action.run(ctx)
            operation.result = [answer.status, answer.body]
        except ArmError as refused:
            error = refused
    return error
