"""What every list and every change of runs, promotions, tasks and their like has in common, as requests see it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from fastapi.responses import JSONResponse, Response

from controlplane.http.answers import page, resource
from controlplane.http.repeats import Once
from controlplane.http.requests import Context, PageQuery
from controlplane.objects.repository import Listed, Versioned
from controlplane.operations.model import Model
from controlplane.operations.paging import Fields, Paging, token_of
from controlplane.operations.preconditions import Preconditions
from controlplane.projects.access import Caller
from controlplane.retraining.services.deps import ModelDeps, Put

L = TypeVar("L", bound=Listed)
V = TypeVar("V", bound=Versioned)
B = TypeVar("B", bound=Model)
Find = Callable[[ModelDeps, Caller, Paging], Awaitable[tuple[tuple[L, ...], str | None]]]
Change = Callable[[ModelDeps, Caller, str, Preconditions], Awaitable[V]]


def plain(found: Model) -> dict[str, Any]:
    """A body that is what it shows."""
    return found.model_dump(mode="json", by_alias=True)


@dataclass(frozen=True, slots=True)
class Listing(Generic[L]):
    """Things of one kind, newest first, a page at a time."""

    path: str
    token: str
    """Begins the continuation, so that one kind's is not taken for another's."""
    fields: Fields
    find: Find[L]
    body: Callable[[L], dict[str, Any]] = plain

    async def page(self, ctx: Context, asked: PageQuery) -> JSONResponse:
        """Raises ``Rejected``: ``InvalidFilter``, ``InvalidContinuation``."""
        paging = asked.paging(self.token, self.fields)
        found, last = await self.find(ctx.services.for_models(), ctx.caller, paging)
        return page(ctx, self.path, [self.body(one) for one in found], token_of(self.token, last), asked)


@dataclass(frozen=True, slots=True)
class Answers(Generic[V]):
    """A thing that people may change, beside its id and its ETag."""

    path: str
    name: str

    def body(self, found: V) -> dict[str, Any]:
        """As lists show it, too."""
        return {"id": f"{self.path}/{found.id}", "etag": found.etag, self.name: plain(found)}

    def answer(self, found: V) -> JSONResponse:
        """With its ETag in the header."""
        return resource(self.body(found))

    async def change(self, ctx: Context, once: Once, asked: str, say: Change[V]) -> Response:
        """What ``say`` makes of it, once for a repeated request. Raises what ``say`` raises."""

        async def work() -> Response:
            found = await say(ctx.services.for_models(), ctx.caller, asked, once.conditions)
            once.project = found.project
            return self.answer(found)

        return await once.do(work)


async def put(once: Once, work: Callable[[], Awaitable[Put[B]]]) -> Response:
    """201 or 200 with what stands now. Raises what ``work`` raises."""

    async def answered() -> Response:
        done = await work()
        once.project = done.project
        return resource(plain(done.body), 201 if done.created else 200)

    return await once.do(answered)


async def removed(once: Once, work: Callable[[], Awaitable[object]]) -> Response:
    """204, as well where nothing was. Raises what ``work`` raises."""

    async def answered() -> Response:
        await work()
        return Response(status_code=204)

    return await once.do(answered)
