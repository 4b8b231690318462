"""One job on the cluster, submitted through ``azure-ai-ml`` as a data scientist's tool would."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable

from controlplane.azure.job_request import JobRequest
from controlplane.azure.jobs import JobClient
from controlplane.settings import Settings
from tools.demo.owner import Owner
from tools.local import LocalStack, controlplane_environment

_COMPUTE_VERSION = "2024-10-01"
_ENDED = ("Completed", "Failed", "Canceled")


def run_job(stack: LocalStack, workspace_id: str, cluster: str, say: Callable[[str], None]) -> list[int]:
    """Runs it to its end and waits until the cluster has scaled down; returns the node counts seen, in order."""
    os.environ.update(controlplane_environment(stack.azure, stack.directory))
    # The SDK announces its own experimental classes, which nobody here uses.
    logging.getLogger("azure.ai.ml._utils._experimental").setLevel(logging.ERROR)
    with Owner(stack) as owner:
        return asyncio.run(_run(stack, owner, workspace_id, cluster, say))


async def _run(
    stack: LocalStack, owner: Owner, workspace_id: str, cluster: str, say: Callable[[str], None]
) -> list[int]:
    settings = Settings()
    # Not the control plane's own identity, which may not touch jobs.
    jobs = JobClient(settings, stack.azure["DATA_SCIENTIST_CLIENT_ID"])
    name = "demo-training-1"
    nodes = [_nodes(owner, workspace_id, cluster)]
    say(f"nodes {nodes[0]}")
    state = await jobs.submit(
        workspace_id, JobRequest(name, "demo", "python train.py", "azureml:training:1", cluster, "demo")
    )
    shown = ""
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        found = await jobs.state(workspace_id, name) if state.status not in _ENDED else state
        state = found or state
        count = _nodes(owner, workspace_id, cluster)
        if state.status != shown:
            shown = state.status
            say(f"job {shown}, nodes {count}")
        if count != nodes[-1]:
            nodes.append(count)
            say(f"nodes {count}")
        if state.status in _ENDED and count == 0:
            break
        await asyncio.sleep(0.2)
    await jobs.close()
    if state.status != "Completed":
        raise RuntimeError(f"the job is {state.status}")
    return nodes


def _nodes(owner: Owner, workspace_id: str, cluster: str) -> int:
    body = owner.get(f"{workspace_id}/computes/{cluster}", _COMPUTE_VERSION)
    if body is None:
        raise RuntimeError(f"there is no cluster {cluster}")
    return int(body["properties"]["properties"].get("currentNodeCount", 0))
