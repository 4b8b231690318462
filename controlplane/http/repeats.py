"""``Repeatability-*`` headers of a write: the same request twice has one effect and one answer."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Header, Request
from fastapi.responses import Response

from controlplane.errors import ControlPlaneError
from controlplane.http.requests import Conditions, Context, Ctx, read_body
from controlplane.operations import repeatability
from controlplane.operations.preconditions import Preconditions
from controlplane.operations.repeatability import FIRST_SENT, REQUEST_ID, RESULT, Answer, Asked, Repeatable
from controlplane.ports.store import Write
from controlplane.projects.access import Permission, Verdict, judge

#: What of an answer's headers belongs to the answer, and not to the connection that brought it.
_HEADERS = ("content-type", "etag", "operation-location", "retry-after")


class Once:
    """One write. Without the headers it is done whenever it is asked."""

    def __init__(self, request: Request, ctx: Context, conditions: Preconditions, key: Repeatable | None) -> None:
        self.conditions = conditions
        """If-Match and If-None-Match of the write."""
        self.project: str | None = None
        """Of what the answer is about, set before it is given; None when it takes a role everywhere to ask."""
        self._request = request
        self._ctx = ctx
        self._store = ctx.services.repository.store
        self._clock = ctx.services.clock
        self._key = key

    @property
    def identity(self) -> str | None:
        """The same for the same request of the same caller, where it is repeatable."""
        return self._key.row if self._key else None

    def remember(self, response: Response) -> tuple[Write, ...]:
        """What has to be in the commit of the effect, so that the effect is never without its answer."""
        if self._key is None:
            return ()
        return repeatability.writes(self._key, self._answer(response), self._clock.now())

    async def do(self, work: Callable[[], Awaitable[Response]]) -> Response:
        """Does it, or answers what it was answered when it was done. What was refused had no effect, and is decided
        anew the next time; so is what the caller may not do any more, which ends in a refusal. Raises what ``work``
        raises, and ``Conflict("RepeatabilityRequestMismatch")``.
        """
        if self._key is None:
            return await work()
        found = await self._earlier(self._key)
        if found is not None:
            return _response(found) if await self._may_hear(found) else await work()
        try:
            response = await work()
        except ControlPlaneError:
            # The same request, sent at the same time, may have been faster: then its answer is ours too.
            found = await self._earlier(self._key)
            if found is None or not await self._may_hear(found):
                raise
            return _response(found)
        answer = self._answer(response)
        return _response(await repeatability.keep_answer(self._store, self._key, answer, self._clock.now()))

    async def _may_hear(self, answer: Answer) -> bool:
        """Whether the caller may do now what was answered: rights may have been withdrawn since."""
        if answer.status == 204:
            return True  # It tells nothing, and doing it anew would delete what has been made since.
        permission = Permission(self._request.scope["route"].operation_id)
        stored = await self._ctx.services.projects.load(answer.project) if answer.project else None
        registration = stored.record.registration if stored else None
        name = self._request.path_params.get("name")
        about = self._request.scope["route"].path.startswith("/api/workspaces/") and name is not None
        workspace = await self._ctx.services.repository.load(str(name)) if about and self._ctx.caller.groups else None
        # The name may be another project's by now, whose personas have no say in this one.
        same = workspace is not None and workspace.record.project == answer.project
        access = workspace.record.spec.get("access") if workspace is not None and same else None
        return judge(self._ctx.caller, permission, registration, access) is Verdict.ALLOWED

    def _answer(self, response: Response) -> Answer:
        headers = {name: response.headers[name] for name in _HEADERS if name in response.headers}
        return Answer(response.status_code, headers, bytes(response.body).decode(), self.project)

    async def _earlier(self, key: Repeatable) -> Answer | None:
        self._request.state.repeatability = "rejected"
        found = await repeatability.find_answer(self._store, key)
        self._request.state.repeatability = "accepted"
        return found


async def _once(
    request: Request,
    ctx: Ctx,
    conditions: Conditions,
    request_id: Annotated[
        str | None,
        Header(
            alias=REQUEST_ID,
            description="A UUID made for this request: sent again with it, the request has one effect and one answer.",
        ),
    ] = None,
    first_sent: Annotated[
        str | None,
        Header(alias=FIRST_SENT, description="When it was first sent, as IMF-fixdate; within the last 24 hours."),
    ] = None,
) -> Once:
    if request_id is not None or first_sent is not None:
        request.state.repeatability = "rejected"
    identity = repeatability.read_headers(request_id, first_sent, ctx.services.clock.now())
    if identity is None:
        return Once(request, ctx, conditions, None)
    asked = Asked(ctx.caller, request.method, request.url.path, await _content(request))
    key = repeatability.repeatable(asked, identity)
    request.state.repeatability = "accepted"
    return Once(request, ctx, conditions, key)


async def _content(request: Request) -> bytes:
    """Query, preconditions and body: whatever decides what the request does."""
    conditions = [request.headers.get(name) for name in ("if-match", "if-none-match")]
    head = json.dumps([sorted(request.query_params.multi_items()), conditions])
    return head.encode() + b"\n" + await read_body(request)


def _response(answer: Answer) -> Response:
    return Response(answer.body.encode(), answer.status, {**answer.headers, RESULT: "accepted"})


Repeat = Annotated[Once, Depends(_once)]
