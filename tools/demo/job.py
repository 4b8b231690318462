"""One job on the cluster, submitted through ``azure-ai-ml`` as a data scientist's tool would."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable

from controlplane.azure.job_request import JobRequest
from controlplane.azure.jobs import JobClient
from controlplane.settings import Settings
from tools.demo.month import Month
from tools.demo.owner import Owner
from tools.local import LocalStack, controlplane_environment

_COMPUTE_VERSION = "2024-10-01"
#: Azure takes about two minutes for a node; some more until the job has ended and its node is idle for long enough.
ALLOCATED_SECONDS, OVER_SECONDS = 130, 600


def run_job(stack: LocalStack, workspace_id: str, cluster: str, say: Callable[[str], None]) -> list[int]:
    """Runs it to its end and waits until the cluster has scaled down; returns the node counts seen, in order."""
    os.environ.update(controlplane_environment(stack.azure, stack.directory))
    # The SDK announces its own experimental classes, which nobody here uses.
    logging.getLogger("azure.ai.ml._utils._experimental").setLevel(logging.ERROR)
    # At Azure's own pace and by leaps: a node that stands for a second would be missed by whoever looks away.
    with Owner(stack) as owner, Month(stack) as month, month.at_pace(1):
        return asyncio.run(_run(stack, (owner, month), f"{workspace_id}/computes/{cluster}", say))


async def _run(stack: LocalStack, azure: tuple[Owner, Month], cluster: str, say: Callable[[str], None]) -> list[int]:
    owner, month = azure
    workspace_id, _, name = cluster.rpartition("/computes/")
    # Not the control plane's own identity, which may not touch jobs.
    jobs = JobClient(Settings(), stack.azure["DATA_SCIENTIST_CLIENT_ID"])
    nodes = [_nodes(owner, cluster)]
    say(f"nodes {nodes[0]}")
    wanted = JobRequest("demo-training-1", "demo", "python train.py", "azureml:training:1", name, "demo")
    state = await jobs.submit(workspace_id, wanted)
    say(f"job {state.status}, nodes {_nodes(owner, cluster)}")
    for seconds in (ALLOCATED_SECONDS, OVER_SECONDS):
        await asyncio.to_thread(month.leap, seconds)
        state = await jobs.state(workspace_id, wanted.name) or state
        nodes.append(_nodes(owner, cluster))
        say(f"after {seconds} s: job {state.status}, nodes {nodes[-1]}")
    await jobs.close()
    if state.status != "Completed":
        raise RuntimeError(f"the job is {state.status}")
    return nodes


def _nodes(owner: Owner, cluster: str) -> int:
    body = owner.get(cluster, _COMPUTE_VERSION)
    if body is None:
        raise RuntimeError(f"there is no cluster {cluster}")
    return int(body["properties"]["properties"].get("currentNodeCount", 0))
