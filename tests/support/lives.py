"""An example's life in virtual time, with what can be said of it: the way it took, what is left of it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from controlplane.arm import fold, is_within
from controlplane.operations.model import Operation
from tests.support.blueprints import example
from tests.support.quiet_product import QuietProduct

#: Seconds at scale 1 (simulator: Retry-After of long operations).
RETRY_AFTER = 10.0


@dataclass(frozen=True, slots=True)
class Creation:
    """How long a creation took, and how long Azure alone would have: seconds of virtual time."""

    operation: Operation
    wall: float
    path: float

    @property
    def ratio(self) -> float:
        return self.wall / self.path


def created(product: QuietProduct, name: str) -> Creation:
    """Creates an example. The path is the longest way through the blueprint when each resource takes what Azure took
    for it, rounded up to the next multiple of its Retry-After: nobody who polls as told can be faster."""
    operation = product.create(example(name))
    assert operation.ended_at is not None
    wall = (operation.ended_at - operation.created_at).total_seconds()
    return Creation(operation, wall, _path(product))


def _path(product: QuietProduct) -> float:
    took = {
        fold(one.resource_id): one.due - one.started
        for one in product.azure.engine.operations.all()
        if one.verb == "create"
    }
    took |= {
        fold(f"{one.resource_id}/managedNetworks/default"): one.due - one.started
        for one in product.azure.engine.operations.all()
        if one.verb == "action:provisionManagedNetwork"
    }
    ids, ends = product.ids(), dict[str, float]()
    for resource in product.blueprint().resources:
        seconds = took.get(fold(ids.get(resource.key, "")), 0.0)
        before = max((ends[key] for key in resource.depends_on), default=0.0)
        # A hair below a multiple is that multiple: durations are floating-point differences of times.
        ends[resource.key] = before + math.ceil(seconds / RETRY_AFTER - 1e-3) * RETRY_AFTER
    return max(ends.values())


def written(product: QuietProduct) -> list[tuple[str, str, str]]:
    """What the product's operator has written so far."""
    return [call for call in product.azure.writes if call[0] == "operator"]


def left(product: QuietProduct, scope: str) -> list[str]:
    """Ids of what is still in a group or a subscription."""
    return sorted(one.id for one in product.azure.engine.store.resources.values() if is_within(one.id, scope))
