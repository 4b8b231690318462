"""What a stored spec may become: changes that Azure forbids are refused before Azure is called. Pure.

One table of rules, each a function of the spec that is stored and the spec that is asked for. Whoever builds a part
of the spec appends its rules; a rule says nothing when nothing it knows of changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from controlplane.arm import fold
from controlplane.errors import ErrorDetail
from controlplane.workspaces.spec_model import NetworkMode, WorkspaceSpec

CODE = "TransitionNotAllowed"


@dataclass(frozen=True, slots=True)
class Transition:
    """One rule, and the requirements that want it."""

    check: Callable[[WorkspaceSpec, WorkspaceSpec], Iterator[ErrorDetail]]
    requirements: tuple[str, ...] = ()


def not_allowed(path: str, why: str) -> ErrorDetail:
    """``path``: JSON path of the field that may not become what is asked; ``why`` follows the field's name."""
    return ErrorDetail(CODE, f"{path[2:]} {why}", path)


def check_transition(before: WorkspaceSpec, after: WorkspaceSpec) -> tuple[ErrorDetail, ...]:
    """Every reason why a workspace with spec ``before`` cannot be given spec ``after``, by JSON path."""
    return tuple(detail for rule in TRANSITIONS.values() for detail in rule.check(before, after))


def _identity(before: WorkspaceSpec, after: WorkspaceSpec) -> Iterator[ErrorDetail]:
    """S2-13, S2-14: "Once a workspace is created with SAI identity type, it can be updated to SAI+UAI, but not back
    from SAI+UAI to SAI" ("Set up authentication between Azure Machine Learning and other services", workspace identity
    types). It is the only change of kind that Azure describes, so it is the only one that is sent.
    """
    was, becomes = before.identity.type, after.identity.type
    if was != becomes and (was, becomes) != ("systemAssigned", "systemAndUserAssigned"):
        yield not_allowed(
            "$.identity.type",
            f"is {was!r} and cannot become {becomes!r}: Azure lets a workspace go from systemAssigned to "
            "systemAndUserAssigned and never back. Make a new workspace instead.",
        )


def _isolation(before: WorkspaceSpec, after: WorkspaceSpec) -> Iterator[ErrorDetail]:
    """S5-07, S5-08: "Once a managed VNet workspace is configured to allow internet outbound, the workspace cannot be
    reconfigured to disabled. Similarly, once … allow only approved outbound, the workspace cannot be reconfigured to
    allow internet outbound" ("Workspace managed virtual network isolation").
    """
    was, becomes, order = before.network.mode, after.network.mode, tuple(NetworkMode)
    if order.index(becomes) < order.index(was):
        yield not_allowed(
            "$.network.mode",
            f"is {was.value!r} and cannot become {becomes.value!r}: Azure lets the isolation of a managed network grow "
            f"({' → '.join(mode.value for mode in order)}), and never takes it back. Make a new workspace instead.",
        )


def _own_key(before: WorkspaceSpec, after: WorkspaceSpec) -> Iterator[ErrorDetail]:
    """S1-07, S2-24: "After workspace creation, the customer-managed encryption key for resources that the workspace
    depends on can only be updated to another key in the original Azure Key Vault resource" ("Customer-managed keys for
    Azure Machine Learning", limitations)."""
    was, becomes = before.encryption, after.encryption
    if (was.customer_managed_key is None) != (becomes.customer_managed_key is None):
        yield not_allowed(
            "$.encryption.customerManagedKey",
            "is there from the creation of a workspace or never, and cannot be added or taken away. Make a new one.",
        )
    elif was.key_vault_id is not None and fold(was.key_vault_id) != fold(becomes.key_vault_id or ""):
        yield not_allowed(
            "$.encryption.keyVaultId", f"is {was.key_vault_id}; a key can only be replaced by one of the same vault."
        )


def _permission_model(before: WorkspaceSpec, after: WorkspaceSpec) -> Iterator[ErrorDetail]:
    """ "Setting Azure RBAC permission model invalidates all access policies permissions. It can cause outages when
    equivalent Azure roles aren't assigned" ("Migrate from vault access policy to an Azure role-based access control
    permission model"); the other way round no policy would be there for a system identity."""
    was, becomes = before.vault.permission_model, after.vault.permission_model
    if was != becomes:
        yield not_allowed(
            "$.vault.permissionModel",
            f"is {was!r} and cannot become {becomes!r}: the identities would be locked out of their secrets.",
        )


TRANSITIONS: dict[str, Transition] = {
    "identity.joined": Transition(_identity, ("S2-13", "S2-14")),
    "network.isolation": Transition(_isolation),
    "encryption.key": Transition(_own_key),
    "vault.permissionModel": Transition(_permission_model),
}
"""Rule name → rule."""
