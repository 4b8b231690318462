"""What the subscriptions are billed in: US dollars, unless the setting `currency` says another one.

Prices are dollars; what is billed in another currency is that at one rate, which is simplified: Azure fixes one a
month. Rates are those of the Retail Prices plane.
"""

from __future__ import annotations

from simulator.engine.hooks import KeyValues
from simulator.planes.retail_prices import RATES

KEY, DOLLARS = "currency", "USD"


def currency(store: KeyValues) -> str:
    return str(store.kv.get(KEY, DOLLARS))


def rate(store: KeyValues) -> float:
    """Of one dollar."""
    return float(RATES[currency(store)])


def choose(store: KeyValues, name: str) -> None:
    """Raises ValueError for one that no rate is known of."""
    if name not in RATES:
        raise ValueError(f"unknown currency {name}: {', '.join(RATES)}")
    store.set(KEY, name)


def money(amount: float | None, name: str) -> str:
    """As Azure writes it in a text, by the currency's own habits."""
    text = f"{amount or 0.0:,.2f}"
    if name == "EUR":
        return text.translate(str.maketrans(",.", ".,")) + " €"
    return f"${text}" if name == DOLLARS else f"{name} {text}"
