"""One job on the cluster, submitted through ``azure-ai-ml`` as a data scientist's tool would."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import time
from collections.abc import Callable

import httpx

from controlplane.azure.jobs import JobClient, JobRequest
from controlplane.settings import Settings
from tools.local import LocalStack, controlplane_environment

_COMPUTE_VERSION = "2024-10-01"
_ENDED = ("Completed", "Failed", "Canceled")


def run_job(stack: LocalStack, workspace_id: str, cluster: str, say: Callable[[str], None]) -> list[int]:
    """Runs it to its end and waits until the cluster has scaled down; returns the node counts seen, in order."""
    os.environ.update(controlplane_environment(stack.azure, stack.directory))
    # The SDK announces its own experimental classes, which nobody here uses.
    logging.getLogger("azure.ai.ml").setLevel(logging.ERROR)
    return asyncio.run(_run(stack, workspace_id, cluster, say))


async def _run(stack: LocalStack, workspace_id: str, cluster: str, say: Callable[[str], None]) -> list[int]:
    settings = Settings()
    jobs = JobClient(settings, settings.operator_client_id)
    name = "demo-training-1"
    nodes = [_nodes(stack, workspace_id, cluster)]
    say(f"nodes {nodes[0]}")
    state = await jobs.submit(
        workspace_id, JobRequest(name, "demo", "python train.py", "azureml:training:1", cluster, "demo")
    )
    shown = ""
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        found = await jobs.state(workspace_id, name) if state.status not in _ENDED else state
        state = found or state
        count = _nodes(stack, workspace_id, cluster)
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


def _nodes(stack: LocalStack, workspace_id: str, cluster: str) -> int:
    """Current nodes of the cluster, read as the subscription's owner."""
    azure = stack.azure
    url = f"{azure['ARM_ENDPOINT'].rstrip('/')}{workspace_id}/computes/{cluster}"
    with httpx.Client(verify=azure["SSL_CERT_FILE"]) as client:
        bearer = (
            client.post(
                f"{azure['AZURE_AUTHORITY_HOST'].rstrip('/')}/{azure['AZURE_TENANT_ID']}/oauth2/v2.0/token",
                data={
                    "grant_type": "client_credentials",
                    "client_id": azure["AZURE_CLIENT_ID"],
                    "client_secret": azure["AZURE_CLIENT_SECRET"],
                    "scope": "https://management.azure.com/.default",
                },
            )
            .raise_for_status()
            .json()["access_token"]
        )
        answer = client.get(
            url, params={"api-version": _COMPUTE_VERSION}, headers={"Authorization": f"Bearer {bearer}"}
        ).raise_for_status()
    properties = json.loads(answer.content)["properties"]["properties"]
    return int(properties.get("currentNodeCount", 0))
