"""Whose run it is that says so: one that the monitor's schedule started, or anybody's that was tagged.

Whoever may write jobs in a workspace may tag one. A breach counts when the step belongs to a run that Azure ML itself
lists under the monitor's schedule (Jobs_List, `scheduled` and `scheduleId`, API 2024-01-01-preview; azure-ai-ml sends
the same for `jobs.list(scheduled_job_name=…)`), and was made by the same identity as that run. `computedBy: pipeline`
has a schedule of the same name, so that the rule is one. What remains: somebody tags a step of a true run; he may write
jobs in that workspace, and could as well submit the training himself.
"""

from __future__ import annotations

from controlplane.arm import name_of
from controlplane.json_types import JsonObject
from controlplane.ports.reader import NewestReader
from controlplane.retraining.monitors.model import Monitor
from controlplane.retraining.signals.eventgrid import ROOT_RUN

#: The one with `scheduleId`.
SCHEDULED_API = "2024-01-01-preview"
NOT_ITS_MONITORS = "NotOfItsMonitor"


async def its_run(reader: NewestReader, workspace_id: str, monitor: Monitor, name: str) -> JsonObject | None:
    """The run of this name when the monitor's schedule started it, not long ago; else None. Raises ``Transient``,
    ``Rejected``."""
    query = (("scheduled", "true"), ("scheduleId", monitor.name))
    runs = await reader.first(f"{workspace_id}/jobs", SCHEDULED_API, query)
    return next((one for one in runs if _name(one) == name.lower()), None)


def root_of(step: JsonObject) -> str:
    """The run that a step says it belongs to; a run that is no step is its own."""
    said = properties_of(step).get("properties")
    root = said.get(ROOT_RUN) if isinstance(said, dict) else None
    return root if isinstance(root, str) and root else name_of(str(step.get("id", "")))


def same_maker(step: JsonObject, run: JsonObject) -> bool:
    """Whether one identity made both; where Azure does not say of either, nothing speaks against it."""
    makers = {_maker(step), _maker(run)} - {None}
    return len(makers) < 2


def properties_of(job: JsonObject) -> JsonObject:
    """Empty where Azure shows none, as it may do of a pipeline's step."""
    found = job.get("properties")
    return found if isinstance(found, dict) else {}


def _maker(job: JsonObject) -> str | None:
    system = job.get("systemData")
    by = system.get("createdBy") if isinstance(system, dict) else None
    return str(by).lower() if by else None


def _name(job: JsonObject) -> str:
    return str(job.get("name") or name_of(str(job.get("id", "")))).lower()
