"""What nodes cost an hour: of live nodes, and of a job that has not run yet. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal

from controlplane.governance.pricing.meters_compute import vm_meter
from controlplane.governance.pricing.table import Confidence, PriceTable, weakest

_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class NodePrice:
    """Of one node, for an hour."""

    hour: Decimal
    currency: str
    as_of: str
    source: str
    confidence: Confidence
    remark: str
    """Why this price, where that is not plain."""


def node_price(table: PriceTable, size: str, region: str, *, low_priority: bool = False) -> NodePrice | None:
    """``size`` as Azure names it, in any case (``Standard_DS3_v2``). None where no price is known: that is not free."""
    key = vm_meter(size, low_priority=low_priority)
    meter = table.meter(key, region) if key is not None else None
    if meter is None:
        return None
    row = meter.tiers[0]
    sure = weakest(meter.confidence, row.confidence)
    return NodePrice(row.amount, table.currency, row.seen, row.source, sure, meter.remark)


def job_cost(price: NodePrice, nodes: int, duration: timedelta) -> Decimal:
    """Nodes x hours x price, to the cent."""
    hours = Decimal(duration // timedelta(seconds=1)) / 3600
    return (price.hour * nodes * hours).quantize(_CENT, ROUND_HALF_UP)
