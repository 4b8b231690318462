"""What a budget may not ask for. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from pydantic import ValidationError

from controlplane.errors import ErrorDetail, Rejected
from controlplane.governance.budgets.model import ENFORCED, Basis, BudgetRule, rank
from controlplane.governance.currencies import CURRENCIES
from controlplane.json_types import JsonObject
from controlplane.operations.strictly import read_strictly
from controlplane.projects.registration import details_of
from controlplane.workspaces.access.personas import Persona

INVALID = "InvalidBudget"
_FEWEST = 2
#: Whole units of a currency: figures are told with two places.
_LEAST = Decimal(1)
#: Processes and identities read no messages; end users of a model have no part in it.
_PEOPLE = frozenset(
    {
        Persona.BUSINESS_STAKEHOLDERS,
        Persona.PRODUCT_OWNERS,
        Persona.PROJECT_LEADS,
        Persona.PLATFORM_SUPPORT,
        Persona.DATA_SCIENTISTS,
    }
)


#: Per cent of the amount.
_WHOLE = 100


def parse_budget(data: JsonObject) -> BudgetRule:
    """Raises ``Rejected("InvalidBudget")`` with everything that is wrong with it."""
    try:
        rule = read_strictly(BudgetRule, data)
    except ValidationError as error:
        raise _rejected(details_of(error, BudgetRule)) from error
    if details := tuple(problems(rule)):
        raise _rejected(details)
    return rule


def _rejected(details: tuple[ErrorDetail, ...]) -> Rejected:
    text = details[0].message if len(details) == 1 else f"{len(details)} fields of the budget are not valid."
    return Rejected(INVALID, text, target=details[0].target, details=details)


@dataclass(frozen=True, slots=True)
class Problem:
    """A reason why a budget could never work."""

    finds: Callable[[BudgetRule], Iterator[ErrorDetail]]
    requirements: tuple[str, ...] = ()


def problems(rule: BudgetRule) -> Iterator[ErrorDetail]:
    """Every reason why a budget cannot work."""
    for problem in PROBLEMS.values():
        yield from problem.finds(rule)


def _several(rule: BudgetRule) -> Iterator[ErrorDetail]:
    if len(rule.tiers) < _FEWEST:
        text = "One tier warns nobody before it: there are two at least."
        yield ErrorDetail("TooFewTiers", text, "$.tiers")
    elif all(tier.of is Basis.ACTUAL and tier.at >= _WHOLE for tier in rule.tiers):
        text = "Nobody is warned before the amount is spent: a tier below 100 %, or one of the forecast, does that."
        yield ErrorDetail("NoTierBeforeTheAmount", text, "$.tiers")


def _met(rule: BudgetRule) -> Iterator[ErrorDetail]:
    """S3-99: people are told when the amount is met, and not only before and beyond it."""
    if not any(tier.of is Basis.ACTUAL and tier.at == _WHOLE for tier in rule.tiers):
        text = "Nobody is told when the amount is met: a tier of what is spent is at 100 %."
        yield ErrorDetail("NoTierAtTheAmount", text, "$.tiers")


def _rising(rule: BudgetRule) -> Iterator[ErrorDetail]:
    for basis in Basis:
        own = [(place, tier) for place, tier in enumerate(rule.tiers) if tier.of is basis]
        for (_, before), (place, tier) in pairwise(own):
            if tier.at <= before.at:
                text = f"{tier.at} % after {before.at} %: tiers of the same kind rise."
                yield ErrorDetail("TiersDoNotRise", text, f"$.tiers[{place}].at")
            if rank(tier.act) < rank(before.act):
                text = f"{tier.act} at {tier.at} % is milder than {before.act} at {before.at} %: what is reached stays."
                yield ErrorDetail("TiersDoNotRise", text, f"$.tiers[{place}].act")


def _by_evidence(rule: BudgetRule) -> Iterator[ErrorDetail]:
    for place, tier in enumerate(rule.tiers):
        if tier.of is Basis.FORECAST and tier.act in ENFORCED:
            text = f"A forecast is no evidence: it notifies or asks; {tier.act} goes by what is spent."
            yield ErrorDetail("EnforcementOnForecast", text, f"$.tiers[{place}].act")


def _readers(rule: BudgetRule) -> Iterator[ErrorDetail]:
    for place, persona in enumerate(rule.recipients):
        if persona not in _PEOPLE:
            yield ErrorDetail("NoRecipient", f"Nobody of {persona} reads messages.", f"$.recipients[{place}]")


def _money(rule: BudgetRule) -> Iterator[ErrorDetail]:
    if rule.monthly.currency not in CURRENCIES:
        text = f"{rule.monthly.currency} is no currency of ISO 4217 that anybody is billed in."
        yield ErrorDetail("UnknownCurrency", text, "$.monthly.currency")
    if Decimal(str(rule.monthly.amount)) < _LEAST:
        text = f"{rule.monthly.amount} is reached by anything: a budget is of {_LEAST} at least."
        yield ErrorDetail("AmountTooSmall", text, "$.monthly.amount")


PROBLEMS: dict[str, Problem] = {
    "money": Problem(_money),
    "several": Problem(_several, ("S3-102",)),
    "met": Problem(_met),
    "rising": Problem(_rising),
    "byEvidence": Problem(_by_evidence),
    "readers": Problem(_readers),
}


def threshold(rule: BudgetRule, at: int) -> Decimal:
    """The amount of a tier."""
    return Decimal(str(rule.monthly.amount)) * at / 100


def is_raise(before: BudgetRule, after: BudgetRule, billed: str | None = None) -> bool:
    """Whether more may be spent, or something that the old rule would do is done later, milder, or not at all by the
    new one: that is not for whoever spends. A rule in another currency than Azure is known to bill in (``billed``)
    compares nothing and does nothing: one in that currency is as a first one."""
    if before.monthly.currency != after.monthly.currency:
        return billed is None or before.monthly.currency == billed or after.monthly.currency != billed
    if after.monthly.amount > before.monthly.amount or after.notice > before.notice:
        return True
    if not set(before.recipients) <= set(after.recipients):
        return True
    return any(
        not any(
            other.of is tier.of
            and rank(other.act) >= rank(tier.act)
            and threshold(after, other.at) <= threshold(before, tier.at)
            for other in after.tiers
        )
        for tier in before.tiers
    )
