"""What an estimate is for: the amount of a budget (S3-101). Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from controlplane.governance.pricing.estimate import Estimate

_STEP = Decimal(10)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """``amount``: what is suggested for an estimate; None where it would be a guess."""

    amount: Callable[[Estimate], Decimal | None]
    requirements: tuple[str, ...] = ()


def _budget(found: Estimate) -> Decimal | None:
    """A month of expected use, rounded up to tens. None while something has no price: a budget that is too small stops
    people, and nobody knows by how much it would be."""
    if found.incomplete or not found.total.expected:
        return None
    return (found.total.expected / _STEP).to_integral_value(ROUND_CEILING) * _STEP


SUGGESTIONS: dict[str, Suggestion] = {"budget": Suggestion(_budget, ("S3-101",))}


def suggested(name: str, found: Estimate) -> Decimal | None:
    """What the suggestion of that name says."""
    known = SUGGESTIONS.get(name)
    return known.amount(found) if known is not None else None
