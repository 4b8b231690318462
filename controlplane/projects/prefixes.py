"""Which resource groups are whose: no project's prefix begins with another one's in a subscription of both. Pure.

A group is a prefix followed by a workspace's name, so that ``rg-a-`` and ``rg-a-b-`` would both have ``rg-a-b-c``. To
have the group is to have everything in it: what a project may delete, and where it may give roles.
"""

from __future__ import annotations

from collections.abc import Iterable

from controlplane.errors import ErrorDetail
from controlplane.projects.model import ProjectRecord, Registration

CODE = "ResourceGroupPrefixOverlaps"


def widens(before: Registration | None, after: Registration) -> bool:
    """Whether ``after`` may have groups that ``before`` had not; what was accepted before is not judged again."""
    if before is None or before.resource_group_prefix.lower() != after.resource_group_prefix.lower():
        return True
    return not _subscriptions(after) <= _subscriptions(before)


def overlaps(name: str, asked: Registration, others: Iterable[ProjectRecord]) -> tuple[ErrorDetail, ...]:
    """The projects, other than ``name``, whose groups could be those of ``asked``; for a Platform.Admin's eyes."""
    return tuple(
        ErrorDetail(
            CODE,
            f"{asked.resource_group_prefix!r} and {other.registration.resource_group_prefix!r}, the prefix of project "
            f"{other.name!r}, begin alike, and both projects have subscription {', '.join(sorted(shared))}.",
            "$.resourceGroupPrefix",
        )
        for other in others
        if other.name != name
        and (shared := _subscriptions(asked) & _subscriptions(other.registration))
        and _begin_alike(asked.resource_group_prefix, other.registration.resource_group_prefix)
    )


def _begin_alike(one: str, other: str) -> bool:
    """Names of resource groups have no case."""
    shorter, longer = sorted((one.lower(), other.lower()), key=len)
    return longer.startswith(shorter)


def _subscriptions(registration: Registration) -> frozenset[str]:
    return frozenset(one.lower() for one in registration.subscriptions)
