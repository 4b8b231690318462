"""The vault of a key of the customer's own: it is there, and nobody can purge what it holds. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from controlplane.arm import name_of
from controlplane.workspaces import kinds
from controlplane.workspaces.plan_checks.identity import is_protected
from controlplane.workspaces.posture.model import FindingStatus
from controlplane.workspaces.posture.paths import value_at
from controlplane.workspaces.posture.scene import Outcome, Scene, manual, unknown

_VAULT = "$.properties.encryption.keyVaultProperties.keyVaultArmId"
_PROTECTION = "$.properties.enablePurgeProtection"
_THEIRS = "It is somebody else's vault: whoever runs it brings it back, or protects it from purging."


def protected(scene: Scene) -> Iterator[Outcome]:
    """S2-24: without its key a workspace is lost, so its vault keeps what was deleted and lets nobody purge it."""
    for workspace in scene.of_type(kinds.ML_WORKSPACE):
        vault_id = value_at(workspace.body, _VAULT)
        if not isinstance(vault_id, str):
            continue
        if why := scene.unlisted(vault_id):
            yield unknown(workspace.key, vault_id, _PROTECTION, True, why)
            continue
        vault = scene.by_id(vault_id)
        fine = vault is not None and is_protected(vault)
        what = "is there and cannot be purged" if fine else "is gone" if vault is None else "may be purged"
        yield Outcome(
            workspace.key,
            vault_id,
            FindingStatus.PASS if fine else FindingStatus.FAIL,
            _PROTECTION,
            True,
            None if vault is None else value_at(vault, _PROTECTION) is True,
            f"Vault {name_of(vault_id)}, which holds the key of {workspace.key}, {what}.",
            (),
            manual(_THEIRS),
            vault_id,
        )
