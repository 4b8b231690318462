"""What money, lifetime and management may be, beyond the shape of their fields. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from controlplane.errors import ErrorDetail
from controlplane.workspaces.spec_model import Environment, Expiry, WorkspaceSpec
from controlplane.workspaces.spec_rules.unbuilt import CODE, Unbuilt, unavailable

#: ``budget`` is no field of what who spends may change: ``PUT /workspaces/{name}/budget`` sets it (docs/adr,
#: money-and-lifetime-beside-the-spec).
_UNBUILT: tuple[Unbuilt, ...] = (("$.management", lambda s: s.management != "manage", "manage"),)
_BESIDE = ErrorDetail(
    CODE,
    "A budget stands beside the spec: set it with PUT /api/workspaces/{name}/budget. Whoever spends may change a spec, "
    "and must not raise what may be spent by it.",
    "$.budget",
)
#: Azure keeps metrics for 93 days ("Azure Monitor Metrics overview", retention): nobody can show longer idleness.
LONGEST_IDLE = 90


def lifetime(spec: WorkspaceSpec) -> Iterator[ErrorDetail]:
    """Every reason why they are refused, by JSON path."""
    yield from unavailable(spec, _UNBUILT)
    if spec.budget is not None:
        yield _BESIDE
    if spec.expiry is not None:
        yield from expiry_details(spec.expiry, spec.environment, "$.expiry")


def days(text: str) -> int:
    """Of ``P30D``."""
    return int(text[1:-1])


@dataclass(frozen=True, slots=True)
class ExpiryRule:
    """Why a rule of expiry is refused, and which requirement says so."""

    field: str
    broken: Callable[[Expiry, Environment], bool]
    message: str
    requirements: tuple[str, ...] = ()


def _acts(asked: Expiry) -> bool:
    return asked.action in ("archive", "delete")


EXPIRY_RULES: dict[str, ExpiryRule] = {
    "ProductionNeverExpires": ExpiryRule(
        "action",
        lambda asked, environment: environment is Environment.PROD and _acts(asked),
        "A production workspace is reported and never expired: leave action out, or say report.",
        ("S3-105",),
    ),
    "GraceNotPositive": ExpiryRule(
        "grace",
        lambda asked, _: asked.grace is not None and days(asked.grace) == 0,
        "A grace of no days is none: say at least P1D.",
    ),
    "GraceMissing": ExpiryRule(
        "grace",
        lambda asked, _: _acts(asked) and asked.grace is None,
        "What archives or deletes has a grace, and it has no default: say how many days.",
    ),
    "RetentionMissing": ExpiryRule(
        "retention",
        lambda asked, _: asked.action == "delete" and asked.retention is None,
        "What deletes says how long the archive is kept before; it has no default.",
    ),
    "RetentionWithoutDeletion": ExpiryRule(
        "retention",
        lambda asked, _: asked.action != "delete" and asked.retention is not None,
        "A retention ends with a deletion: it needs action delete.",
    ),
    "NothingExpires": ExpiryRule(
        "action",
        lambda asked, _: _acts(asked) and asked.expires_on is None and asked.idle_after is None,
        "An action needs an end date or a time of idleness that leads to it.",
    ),
    "IdleTooLong": ExpiryRule(
        "idleAfter",
        lambda asked, _: asked.idle_after is not None and days(asked.idle_after) > LONGEST_IDLE,
        f"Azure keeps metrics for 93 days, so that {LONGEST_IDLE} days of idleness are the most that can be shown.",
    ),
}
"""Code → rule."""


def expiry_details(asked: Expiry, environment: Environment, path: str) -> Iterator[ErrorDetail]:
    """Of a spec's, and of one that is set beside it."""
    for code, rule in EXPIRY_RULES.items():
        if rule.broken(asked, environment):
            yield ErrorDetail(code, rule.message, f"{path}.{rule.field}")
