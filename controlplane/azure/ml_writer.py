"""Pipeline jobs through ``azure-ai-ml``. Implements ``ports.ml.MlWriter``."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from controlplane.azure.jobs import JobClient
from controlplane.ports.ml import BatchDeployment, Component, PipelineJob
from controlplane.ports.schedules import MonitorRequest, PipelineSchedule

#: The tag that says whose job this is.
OWNER_TAG = "cp.decisionId"


class AzureMlWriter:
    """As one managed identity; connections, threads and errors are the job client's."""

    def __init__(self, jobs: JobClient) -> None:
        self._jobs = jobs

    async def submit(self, workspace_id: str, job: PipelineJob) -> None:
        session = await self._jobs.session()
        tags = {**job.tags, OWNER_TAG: job.owner}
        match job.source:
            case Component(ref):
                await asyncio.to_thread(session.submit_pipeline, workspace_id, job, ref, tags)
            case BatchDeployment():
                await asyncio.to_thread(session.invoke, workspace_id, job, job.source)
            case definition:
                properties = {**definition.properties, "experimentName": job.experiment, "tags": tags}
                await asyncio.to_thread(session.put_job, workspace_id, job.name, properties)

    async def label(self, workspace_id: str, name: str, tags: Mapping[str, str]) -> None:
        session = await self._jobs.session()
        await asyncio.to_thread(session.label, workspace_id, name, dict(tags))

    async def cancel(self, workspace_id: str, name: str) -> None:
        await self._jobs.cancel(workspace_id, name)

    async def put_schedule(self, workspace_id: str, request: MonitorRequest | PipelineSchedule) -> None:
        """Creates or replaces it; whether it stands is read back."""
        session = await self._jobs.session()
        await asyncio.to_thread(session.put_schedule, workspace_id, request)
