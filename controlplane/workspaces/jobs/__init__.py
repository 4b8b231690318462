"""Whether a job, as Azure ML's YAML describes it, will read its data and pull its image. Pure."""

from controlplane.workspaces.jobs.check import check_job
from controlplane.workspaces.jobs.model import JobCheck, JobFinding, JobQuestion, Level
from controlplane.workspaces.jobs.rules import RULES

__all__ = ["RULES", "JobCheck", "JobFinding", "JobQuestion", "Level", "check_job"]
