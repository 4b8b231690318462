"""Who may waive a conflict: on production it takes a second person, a Platform.Admin. Pure.

A waiver switches a requirement off, so that on production nobody does it for a workspace of his own. Asked anew is a
waiver that is new, of another owner, for another reason, or longer than the accepted one; one that ends earlier is not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from controlplane.errors import ErrorDetail
from controlplane.workspaces.records import WaiverAcceptance
from controlplane.workspaces.spec_model import Environment, Waiver, WorkspaceSpec

CODE = "WaiverNotAllowed"


def asked_anew(before: WorkspaceSpec | None, after: WorkspaceSpec) -> Iterator[tuple[int, Waiver]]:
    """The waivers of ``after``, by their place, which nobody has accepted yet for a workspace of its environment."""
    accepted = {one.conflict: one for one in before.waivers} if before is not None else {}
    if before is not None and _is_prod(after) and not _is_prod(before):
        accepted = {}  # They were accepted for a workspace that was not production.
    for index, waiver in enumerate(after.waivers):
        known = accepted.get(waiver.conflict)
        same = known is not None and (known.owner, known.reason) == (waiver.owner, waiver.reason)
        if known is None or not same or waiver.ends_on > known.ends_on:
            yield index, waiver


def not_allowed(before: WorkspaceSpec | None, after: WorkspaceSpec) -> tuple[ErrorDetail, ...]:
    """Why somebody who is no Platform.Admin cannot ask for ``after``."""
    if not _is_prod(after):
        return ()
    return tuple(
        ErrorDetail(
            CODE,
            f"The waiver of {waiver.conflict} until {waiver.ends_on} is new, or not as it was accepted. On a workspace "
            "of environment prod a Platform.Admin accepts waivers: send the same request as one.",
            f"$.waivers[{index}]",
        )
        for index, waiver in asked_anew(before, after)
    )


@dataclass(frozen=True, slots=True)
class Acceptor:
    """Who accepts, and when."""

    principal: str
    at: datetime


def acceptances(
    known: tuple[WaiverAcceptance, ...], before: WorkspaceSpec | None, after: WorkspaceSpec, by: Acceptor
) -> tuple[WaiverAcceptance, ...]:
    """Who accepted each waiver of ``after``: whoever did before, or the acceptor of what is asked anew."""
    new = {waiver.conflict for _, waiver in asked_anew(before, after)}
    kept = {one.conflict: one for one in known if one.conflict not in new}
    fresh = {one: WaiverAcceptance(conflict=one, by=by.principal, at=by.at) for one in new}
    found = {**kept, **fresh}
    return tuple(found[one.conflict] for one in after.waivers if one.conflict in found)


def _is_prod(spec: WorkspaceSpec) -> bool:
    return spec.environment is Environment.PROD
