"""What only Azure can say of outbound rules, at plan time: whether what a private endpoint leads to is there. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from controlplane.arm import fold
from controlplane.errors import ErrorDetail
from controlplane.workspaces.model import PlanWarning
from controlplane.workspaces.spec_model import WorkspaceSpec


@dataclass(frozen=True, slots=True)
class Target:
    """What a read of it told: it is there, it is not, or (``why``) nobody can say."""

    exists: bool
    why: str = ""


def named_targets(spec: WorkspaceSpec) -> Iterator[tuple[str, str]]:
    """JSON path and ARM id of each; a word in place of an id is the workspace's own resource."""
    for index, rule in enumerate(spec.network.managed.outbound_rules):
        if rule.type == "privateEndpoint" and "/" in rule.destination:
            yield f"$.network.managed.outboundRules[{index}].destination", rule.destination.rstrip("/")


def check_targets(spec: WorkspaceSpec, found: Mapping[str, Target]) -> tuple[ErrorDetail, ...]:
    """Code: ``OutboundTargetNotFound``. ``found``: by folded ARM id."""
    return tuple(
        ErrorDetail("OutboundTargetNotFound", f"{arm_id} does not exist, so no private endpoint leads there.", path)
        for path, arm_id in named_targets(spec)
        if not found[fold(arm_id)].exists and not found[fold(arm_id)].why
    )


def unread_targets(spec: WorkspaceSpec, found: Mapping[str, Target]) -> tuple[PlanWarning, ...]:
    """Code: ``OutboundTargetUnknown``."""
    return tuple(
        PlanWarning("OutboundTargetUnknown", f"Whether {arm_id} exists is not known: {found[fold(arm_id)].why}", path)
        for path, arm_id in named_targets(spec)
        if found[fold(arm_id)].why
    )
