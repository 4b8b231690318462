"""A command that runs as a job, and whose it is."""

from __future__ import annotations

from dataclasses import dataclass

#: The tag that says whose job this is; a job's name alone could be anybody's.
OWNER_TAG = "cp.owner"


@dataclass(frozen=True, slots=True)
class JobRequest:
    """One command on one cluster. ``name`` is the key: submitting it twice gives one job. ``environment`` is an id
    that exists (``azureml://registries/…``, ``azureml:name:version``); nothing is built or uploaded."""

    name: str
    owner: str
    command: str
    environment: str
    compute: str
    experiment: str = "Default"
