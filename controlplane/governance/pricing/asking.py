"""The prices that a bill needs, in the currency that it comes in: the list's own where it answers, else the file's.

Nothing here knows a rate. Where the list has prices in a currency, and of some meters none, those are the file's at the
rate at which the list itself gives the others: each of them is asked for in both currencies, by the same questions.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

from controlplane.clouds import cloud_of_region
from controlplane.governance.pricing.quote import questions, with_answers
from controlplane.governance.pricing.table import CLOUD, CURRENCY, Confidence, PriceTable, Rate, snapshot
from controlplane.ports.prices import RetailPrices

Wanted = tuple[str, str]
#: Prices of less than this are rounded too coarsely in other currencies to tell how far rates lie apart.
_TELLING = Decimal("0.01")
#: Rates that lie further apart are no one rate.
_SPREAD = Decimal("1.02")
_CHINA = "AzureChinaCloud"


async def table_for(wanted: Iterable[Wanted], prices: RetailPrices | None, currency: str = CURRENCY) -> PriceTable:
    """``wanted``: (meter, region). ``currency``: what the bill comes in; the table says whether its prices are in that.
    Raises nothing: whoever cannot be asked is named in the table's notes."""
    needed = tuple(dict.fromkeys(wanted))
    if currency == CURRENCY:
        return await _asked(needed, prices, CURRENCY)
    if prices is None:
        return _in_dollars(snapshot(), currency, "nobody is asked for prices")
    quoted = await _asked(needed, prices, currency)
    known = snapshot()
    lacking = [one for one in needed if quoted.meter(*one) is None and known.meter(*one) is not None]
    if not lacking:
        return quoted
    dollars = await _asked(needed, prices, CURRENCY)
    rate = rate_of(dollars, quoted)
    if rate is None:
        notes = dict.fromkeys((*quoted.notes, *dollars.notes))
        return _in_dollars(replace(dollars, notes=tuple(notes)), currency, "the price list gave none of them in it")
    text = f"In {currency} the price list has no price of {_named(lacking)}: taken at the rate of its other prices."
    return replace(quoted, rate=rate, notes=(*quoted.notes, text))


def rate_of(dollars: PriceTable, quoted: PriceTable) -> Rate | None:
    """What a dollar is in the other currency, by the dearest price that the list gave in both: prices in other
    currencies have four digits, so that the dearest is the most exact. None where there is no such price."""
    both: list[tuple[Decimal, Decimal, str]] = []
    for place, meter in quoted.live.items():
        here, there = meter.tiers[-1].amount, dollars.live.get(place)
        if here > 0 and there is not None and there.tiers[-1].amount > 0:
            both.append((there.tiers[-1].amount, here, place[0]))
    if not both:
        return None
    most, same, key = max(both)
    rates = [here / there for there, here, _ in both if there >= _TELLING] or [same / most]
    one_rate = max(rates) <= min(rates) * _SPREAD
    return Rate(same / most, key, Confidence.DERIVED if one_rate else Confidence.UNCERTAIN)


async def _asked(wanted: tuple[Wanted, ...], prices: RetailPrices | None, currency: str) -> PriceTable:
    table = replace(snapshot(), notes=_clouds(wanted))
    if prices is None:
        return table
    asked = questions(table, wanted)
    answers = await prices.ask(tuple(dict.fromkeys(asked.values())), currency)
    return with_answers(table, asked, answers, currency)


def _clouds(wanted: Iterable[Wanted]) -> tuple[str, ...]:
    """What is to be known of prices outside of the public cloud."""
    clouds = {cloud_of_region(region) for _, region in wanted} - {CLOUD}
    return tuple(
        f"The price table is of the public cloud. {_OTHER_CLOUDS.get(cloud, _ELSEWHERE)}" for cloud in sorted(clouds)
    )


_ELSEWHERE = "Of the US Government's regions the price list is asked; what it does not answer has no price here."
#: Source: learn.microsoft.com, "Azure Retail Prices API for China": a file to download, by another host.
_OTHER_CLOUDS = {_CHINA: "Prices of Azure in China are in a list of their own, which nobody asks here."}


def _in_dollars(table: PriceTable, currency: str, why: str) -> PriceTable:
    text = f"The subscription is billed in {currency}; all prices are in {CURRENCY}, because {why}."
    return replace(table, notes=(*table.notes, text))


def _named(lacking: list[Wanted]) -> str:
    names = list(dict.fromkeys(key for key, _ in lacking))
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more
