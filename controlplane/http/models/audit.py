"""The audit, and whether it is as it was written."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from controlplane.audit.model import AuditEntry
from controlplane.operations.model import Model


class AuditList(Model):
    value: tuple[AuditEntry, ...]
    next_link: str | None = None


class VerifyRequest(Model):
    """Without ``object`` every chain is verified."""

    object: str | None = Field(default=None, description="`workspaces/{name}` or `projects/{name}`.")


class BadEntry(Model):
    """Where a chain, or the anchor, breaks first."""

    object: str = Field(description="The chain, or the log of the anchor.")
    sequence: int = Field(description="Of the entry, or number of the checkpoint.")
    reason: str = Field(description="Such as HashMismatch, EntryMissing, CheckpointMismatch.")
    message: str


class CheckpointBody(Model):
    """The last line of the anchor."""

    number: int
    at: datetime
    count: int = Field(description="Chains under the root.")
    root: str = Field(description="Merkle root (RFC 6962) in hex.")


class VerificationBody(Model):
    """Whether the audit is as it was written."""

    consistent: bool = Field(description="Every hash, link and checkpoint that was looked at agrees.")
    anchored: bool = Field(description="False: nothing outside the store says that the chains were not rewritten.")
    checked_chains: int
    checked_entries: int
    unanchored_entries: int = Field(description="Entries that came after the last checkpoint of their chain.")
    first_bad: BadEntry | None
    checkpoint: CheckpointBody | None
