"""GET, HEAD and LIST."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.engine import words
from simulator.engine.declaration import ListContext, ResourceType, Scope
from simulator.engine.hooks import HookContext, JsonObject, Resource
from simulator.engine.messages import Request, Response
from simulator.engine.registry import GROUP_TYPE, Target
from simulator.engine.writes import not_found, require_scope

if TYPE_CHECKING:
    from simulator.engine.core import Engine


def get(engine: Engine, request: Request, target: Target) -> Response:
    rtype = target.type.for_version(request.api_version)
    resource = engine.get(target.id)
    if resource is None or resource.hidden:
        if rtype.name == GROUP_TYPE:
            raise words.group_not_found(target.name)
        require_scope(engine, target, rtype, write=False)
        raise not_found(engine, target, rtype)
    body = engine.shown(resource, rtype)
    _expand(engine, request, resource, rtype, body)
    response = Response(200, body, content_type=rtype.json_type, resource=resource.key)
    if rtype.etag is not None and rtype.etag.in_header:
        response.headers["etag"] = rtype.etag.form.format(guid=resource.etag)
    return response


def _expand(engine: Engine, request: Request, resource: Resource, rtype: ResourceType, body: JsonObject) -> None:
    """`$expand=instanceView`: under properties, what the sub-path of that name answers (virtual machines)."""
    wanted = request.query.get("$expand", "").lower()
    for action in rtype.actions:
        if wanted and action.method == "GET" and action.name.lower() == wanted:
            ctx = HookContext(engine, resource, {}, resource.body, request.caller, request.api_version, "GET")
            body["properties"] = {**(body.get("properties") or {}), action.name: action.run(ctx).body}


def head(engine: Engine, request: Request, target: Target) -> Response:
    """204 when it exists, 404 when not, no body either way."""
    resource = engine.get(target.id)
    found = resource is not None and not resource.hidden
    return Response(204 if found else 404, None, content_type=None, resource=target.key)


def list_(engine: Engine, request: Request, target: Target) -> Response:
    """A collection, paged by `engine.page_size`; `nextLink` is the same URL with a `$skiptoken`."""
    rtype = target.type.for_version(request.api_version)
    if rtype.collection is not None:
        require_scope(engine, target, rtype, write=False)
        answer = rtype.collection(ListContext(engine, rtype, target.scope, request.query, request.caller))
        return Response(answer.status, answer.body, dict(answer.headers), content_type=rtype.json_type)
    if rtype.lister is not None:
        require_scope(engine, target, rtype, write=False)
        context = ListContext(engine, rtype, target.scope, request.query, request.caller)
        found = rtype.lister(context)
    else:
        found = _collection(engine, target, rtype)
    start = int(request.query.get("$skiptoken") or request.query.get("$skipToken") or 0)
    size = _page_size(engine, request)
    page = [engine.shown(one, rtype) for one in found[start : start + size] if not one.hidden]
    body = {"value": page, **rtype.list_extra}
    if start + size < len(found):
        query = {name: value for name, value in request.query.items() if name.lower() != "$skiptoken"}
        body["nextLink"] = request.url(request.path, {**query, "$skiptoken": str(start + size)})
    return Response(200, body, content_type=rtype.json_type)


def _page_size(engine: Engine, request: Request) -> int:
    top = request.query.get("$top")
    size: int = engine.page_size
    return max(1, min(size, int(top))) if top and top.isdigit() else size


def _collection(engine: Engine, target: Target, rtype: ResourceType) -> list[Resource]:
    require_scope(engine, target, rtype, write=False)
    if rtype.kind is Scope.GROUP and target.group is None:
        if not rtype.list_by_subscription:
            raise words.method_not_allowed("GET", rtype.name)
        return engine.all_of(rtype.name, target.scope)
    if rtype.name == GROUP_TYPE:
        return engine.all_of(GROUP_TYPE, target.scope)
    return engine.children(target.scope, rtype.name)
