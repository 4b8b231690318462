"""A window of a monitor that nobody told of, as a poll finds it: recorded in its model's row, in one commit.

A window without a breach makes no signal, for there is nothing to decide; that it is clear, or that nobody knows, the
next breach is judged by.
"""

from __future__ import annotations

from controlplane.errors import Conflict, Transient
from controlplane.objects.repository import Objects, put
from controlplane.retraining.history import with_window
from controlplane.retraining.known import Known
from controlplane.retraining.model import ModelState, Window, WindowVerdict, state_id

_TRIES = 10


async def record_window(objects: Objects, found: Known, model: str, window: Window) -> bool:
    """Whether it was news. A breach is refused: it has to be decided, which a signal does. Raises ``Transient``, and
    ``ValueError`` for a breach."""
    if window.verdict is WindowVerdict.BREACH:
        raise ValueError("A breach is taken as a signal.")
    for _ in range(_TRIES):
        stored = await objects.get(ModelState, state_id(found.name, model))
        before = stored.value if stored is not None else None
        mine = before is not None and before.incarnation == found.record.incarnation
        after = with_window(before if mine and before is not None else fresh_state(found, model), window)
        if after == before:
            return False
        try:
            await objects.commit(put(stored, after))
        except Conflict:
            continue
        return True
    raise Transient("ConcurrentChange", "The model's row keeps changing.", retry_after=1.0)


def fresh_state(found: Known, model: str) -> ModelState:
    """A model of which nothing is known; what was known of it in an earlier workspace of this name does not count."""
    return ModelState(
        id=state_id(found.name, model),
        workspace=found.name,
        incarnation=found.record.incarnation,
        project=found.record.project,
        model=model,
    )
