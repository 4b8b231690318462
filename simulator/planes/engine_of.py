"""The engine behind a hook, a list or a route, as the planes know it."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from simulator.engine.declaration import HookContext, ListContext

if TYPE_CHECKING:
    from simulator.engine.core import Engine


def engine_of(ctx: HookContext | ListContext) -> Engine:
    """Declarations know a narrower protocol."""
    return cast("Engine", ctx.engine)
