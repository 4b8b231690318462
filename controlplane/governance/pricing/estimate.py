"""All resources of a bill, added up: low, expected and high, each line with its price, its day and its source. Pure.

Each charge is rounded to the cent, half up; sums are of what is shown, so that they can be added on paper. A tier (a
free grant, a volume) is given once to the whole bill, in the order of its resources.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum

from controlplane.governance.pricing.meter_map import uses_of
from controlplane.governance.pricing.table import Confidence, Meter, Price, PriceTable, weakest
from controlplane.governance.pricing.usage import ASSUMPTIONS, NOTHING, Assumption, Range
from controlplane.governance.pricing.uses import Found, Free, Item, Scene, Unpriced, Use

_CENT = Decimal("0.01")
_OTHERS = "It exists already and is on its owner's bill; what it costs there is not in the sum."


class Status(StrEnum):
    PRICED = "priced"
    FREE = "free"
    INCOMPLETE = "incomplete"
    """Some or all of it has no price: its amount is not the whole, and nobody may take it for zero."""
    OTHERS = "others"
    """Somebody else's, whose bill does not change."""


@dataclass(frozen=True, slots=True)
class Charge:
    """One meter of one resource."""

    use: Use
    amount: Range
    rows: tuple[Price, ...]
    """Those that high use reaches."""
    confidence: Confidence
    remark: str
    live: bool


@dataclass(frozen=True, slots=True)
class Line:
    """One resource."""

    key: str
    type: str
    status: Status
    amount: Range = NOTHING
    charges: tuple[Charge, ...] = ()
    reason: str = ""
    """Why it is free, or what has no price."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """Of one month."""

    currency: str
    total: Range
    lines: tuple[Line, ...]
    table: PriceTable

    @property
    def incomplete(self) -> tuple[Line, ...]:
        """What the total does not have in it."""
        return tuple(line for line in self.lines if line.status is Status.INCOMPLETE)

    @property
    def uncertain(self) -> tuple[Charge, ...]:
        """Prices to be looked up before anybody relies on them, each meter once."""
        found = {
            charge.use.meter: charge
            for line in self.lines
            for charge in line.charges
            if charge.confidence is Confidence.UNCERTAIN and charge.use.quantity != NOTHING
        }
        return tuple(found[meter] for meter in sorted(found))

    @property
    def assumptions(self) -> tuple[Assumption, ...]:
        """Those that a number rests on."""
        names = {name for line in self.lines for charge in line.charges for name in charge.use.assumptions}
        return tuple(one for name, one in ASSUMPTIONS.items() if name in names)


@dataclass
class _Used:
    """How much of each meter the bill has used so far."""

    low: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    expected: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    high: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))


def estimate(items: Iterable[Item], table: PriceTable) -> Estimate:
    """What they cost a month, together."""
    scene, used = Scene(tuple(items)), _Used()
    lines = tuple(_line(item, uses_of(item, scene), table, used) for item in scene.items)
    total = NOTHING
    for line in lines:
        total += line.amount
    return Estimate(table.currency, total, lines, table)


def wanted(items: Iterable[Item]) -> tuple[tuple[str, str], ...]:
    """(meter, region) of everything that a bill needs a price of."""
    scene = Scene(tuple(items))
    found = {(use.meter, item.region) for item in scene.items for use in _uses(uses_of(item, scene))}
    return tuple(sorted(found))


def _uses(found: Found) -> tuple[Use, ...]:
    if isinstance(found, Free):
        return ()
    return found.uses if isinstance(found, Unpriced) else found


def _line(item: Item, found: Found, table: PriceTable, used: _Used) -> Line:
    if not item.ours:
        known = tuple(_charges(_uses(found), item, table, _Used())[0])
        return Line(item.key, item.type, Status.OTHERS, charges=known, reason=_OTHERS)
    if isinstance(found, Free):
        return Line(item.key, item.type, Status.FREE, reason=found.reason)
    charges, missing = _charges(_uses(found), item, table, used)
    if isinstance(found, Unpriced):
        missing.insert(0, found.reason)
    amount = NOTHING
    for charge in charges:
        amount += charge.amount
    status = Status.INCOMPLETE if missing else Status.PRICED
    return Line(item.key, item.type, status, amount, tuple(charges), " ".join(missing))


def _charges(uses: tuple[Use, ...], item: Item, table: PriceTable, used: _Used) -> tuple[list[Charge], list[str]]:
    """What has a price, and sentences about what has none."""
    charges, missing = [], []
    for use in uses:
        meter = table.meter(use.meter, item.region)
        if meter is None:
            missing.append(f"No price of {use.meter} in {item.region} is known in {table.currency}.")
        else:
            charges.append(_charge(use, meter, used))
    return charges, missing


def _charge(use: Use, meter: Meter, used: _Used) -> Charge:
    amounts, rows = [], meter.tiers[:1]
    for name in ("low", "expected", "high"):
        before: dict[str, Decimal] = getattr(used, name)
        quantity: Decimal = getattr(use.quantity, name)
        charged = meter.charge(quantity, before[use.meter])
        before[use.meter] += quantity
        amounts.append((charged.amount * use.times).quantize(_CENT, ROUND_HALF_UP))
        rows = charged.rows or rows
    confidence = weakest(meter.confidence, *(row.confidence for row in rows))
    return Charge(use, Range(*amounts), rows, confidence, meter.remark, meter.live)
