"""What the simulator bills for a workspace in a calendar month, beside what the product estimated.

Two meter maps that share no line: the product's prices a plan, the simulator's follows usage events. How much is used
is the estimate's own assumption, since it is a fact of the month and no price; it is given to the simulator as usage.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from controlplane.governance.pricing.estimate import Charge, Estimate
from simulator.billing.prices import COUNTED, DAY, HOUR, price
from simulator.billing.rows import next_month, rows
from simulator.engine.hooks import Resource
from simulator.types._shared import dig
from simulator.types.machinelearning.nodes import inner
from tests.support.quiet_product import QuietProduct

#: Of another bill than the subscription's.
ELSEWHERE = "devops."
#: Until everything of a month is shown.
SHOWN = DAY


def idle_month(product: QuietProduct) -> float:
    """The bill of the next whole month of 30 or 31 days, in which nobody does anything."""
    begin, end = _next(product)
    _until(product, end)
    return _billed(product, begin, end)


def used_month(product: QuietProduct, estimated: Estimate) -> float:
    """The bill of the next whole month, in which is used what the estimate expects."""
    begin, end = _next(product)
    _until(product, begin)
    machines: list[tuple[float, Resource]] = []
    for key, charge in _expected(estimated):
        hours = float(charge.use.quantity.expected - charge.use.quantity.low)
        resource = product.azure.engine.get(product.ids()[key])
        assert resource is not None
        if charge.use.meter.startswith("vm."):
            machines.append((hours, resource))
        else:
            _use(product, resource, charge, (begin, end))
    _run(product, machines)
    _until(product, end)
    return _billed(product, begin, end)


def expected_of(estimated: Estimate) -> float:
    """What this subscription pays of it."""
    elsewhere = sum(
        charge.amount.expected
        for line in estimated.lines
        for charge in line.charges
        if charge.use.meter.startswith(ELSEWHERE)
    )
    return float(estimated.total.expected - elsewhere)


def _expected(estimated: Estimate) -> Iterator[tuple[str, Charge]]:
    for line in estimated.lines:
        for charge in line.charges:
            more = charge.use.quantity.expected > charge.use.quantity.low
            if more and not charge.use.meter.startswith(ELSEWHERE) and charge.amount.expected:
                yield line.key, charge


def _use(product: QuietProduct, resource: Resource, charge: Charge, month: tuple[datetime, datetime]) -> None:
    """Spread over the month."""
    meter, quantity = charge.use.meter, float(charge.use.quantity.expected - charge.use.quantity.low)
    unit = price(meter, product.azure.engine.location_near(resource.id)).unit
    ledger = product.azure.engine.ledger
    ledger.use(resource, meter, quantity * COUNTED[unit], month[0].timestamp(), month[1].timestamp())


def _run(product: QuietProduct, machines: list[tuple[float, Resource]]) -> None:
    """Each cluster at its maximum, each instance on, for its hours of the month."""
    clock, begun = product.azure.engine, product.azure.engine.time()
    ends = []
    for hours, compute in machines:
        state = inner(compute)
        scale = dig(state, "scaleSettings", {})
        least, most = int(scale.get("minNodeCount") or 0), int(scale.get("maxNodeCount") or 0)
        on, off = (
            ({"currentNodeCount": most}, {"currentNodeCount": least})
            if most
            else ({"state": "Running"}, {"state": "Stopped"})
        )
        state.update(on)
        clock.save(compute)
        ends.append((begun + hours * HOUR / ((most - least) or 1), compute, off))
    for end, compute, off in sorted(ends, key=lambda one: one[0]):
        product.advance(max(0.0, end - clock.time()))
        inner(compute).update(off)
        clock.save(compute)


def _next(product: QuietProduct) -> tuple[datetime, datetime]:
    """February's bill is 8 % below the 730 hours that an estimate is of."""
    begin = next_month(product.azure.engine.now())
    while (next_month(begin) - begin).days < 30:
        begin = next_month(begin)
    return begin, next_month(begin)


def _until(product: QuietProduct, moment: datetime) -> None:
    product.advance(max(0.0, moment.timestamp() - product.azure.engine.time()))


def _billed(product: QuietProduct, begin: datetime, end: datetime) -> float:
    """Of what belongs to the workspace, the disks of its machines included, once all of it is shown."""
    product.advance(SHOWN)
    engine, ids = product.azure.engine, product.ids().values()
    ours = {arm_id.lower() for arm_id in ids}
    ours |= {
        disk.key for disk in engine.all_of("Microsoft.Compute/disks") if str(disk.body.get("managedBy")).lower() in ours
    }
    span = (begin.timestamp(), end.timestamp())
    return sum(
        row.cost
        for subscription in {arm_id.split("/")[2] for arm_id in ids}
        for row in rows(engine, f"/subscriptions/{subscription}", span, next_month)
        if row.resource in ours
    )
