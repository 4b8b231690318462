"""What the store holds of a workspace: who asked for what (record) and how far it is (status). Pure data."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import Field

from controlplane.operations.model import Condition, Model


class Owned(Model):
    """A resource that this workspace wrote, or intended to; what a deletion and an update start from."""

    resource_id: str
    type: str
    api_version: str
    depends_on: tuple[str, ...] = ()


class GrantApproval(Model):
    """A Platform.Admin's word that an administrator shall make a grant which the operator may not make."""

    grant: str
    """Its name: the same for the same role of the same principal on the same resource."""
    by: str
    at: datetime


class WaiverAcceptance(Model):
    """Who accepted the waiver of a conflict as it stands in the spec."""

    conflict: str
    by: str = Field(description="`{tenant id}/{object id}`.")
    at: datetime


class WorkspaceRecord(Model):
    """Written by accepted requests, and by the tick when an operation ends.

    ``generation`` counts changes of the spec; ``incarnation`` counts how often a workspace of this name was made, so
    that a new one never meets the soft-deleted names of the last one.
    """

    name: str
    project: str
    resource_group: str
    """Name of the group that holds everything; fixed at creation, so that a changed registration moves nothing."""
    spec: Mapping[str, Any]
    """The validated spec as it was asked, camelCase, defaults filled in."""
    address_space: str = ""
    """The range that it has, also where the spec says ``auto``; taken and given back with the record itself."""
    former_address_spaces: tuple[str, ...] = ()
    """Ranges that it moves away from: others may have them when an operation has reached its end, not before."""
    place: int | None = None
    """Which of the project's places for workspaces it has."""
    access_requests: Mapping[str, tuple[str, ...]] = {}
    """Who asked for grants that an administrator has to make → their names; somebody else approves them."""
    access_approvals: tuple[GrantApproval, ...] = ()
    waiver_acceptances: tuple[WaiverAcceptance, ...] = ()
    """Of each waiver in ``spec``."""
    node_limits: Mapping[str, int] = {}
    """Cluster (lower case) → the most nodes that it may have now, by a budget that blocks jobs; what the spec asks for
    comes back when it is released. Kept here, so that plans, validations and repairs mean the same as what stands."""
    frozen: bool = False
    """By a budget: nothing of ours makes anything larger that serves."""
    generation: int = 1
    incarnation: int = 1
    deleting: bool = False
    partly_deleted: bool = False
    """A deletion has sent a DELETE and did not reach its end: the wish to delete cannot be taken back any more."""
    archived: bool = False
    """Its computes are taken away until it is restored; the spec keeps them."""
    access_ended: bool = False
    """Its project has ended: personas have no roles in Azure until the project goes on (S3-70)."""
    active_operation: str | None = None
    """Id of the one operation that may run on this workspace now."""
    last_operation: str | None = None
    due_at: datetime | None = None
    """When a tick should look at it again; mirrored by one row of the due index in the same commit."""
    created_at: datetime
    created_by: str
    last_modified_at: datetime
    last_modified_by: str

    @property
    def public_etag(self) -> str:
        """What callers see: it changes with the spec and the wishes to archive and to delete, not with progress."""
        wishes = ("a" if self.archived else "") + ("d" if self.deleting else "")
        return f'"{self.incarnation}.{self.generation}{wishes}"'


class WorkspaceStatus(Model):
    """Written by ticks under their lease."""

    observed_generation: int = 0
    conditions: tuple[Condition, ...] = ()
    outputs: Mapping[str, Any] = {}
    """Ids, FQDNs and principals that callers need: ``resourceGroupId``, ``workspaceId``, ``principalId``, ...."""
    inventory: Mapping[str, Owned] = {}
    """Logical key → resource this workspace owns in Azure."""
    last_observed_at: datetime | None = None
