"""Usage events: every change of what exists ends what was used until then and begins what is used from now on.

The store tells of each change, whatever caused it, so a month that is leapt over is charged for what happened in it, as
of when it happened. Usage is counted in Azure's time and never divided by the time scale: an hour costs an hour.

A record a resource, in the store's small tables under `usage:{id}`, kept when the resource is gone:

    {"id", "type", "location", "open": {meter: Span}, "closed": [Span], "charges": [Charge]}
    Span   [meter, how many at once, from, to or null, shown as, tags, position in the tier]
    Charge [meter or "", quantity, cost, from, to, shown as, tags]
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from simulator.billing import meters
from simulator.billing.prices import known, price
from simulator.billing.quota import Quota
from simulator.engine.hooks import JsonObject, Resource
from simulator.types._shared import parent_id, subscription_of

if TYPE_CHECKING:
    from simulator.engine.core import Engine

KEY, HOOK = "usage:", "usage-is-metered"
#: Meters whose tier counts what is there at once in a subscription.
RANKED = frozenset({"private-dns.zone.month", "monitor.metric-alert.series-month"})
Span = list[Any]


class Ledger:
    """Listens to the store of one engine. `records` gives what was used in a subscription."""

    def __init__(self, engine: Engine) -> None:
        self.engine, self.store = engine, engine.store
        self._of: dict[str, dict[str, JsonObject]] = {}
        self._standing: defaultdict[tuple[str, str], float] = defaultdict(float)
        for key, record in self.store.kv.items():
            if key.startswith(KEY):
                self._index(record)
        self.quota = Quota(engine)
        self.store.on_change = self.changed

    def _index(self, record: JsonObject) -> None:
        subscription = subscription_of(record["id"]).lower()
        self._of.setdefault(subscription, {})[str(record["id"]).lower()] = record
        for meter, span in record["open"].items():
            self._standing[subscription, meter] += span[1]

    def records(self, subscription: str) -> Iterator[JsonObject]:
        yield from list(self._of.get(subscription.lower(), {}).values())

    def revision(self) -> int:
        """Grows with every usage event."""
        return int(self.store.kv.get("usage_events", 0))

    # What happens.

    def changed(self, resource: Resource) -> None:
        """A resource was written, or is gone."""
        kind = resource.type.lower()
        if kind in meters.MAP:
            self._settle(resource)
            above = self.engine.get(parent_id(resource.id)) if kind in meters.ABOUT_PARENT else None
            if above is not None:
                self._settle(above)

    def _settle(self, resource: Resource) -> None:
        here = self.engine.get(resource.id)
        record = self._record_of(resource)
        now: meters.Uses | None = meters.uses(self.engine, here) if here is not None else {}
        if now is None or (record is None and not now) or not self.engine.hook_on(HOOK):
            return
        if record is None:
            record = self._new(resource)
        shown, tags = meters.billed(self.engine, resource)
        known = dict(record["open"])
        same = {m for m, span in known.items() if now.get(m) == span[1] and span[5] == tags}
        if len(same) == len(known) == len(now):
            return
        moment, subscription = self.engine.time(), subscription_of(resource.id).lower()
        for meter in [one for one in known if one not in same]:
            span = record["open"].pop(meter)
            self._standing[subscription, meter] -= span[1]
            if span[2] < moment:
                record["closed"].append([*span[:3], moment, *span[4:]])
        for meter, count in now.items():
            if meter not in same:
                # It keeps its place in the tier when one that came earlier goes.
                position = round(self._standing[subscription, meter]) if meter in RANKED else 0
                record["open"][meter] = [meter, count, moment, None, shown, tags, position]
                self._standing[subscription, meter] += count
        self._keep(record)

    def _record_of(self, resource: Resource) -> JsonObject | None:
        return self._of.get(subscription_of(resource.id).lower(), {}).get(resource.key)

    def _new(self, resource: Resource) -> JsonObject:
        record: JsonObject = {
            "id": resource.id, "type": resource.type, "location": self.engine.location_near(resource.id),
            "open": {}, "closed": [], "charges": [],
        }  # fmt: skip
        self._index(record)
        return record

    def _keep(self, record: JsonObject) -> None:
        self.store.set(f"{KEY}{str(record['id']).lower()}", record)
        self.store.set("usage_events", self.revision() + 1)

    # What is told by hand.

    def charge(self, resource: Resource, cost: float, begin: float, end: float) -> None:
        """Spend that nothing that exists explains, evenly between two moments: a compute's by the meter of its machine,
        anything else's by none."""
        meter, quantity = "", 0.0
        if resource.type.lower() == f"{meters.ML}/computes" and known(hours := meters.hours_of(resource)):
            meter, quantity = hours, cost / price(hours, self.engine.location_near(resource.id)).at(0)
        self._charge(resource, [meter, quantity, cost, begin, end])

    def use(self, resource: Resource, meter: str, quantity: float, begin: float, end: float) -> float:
        """So much of a counted meter (gigabytes, operations), evenly between two moments; what it costs. Tiers count by
        subscription and calendar month. Raises KeyError for a meter that there is not, ValueError for one by time."""
        found = price(meter, self.engine.location_near(resource.id))
        if found.timed:
            raise ValueError(f"the meter {meter} is by time: it follows from what exists")
        month = self.engine.now().strftime("%Y%m")
        counter = f"used:{subscription_of(resource.id).lower()}:{month}:{meter}"
        before = float(self.store.kv.get(counter, 0.0))
        amount = quantity / meters.per_unit(found)
        self.store.set(counter, before + amount)
        cost = found.of(amount, before)
        self._charge(resource, [meter, amount, cost, begin, end])
        return cost

    def _charge(self, resource: Resource, charge: list[Any]) -> None:
        record = self._record_of(resource) or self._new(resource)
        shown, tags = meters.billed(self.engine, resource)
        record["charges"].append([*charge, shown, tags])
        self._keep(record)
