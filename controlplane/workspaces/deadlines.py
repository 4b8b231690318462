"""How long an operation may take: from what it is expected to take, between a floor and a ceiling. Pure.

The expectation is that of the whole blueprint made (or deleted) from nothing, so it needs no look at Azure and never
depends on what a look did not see. The floor leaves room for what has limits of its own: a step waits up to half an
hour for an approval or a role, and grants replicate for ten minutes. The ceiling is for gateways, of which one takes up
to 45 minutes (https://learn.microsoft.com/azure/vpn-gateway/vpn-gateway-howto-site-to-site-resource-manager-portal).
"""

from __future__ import annotations

from datetime import timedelta

from controlplane.operations.model import OperationKind
from controlplane.workspaces.durations import expected_seconds
from controlplane.workspaces.model import Action, Blueprint, Change
from controlplane.workspaces.plan import critical_path

FLOOR = timedelta(hours=1)
CEILING = timedelta(hours=6)
#: Azure on a bad day, retries and throttling included, against Azure as expected.
FACTOR = 8.0


def time_for(blueprint: Blueprint, kind: OperationKind) -> timedelta:
    """From acceptance to deadline. An update may replace everything, so it gets the time of both."""
    action = {OperationKind.CREATE: Action.CREATE, OperationKind.DELETE: Action.DELETE}.get(kind, Action.REPLACE)
    changes = tuple(
        Change(
            key=resource.key,
            type=resource.type,
            id=None,
            action=action,
            depends_on=resource.depends_on,
            expected_seconds=expected_seconds(resource.type, action),
        )
        for resource in blueprint.resources
    )
    _, seconds = critical_path(changes)
    return min(CEILING, max(FLOOR, timedelta(seconds=FACTOR * seconds)))
