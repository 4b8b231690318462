"""Names of Azure resources: the same request always gives the same names, and no two workspaces share a global one."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass

#: 12 characters of base 32 are 60 bits: two of a million workspaces collide once in a million years of trying.
_LENGTH = 12


@dataclass(frozen=True, slots=True)
class Names:
    """``token`` is in every name that is global or survives deletion for a while (vault, workspace, Log Analytics), so
    that a new incarnation never meets the soft-deleted names of the last one."""

    workspace: str
    token: str

    @staticmethod
    def of(subscription_id: str, workspace: str, incarnation: int) -> Names:
        """Hash of (subscription, workspace, incarnation)."""
        text = f"{subscription_id.lower()}|{workspace}|{incarnation}"
        digest = base64.b32encode(hashlib.sha256(text.encode()).digest()).decode().lower()
        return Names(workspace, digest[:_LENGTH])

    @property
    def storage(self) -> str:
        """3-24 lower-case letters and digits, global."""
        return f"st{self.workspace.replace('-', '')[:10]}{self.token}"

    @property
    def vault(self) -> str:
        """3-24 letters, digits and single hyphens, global, soft-deleted for 90 days."""
        return f"kv-{self.workspace.replace('-', '')[:8]}-{self.token}"

    @property
    def registry(self) -> str:
        """5-50 letters and digits, global."""
        return f"cr{self.workspace.replace('-', '')[:32]}{self.token}"

    @property
    def ml_workspace(self) -> str:
        """3-33 letters, digits, hyphens; soft-deleted for 14 days."""
        return f"mlw-{self.workspace[:16].rstrip('-')}-{self.token}"

    @property
    def log_analytics(self) -> str:
        """4-63 letters, digits, hyphens; soft-deleted for 14 days."""
        return f"log-{self.workspace}-{self.token}"

    @property
    def component(self) -> str:
        return f"appi-{self.workspace}-{self.token}"

    def plain(self, prefix: str, suffix: str) -> str:
        """A name that only has to be unique in the workspace's own group."""
        return f"{prefix}-{self.workspace}-{suffix}"

    def abroad(self, prefix: str) -> str:
        """The name of what we add to somebody else's network or zone; no other workspace ever has it."""
        return f"{prefix}-{self.workspace}-{self.token}"
