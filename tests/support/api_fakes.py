"""An Azure that holds what a test of the API put into it, behind the reading protocols; and a queue that keeps all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from controlplane.arm import fold, type_of
from controlplane.errors import Transient
from controlplane.json_types import JsonObject
from controlplane.ports.reader import OperationReading, SubscriptionFacts

SIZES = ("standard_ds3_v2", "standard_ds11_v2", "standard_nc6s_v3")


#: The end of a path → what every workspace has there: the pipeline of the example policy, and what it runs on.
EVERYWHERE: dict[str, JsonObject] = {
    "/components/retrain-churn/versions/3": {
        "properties": {
            "componentSpec": {
                "type": "pipeline",
                "inputs": {name: {"type": "string"} for name in ("begin", "end", "reason")},
            }
        }
    },
    "/computes/cpu": {"properties": {"computeType": "AmlCompute"}},
}


class FakeReader:
    """``ports.reader.ResourceReader`` over a dictionary. ``asked`` are the paths that were read."""

    def __init__(self) -> None:
        self.bodies: dict[str, JsonObject] = {}
        self.asked: list[str] = []
        self.refusing: dict[str, Exception] = {}
        """Folded path → what a read of it raises."""

    def put(self, arm_id: str, **body: Any) -> None:
        """Something that exists."""
        self.bodies[fold(arm_id)] = {"id": arm_id, "name": arm_id.rpartition("/")[2], "type": type_of(arm_id), **body}

    def _ask(self, path: str) -> None:
        self.asked.append(path)
        if fold(path) in self.refusing:
            raise self.refusing[fold(path)]

    async def get(self, path: str, api_version: str) -> JsonObject | None:
        self._ask(path)
        everywhere = next((body for end, body in EVERYWHERE.items() if fold(path).endswith(end)), None)
        return self.bodies.get(fold(path), everywhere)

    async def list(self, path: str, api_version: str, query: Sequence[tuple[str, str]] = ()) -> tuple[JsonObject, ...]:
        """Direct members of the collection."""
        self._ask(path)
        return tuple(body for arm_id, body in self.bodies.items() if arm_id.rpartition("/")[0] == fold(path))

    async def operation(self, url: str) -> OperationReading:
        raise AssertionError("nothing that is tested with this polls operations")


class FakeCatalog:
    """``ports.reader.Catalog``: two regions, three sizes, every subscription but the invisible one."""

    invisible = "99999999-9999-9999-9999-999999999999"

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    async def facts(self, subscription_id: str, location: str) -> SubscriptionFacts:
        self.asked.append((subscription_id, location))
        if subscription_id == self.invisible:
            return SubscriptionFacts(False, frozenset(), {})
        sizes = {size: {"name": size, "restrictions": []} for size in SIZES}
        return SubscriptionFacts(True, frozenset({"westeurope", "northeurope"}), sizes)


class FakeQueue:
    """``ports.store.WorkQueue`` that keeps what was sent."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.is_down = False

    async def send(self, message: str, *, delay_seconds: float = 0.0) -> None:
        if self.is_down:
            raise Transient("QueueUnavailable", "The queue is away.", retry_after=1)
        self.sent.append(message)
