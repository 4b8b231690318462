"""Reading Azure. The HTTP functions and the sweeps know this protocol and not the writer's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from controlplane.json_types import JsonObject


@dataclass(frozen=True, slots=True)
class OperationReading:
    """What the URL of a long operation answered.

    ``status`` is ``InProgress``, ``Succeeded``, ``Failed``, ``Canceled`` or ``Gone`` (404 or expired: fall back to a
    GET of the resource). ``retry_after`` is seconds until the next poll may be sent; 0 where Azure names none.
    """

    status: str
    retry_after: float = 0.0
    code: str | None = None
    message: str | None = None
    correlation_id: str | None = None


class ResourceReader(Protocol):
    """Reads of every provider, by ARM id. Raises ``Transient`` (429, 5xx, connection), ``Rejected`` (403 and other
    4xx, with ARM's code), ``Fatal`` (``UnexpectedHost``)."""

    async def get(self, path: str, api_version: str) -> JsonObject | None:
        """The body, or None on 404."""
        ...

    async def list(self, path: str, api_version: str, query: Sequence[tuple[str, str]] = ()) -> tuple[JsonObject, ...]:
        """All items, every page; empty on 404 of the parent."""
        ...

    async def operation(self, url: str) -> OperationReading:
        """One poll of a stored ``Azure-AsyncOperation`` or ``Location`` URL."""
        ...


class NewestReader(ResourceReader, Protocol):
    """A reader that can leave a long list after its first page."""

    async def first(self, path: str, api_version: str, query: Sequence[tuple[str, str]] = ()) -> tuple[JsonObject, ...]:
        """The items of the first page; empty on 404 of the parent. Raises as :class:`ResourceReader`."""
        ...


@dataclass(frozen=True, slots=True)
class SubscriptionFacts:
    """What Azure says of a subscription and region. Folded names."""

    visible: bool
    """False: the identity cannot see the subscription."""
    locations: frozenset[str]
    vm_sizes: Mapping[str, JsonObject]
    """Folded size → the entry of ``Microsoft.Compute/skus`` in the asked region; empty when the region is unknown."""


class Catalog(Protocol):
    """Facts about subscriptions that planning needs; answers are cached by the adapter."""

    async def facts(self, subscription_id: str, location: str) -> SubscriptionFacts:
        """Raises as :class:`ResourceReader`; an invisible subscription is an answer, not an error."""
        ...
