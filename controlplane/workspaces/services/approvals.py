"""What stands of requests and approvals of grants that an administrator makes, when the spec changes. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from controlplane.workspaces.model import Blueprint
from controlplane.workspaces.records import WorkspaceRecord
from controlplane.workspaces.spec_model import Environment


def asking(record: WorkspaceRecord, before: Mapping[str, Any], blueprint: Blueprint, principal: str) -> WorkspaceRecord:
    """With who asked for each grant that an administrator has to make: whoever named the persona, not whoever changed
    something else later. What is not asked for any more is nobody's, and its approval is over; so is every approval of
    a workspace that becomes production, or stops being it: the same grant is of another row then. ``before``: the spec
    that is stored."""
    wanted = {grant.name for grant in blueprint.access.by_hand}
    same = Environment(before["environment"]).is_prod_class is blueprint.access.production
    standing = wanted if same else frozenset[str]()
    kept = {by: tuple(one for one in names if one in standing) for by, names in record.access_requests.items()}
    new = wanted - {one for names in kept.values() for one in names}
    if new:
        kept[principal] = (*kept.get(principal, ()), *sorted(new))
    update = {
        "access_requests": {by: names for by, names in kept.items() if names},
        "access_approvals": tuple(one for one in record.access_approvals if one.grant in standing),
    }
    return record.model_copy(update=update)
