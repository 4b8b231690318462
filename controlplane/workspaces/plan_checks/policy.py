"""What Azure Policy denies of a spec, at plan time. Pure.

S2-73: "If subscription policy forbids the ACR admin user, create the ACR first": the workspace's registry is always
made before it, without the account; a spec that a waiver lets ask for the account is held against what is assigned.
"""

from __future__ import annotations

from controlplane.errors import ErrorDetail
from controlplane.workspaces.model import Blueprint
from controlplane.workspaces.policies.effective import Policies, denials
from controlplane.workspaces.policies.registry import asks_admin, wanted

_TARGET = "$.registry.adminUser"


def check_policy(blueprint: Blueprint, found: Policies) -> tuple[ErrorDetail, ...]:
    """Codes: ``PolicyForbidsAdminUser``, ``PolicyUnreadable``."""
    registry = asks_admin(blueprint)
    if registry is None:
        return ()
    against = denials(found, wanted(registry))
    certain = [one for one in against if one.certain]
    if certain:
        names = ", ".join(f"'{one.name}' ({one.assignment_id})" for one in certain)
        text = f"Azure Policy denies a registry with its admin account on: {names}. Leave adminUser off."
        return (ErrorDetail("PolicyForbidsAdminUser", text, _TARGET),)
    why = found.unreadable
    if why is None and not against:
        return ()
    reason = f"{why.code}: {why.message}" if why is not None else f"the rule of '{against[0].name}' is not understood"
    text = (
        f"Whether Azure Policy allows the admin account of a registry cannot be told ({reason}). Leave adminUser off."
    )
    return (ErrorDetail("PolicyUnreadable", text, _TARGET),)
