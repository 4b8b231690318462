"""Who may make a workspace last longer, and who says whose it is. Pure.

A rule that ends a workspace later, or does less to it, is an extension by another name, whichever request asks for it:
it is an owner's, as ``POST /workspaces/{name}/expiry:extend`` is, or a Platform.Admin's. So is who the owners are, or
else everybody who may change a spec would be one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from controlplane.errors import ErrorDetail, Rejected
from controlplane.projects.access import Caller, Role, app_roles
from controlplane.projects.model import Registration
from controlplane.workspaces.spec_model import Environment, Expiry, WorkspaceSpec
from controlplane.workspaces.spec_rules.lifetime import days

LONGER, OWNERS = "ExtensionNotAllowed", "OwnersChangeNotAllowed"
_ACTIONS = (None, "report", "archive", "delete")
#: What is kept for good, in days; more than a field can say.
_EVER = 10_000
_NOTHING = Expiry()


# -- who ---------------------------------------------------------------------------------------------------------------


def is_owner(caller: Caller, spec: Mapping[str, Any], registration: Registration | None) -> bool:
    """S3-107: by name, or as a member of a group of product owners that the project is registered with."""
    return caller.object_id.lower() in _people(spec) or bool(caller.groups & _groups(spec, registration))


def may_extend(caller: Caller, spec: Mapping[str, Any], registration: Registration | None) -> bool:
    """Whether more time is this caller's to give. ``spec``: as it was accepted, and not as it is asked for."""
    return is_owner(caller, spec, registration) or Role.ADMIN in app_roles(caller)


def _people(spec: Mapping[str, Any]) -> set[str]:
    return {str(one).lower() for one in spec.get("owners") or ()}


def _groups(spec: Mapping[str, Any], registration: Registration | None) -> set[str]:
    """Those that count. A group that a Platform.Admin took out of the registration has no say any more."""
    known = {one.lower() for one in registration.entra_groups} if registration is not None else set()
    return known & {str(one).lower() for one in (spec.get("access") or {}).get("productOwners") or ()}


# -- what is later or milder -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Part:
    """``size`` grows with what a rule lets a workspace be; ``says``: the words of a value."""

    field: str
    size: Callable[[Expiry], int]
    says: Callable[[Expiry], str]
    counts: Callable[[Expiry], bool] = lambda rule: True
    """Whether the field means something in a rule; it is compared where it does in both."""


def _acts(rule: Expiry) -> bool:
    return rule.action in ("archive", "delete")


_PARTS = (
    _Part(
        "expiresOn",
        lambda rule: _day(rule.expires_on.toordinal() if rule.expires_on else None),
        lambda rule: str(rule.expires_on or "no last day"),
    ),
    _Part(
        "idleAfter",
        lambda rule: _days(rule.idle_after),
        lambda rule: rule.idle_after or "never",
    ),
    _Part("action", lambda rule: -max(_ACTIONS.index(rule.action), 1), lambda rule: rule.action or "report"),
    _Part("grace", lambda rule: _days(rule.grace), lambda rule: rule.grace or "none", _acts),
    _Part(
        "retention",
        lambda rule: _days(rule.retention),
        lambda rule: rule.retention or "for good",
        lambda rule: rule.action == "delete",
    ),
)


def _day(ordinal: int | None) -> int:
    return ordinal if ordinal is not None else 10**9


def _days(text: str | None) -> int:
    return days(text) if text is not None else _EVER


def later(before: Expiry | None, after: Expiry | None) -> Iterator[tuple[str, str]]:
    """(field, how it changes) of each part of ``after`` that ends a workspace later than ``before`` does, or does less
    to it. No rule ends nothing. What is not later is as strict or stricter, so that steps that are not later never add
    up to one that is."""
    old, new = before or _NOTHING, after or _NOTHING
    for part in _PARTS:
        if part.counts(old) and part.counts(new) and part.size(new) > part.size(old):
            yield part.field, f"{part.field} {part.says(old)} becomes {part.says(new)}"


@dataclass(frozen=True, slots=True)
class Standing:
    """What is stored of a workspace's expiry beside its spec."""

    beside: Expiry | None = None
    """The rule that was set beside a spec that declares none."""
    under_way: bool = False
    """Whether its stages have begun, and nothing was taken away yet: another rule begins them anew."""


@dataclass(frozen=True, slots=True)
class Life:
    """What ends a workspace: a rule, in an environment."""

    rule: Expiry | None
    environment: Environment

    @property
    def in_effect(self) -> Expiry | None:
        """Production is reported, whatever the rule says."""
        if self.rule is None or self.environment is not Environment.PROD:
            return self.rule
        return self.rule.model_copy(update={"action": None, "grace": None, "retention": None})


def longer(before: Life, after: Life, *, under_way: bool) -> tuple[ErrorDetail, ...]:
    """Why ``after`` is for an owner; nothing where it is a first rule, a stricter one, or the same."""
    if before == after:
        return ()
    of_rule = [] if before.rule == after.rule else list(later(before.rule, after.rule))
    found = [ErrorDetail(LONGER, f"{said}.", f"$.{field}") for field, said in of_rule]
    acts = before.in_effect is not None and _acts(before.in_effect)
    if not found and acts and not _acts(after.in_effect or _NOTHING):
        found.append(ErrorDetail(LONGER, "A production workspace is reported and never expired.", "$.environment"))
    if not found and acts and under_way:
        text = "Its stages have begun: another rule, or another environment, begins them anew."
        found.append(ErrorDetail(LONGER, text, "$"))
    return tuple(found)


# -- what is refused ---------------------------------------------------------------------------------------------------


def refusal(name: str, details: tuple[ErrorDetail, ...]) -> Rejected:
    """403 of who is no owner, with who is and with what to ask for."""
    text = (
        f"It would make workspace {name!r} last longer: {' '.join(one.message for one in details)} That is for an owner"
        f" of the workspace or a Platform.Admin: one of them sends the same request, or gives it time with a reason by "
        f"POST /api/workspaces/{name}/expiry:extend or :exempt."
    )
    return Rejected(LONGER, text, target=details[0].target, details=details)


@dataclass(frozen=True, slots=True)
class Change:
    """Of a workspace that is there. ``before``: the spec as it is stored."""

    name: str
    before: Mapping[str, Any]
    after: WorkspaceSpec
    registration: Registration

    @property
    def of_life(self) -> bool:
        """Whether it may be about when the workspace ends."""
        old, new = self.lives(Standing())
        return old != new

    def lives(self, standing: Standing) -> tuple[Life, Life]:
        """Before and after. What a spec declares goes before what is set beside it."""
        declared = self.before.get("expiry")
        rule = Expiry.model_validate(declared) if declared is not None else standing.beside
        old = Life(rule, Environment(self.before["environment"]))
        return old, Life(self.after.expiry or standing.beside, self.after.environment)


def check_change(caller: Caller, change: Change, standing: Standing) -> None:
    """Raises ``Rejected``: ``OwnersChangeNotAllowed``, ``ExtensionNotAllowed``."""
    if may_extend(caller, change.before, change.registration):
        return
    if others := tuple(_other_owners(change)):
        text = f"Who owns workspace {change.name!r} is for one of its owners or a Platform.Admin to change."
        raise Rejected(OWNERS, text, target=others[0].target, details=others)
    old, new = change.lives(standing)
    found = longer(old, new, under_way=standing.under_way)
    if not found and change.registration.ends_on is not None and _leaves_the_end(old, new):
        text = "People's roles on a production workspace do not end with the project."
        found = (ErrorDetail(LONGER, text, "$.environment"),)
    if found:
        raise refusal(change.name, tuple(_in_spec(one) for one in found))


def _leaves_the_end(old: Life, new: Life) -> bool:
    return old.environment is not Environment.PROD and new.environment is Environment.PROD


def _in_spec(one: ErrorDetail) -> ErrorDetail:
    """A rule's field, by its path in the spec."""
    if one.target in ("$", "$.environment"):
        return one
    return ErrorDetail(one.code, one.message, f"$.expiry{(one.target or '$')[1:]}")


def _other_owners(change: Change) -> Iterator[ErrorDetail]:
    """The order and the case of ids mean nothing."""
    after = change.after.model_dump(mode="json", by_alias=True)
    if _people(change.before) != _people(after):
        yield ErrorDetail(OWNERS, "The owners are others than before.", "$.owners")
    if _groups(change.before, change.registration) != _groups(after, change.registration):
        yield ErrorDetail(OWNERS, "The groups of product owners are others than before.", "$.access.productOwners")
