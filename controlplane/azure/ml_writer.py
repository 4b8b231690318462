"""Pipeline jobs through ``azure-ai-ml``. Implements ``ports.ml.MlWriter``."""

from __future__ import annotations

import asyncio
from typing import Any

from controlplane.azure.jobs import JobClient
from controlplane.errors import Conflict
from controlplane.ports.ml import PipelineJob
from controlplane.ports.schedules import MonitorRequest, PipelineSchedule

#: The tag that says whose job this is.
OWNER_TAG = "cp.decisionId"


class AzureMlWriter:
    """As one managed identity; connections, threads and errors are the job client's."""

    def __init__(self, jobs: JobClient) -> None:
        self._jobs = jobs

    async def submit(self, workspace_id: str, job: PipelineJob) -> None:
        """Read first: a job that is there is ours or somebody else's, and is not sent again."""
        session = await self._jobs.session()
        found = await asyncio.to_thread(session.get, workspace_id, job.name)
        if found is None:
            await asyncio.to_thread(session.submit_pipeline, workspace_id, job, OWNER_TAG)
            return
        _require_ours(found, job)

    async def cancel(self, workspace_id: str, name: str) -> None:
        """Asks for it and does not wait."""
        await self._jobs.cancel(workspace_id, name)

    async def put_schedule(self, workspace_id: str, request: MonitorRequest | PipelineSchedule) -> None:
        """Creates or replaces it; whether it stands is read back."""
        session = await self._jobs.session()
        await asyncio.to_thread(session.put_schedule, workspace_id, request)


def _require_ours(found: Any, job: PipelineJob) -> None:
    if (found.tags or {}).get(OWNER_TAG) != job.owner:
        raise Conflict("JobExists", f"The workspace has a job {job.name} that this decision did not start.")
