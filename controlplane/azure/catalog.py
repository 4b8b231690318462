"""Facts about a subscription and region that planning needs. Implements ``ports.reader.Catalog``."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from controlplane.arm import subscription_id as subscription_path
from controlplane.azure.arm_client import ArmClient
from controlplane.azure.reader import ArmReader
from controlplane.errors import Rejected
from controlplane.json_types import JsonObject
from controlplane.ports.reader import NewestReader, SubscriptionFacts

SUBSCRIPTIONS_VERSION = "2022-12-01"
SKUS_VERSION = "2021-07-01"
#: Regions and sizes change over weeks; a subscription that becomes visible is looked at again sooner.
CACHE_SECONDS = 3600.0
INVISIBLE_CACHE_SECONDS = 60.0

_INVISIBLE = SubscriptionFacts(visible=False, locations=frozenset(), vm_sizes={})


class AzureCatalog:
    """See the protocol. Answers are kept in this process; simultaneous questions for the same facts are asked once."""

    def __init__(
        self,
        client: ArmClient,
        monotonic: Callable[[], float] = time.monotonic,
        gated: Callable[[NewestReader], NewestReader] = lambda reader: reader,
    ) -> None:
        """``gated`` puts something between this and Azure."""
        self._reader = gated(ArmReader(client))
        self._monotonic = monotonic
        self._kept: dict[tuple[str, str], tuple[float, SubscriptionFacts]] = {}
        self._asking: dict[tuple[str, str], asyncio.Lock] = {}

    async def facts(self, subscription_id: str, location: str) -> SubscriptionFacts:
        key = (subscription_id.lower(), location.lower())
        async with self._asking.setdefault(key, asyncio.Lock()):
            until, facts = self._kept.get(key, (0.0, _INVISIBLE))
            if self._monotonic() >= until:
                facts = await self._ask(*key)
                seconds = CACHE_SECONDS if facts.visible else INVISIBLE_CACHE_SECONDS
                self._kept[key] = (self._monotonic() + seconds, facts)
            return facts

    async def _ask(self, subscription: str, location: str) -> SubscriptionFacts:
        path = subscription_path(subscription)
        try:
            found = await self._reader.get(path, SUBSCRIPTIONS_VERSION)
            if found is None:
                return _INVISIBLE
            regions = await self._reader.list(f"{path}/locations", SUBSCRIPTIONS_VERSION)
        except Rejected as error:
            # ARM answers 404 SubscriptionNotFound for a subscription of another tenant, 403 for one without a role.
            if error.status in (403, 404) or error.code == "InvalidSubscriptionId":
                return _INVISIBLE
            raise
        locations = frozenset(str(region["name"]).lower() for region in regions)
        sizes = await self._sizes(path, location) if location in locations else {}
        return SubscriptionFacts(visible=True, locations=locations, vm_sizes=sizes)

    async def _sizes(self, path: str, location: str) -> dict[str, JsonObject]:
        """VM sizes offered there; the list also holds disks, snapshots and hosts."""
        skus = await self._reader.list(
            f"{path}/providers/Microsoft.Compute/skus", SKUS_VERSION, [("$filter", f"location eq '{location}'")]
        )
        return {str(sku["name"]).lower(): sku for sku in skus if sku.get("resourceType") == "virtualMachines"}
