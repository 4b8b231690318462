"""The end of an archived workspace: not built here yet; what it takes is said."""

from __future__ import annotations

from controlplane.governance.deps import GovernanceDeps
from controlplane.governance.expiry.model import Expiry
from controlplane.workspaces.records import WorkspaceRecord


async def elevated(deps: GovernanceDeps, expiry: Expiry, record: WorkspaceRecord) -> Expiry:
    return expiry
