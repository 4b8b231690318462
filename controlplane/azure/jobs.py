"""Machine learning jobs, through ``azure-ai-ml``: submit a command, look at it, cancel it.

The SDK is synchronous and takes seconds to import: it is loaded on first use and runs in threads.
"""

from __future__ import annotations

import asyncio
import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from controlplane.azure.job_request import OWNER_TAG, JobRequest
from controlplane.errors import Conflict
from controlplane.settings import Settings

if TYPE_CHECKING:
    from controlplane.azure._ml import Session


@dataclass(frozen=True, slots=True)
class JobState:
    """``status`` in Azure ML's words: NotStarted, Queued, Preparing, Running, Completed, Failed, Canceled, …"""

    name: str
    status: str
    owner: str | None


class JobClient:
    """Jobs of any workspace, as one managed identity. Methods take the workspace's ARM id; raise as the writer does."""

    def __init__(self, settings: Settings, client_id: str) -> None:
        self._settings = settings
        self._client_id = client_id
        self._session: Session | None = None
        self._opening = asyncio.Lock()

    async def submit(self, workspace_id: str, request: JobRequest) -> JobState:
        """Starts the job, or finds it started. Raises ``Conflict("JobExists")`` when the name is another owner's."""
        found = await self.state(workspace_id, request.name)
        if found is None:
            session = await self.session()
            return _state(await asyncio.to_thread(session.submit, workspace_id, request))
        if found.owner != request.owner:
            raise Conflict("JobExists", f"The workspace has a job {request.name} that is not {request.owner}'s.")
        return found

    async def state(self, workspace_id: str, name: str) -> JobState | None:
        """None when there is no such job."""
        session = await self.session()
        job = await asyncio.to_thread(session.get, workspace_id, name)
        return None if job is None else _state(job)

    async def cancel(self, workspace_id: str, name: str) -> None:
        """Asks for it and does not wait; a job that has ended stays as it is."""
        session = await self.session()
        await asyncio.to_thread(session.cancel, workspace_id, name)

    async def close(self) -> None:
        """Closes the sockets. The client may be used again, and then opens new ones."""
        session, self._session = self._session, None
        if session is not None:
            await asyncio.to_thread(session.close)

    async def session(self) -> Session:
        """The SDK, loaded and connected once."""
        async with self._opening:
            if self._session is None:
                module = await asyncio.to_thread(importlib.import_module, "controlplane.azure._ml")
                self._session = await asyncio.to_thread(module.Session, self._settings, self._client_id)
            assert self._session is not None
            return self._session


def _state(job: Any) -> JobState:
    status = getattr(job.status, "value", job.status)
    return JobState(job.name, str(status), (job.tags or {}).get(OWNER_TAG))
