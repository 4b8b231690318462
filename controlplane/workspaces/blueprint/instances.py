"""Compute instances: a machine of one person, without public address, without SSH, that stops when it is idle.

Source: "Create an Azure Machine Learning compute instance"; names of properties: ComputeInstanceProperties of the
published SDK model.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from controlplane.workspaces import kinds as k
from controlplane.workspaces.blueprint.access import needed_by
from controlplane.workspaces.blueprint.compute import after, identity_of, subnet_of
from controlplane.workspaces.blueprint.context import Site, resource
from controlplane.workspaces.blueprint.workspace import workspace_id
from controlplane.workspaces.model import Resource
from controlplane.workspaces.spec_model import Instance


def instances(site: Site) -> Iterator[Resource]:
    """One machine each."""
    for instance in site.spec.compute.instances:
        arm_id = f"{workspace_id(site)}/computes/{instance.name}"
        before = (*after(site), *needed_by(site, instance.identity, idles=True))
        yield resource(f"instance/{instance.name}", k.COMPUTE, arm_id, _body(site, instance), before)


def _body(site: Site, instance: Instance) -> dict[str, Any]:
    identity = {} if instance.identity.type == "none" else {"identity": identity_of(site, instance.identity)}
    return {
        "location": site.spec.location,
        "tags": site.tags,
        **identity,
        "properties": {
            "computeType": "ComputeInstance",
            "disableLocalAuth": True,
            "properties": {
                "vmSize": instance.size,
                "subnet": subnet_of(site),
                "enableNodePublicIp": False,
                "sshSettings": {"sshPublicAccess": "Disabled"},
                "applicationSharingPolicy": "Personal",
                "computeInstanceAuthorizationType": "personal",
                "personalComputeInstanceSettings": {
                    "assignedUser": {"objectId": instance.assigned_to, "tenantId": site.context.tenant_id}
                },
                "idleTimeBeforeShutdown": instance.idle_shutdown,
            },
        },
    }
