"""Whether the compute instances of a workspace stop when nobody uses them, whoever made them. Pure.

"The compute instance won't shut down due to inactivity unless the managed identity has contributor access to the Azure
Machine Learning workspace": "Create an Azure Machine Learning compute instance", Configure idle shutdown (S2-52).
"""

from __future__ import annotations

from collections.abc import Iterator

from controlplane.arm import is_within, name_of, parent_of
from controlplane.json_types import JsonObject
from controlplane.workspaces.posture.checks.holders import assignments, computes, default_principal, unread
from controlplane.workspaces.posture.model import FindingStatus
from controlplane.workspaces.posture.scene import Cause, Outcome, Scene, manual, unknown
from controlplane.workspaces.resolve import at

_IDLE = "$.properties.properties.idleTimeBeforeShutdown"
#: Owner and Contributor, built in.
_SUFFICIENT = frozenset({"8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "b24988ac-6180-42a0-ab88-20f7382dd24c"})
_NOT_OURS = (
    "It is not in the blueprint: whoever made it grants its identity Contributor on the workspace, or removes it."
)


def idle_shutdown(scene: Scene) -> Iterator[Outcome]:
    """Every instance has a time after which it stops, and an identity that may stop it where it has one at all."""
    for body in computes(scene):
        if at(body, "properties.computeType") == "ComputeInstance":
            yield _judge(scene, body)


def _judge(scene: Scene, body: JsonObject) -> Outcome:
    arm_id = str(body["id"])
    key, name, principal = scene.key_of(arm_id), name_of(arm_id), default_principal(body)
    idle, why = at(body, "properties.properties.idleTimeBeforeShutdown"), unread(scene)
    if idle and principal is not None and why is not None:
        return unknown(key, arm_id, _IDLE, "an identity that may stop it", why)
    status, message = FindingStatus.PASS, f"Instance {name} stops when it was idle for {idle}."
    if not idle:
        status, message = FindingStatus.FAIL, f"Instance {name} never stops by itself."
    elif principal is not None and not _may_stop(scene, parent_of(arm_id) or "", principal):
        message = (
            f"Instance {name} does not stop when idle: its identity {principal} is no Contributor on the workspace."
        )
        status = FindingStatus.FAIL
    causes = () if key is None else (Cause(key, _IDLE), Cause(key, "$.identity"), *_grants(scene, key))
    return Outcome(key, arm_id, status, _IDLE, "an idle time that works", idle, message, causes, manual(_NOT_OURS))


def _grants(scene: Scene, key: str) -> Iterator[Cause]:
    """The declared grants by which it may stop itself: of its own identity, or of the default one of those it has."""
    waited = scene.blueprint.by_key[key].depends_on
    for resource in scene.blueprint.resources:
        its_own = key in resource.depends_on or resource.key in waited
        if its_own and resource.key.startswith("role/") and resource.key.endswith("/workspace/contributor"):
            yield Cause(resource.key)


def _may_stop(scene: Scene, workspace: str, principal: str) -> bool:
    """Whether it is Contributor or Owner there, or anywhere above."""
    for body in assignments(scene):
        role = str(at(body, "properties.roleDefinitionId")).rpartition("/")[2].lower()
        holder, scope = str(at(body, "properties.principalId")), str(at(body, "properties.scope"))
        if role in _SUFFICIENT and holder.lower() == principal.lower() and is_within(workspace, scope):
            return True
    return False
