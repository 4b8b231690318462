"""What Azure Policy says to the registry of a workspace (S2-73)."""

from __future__ import annotations

from collections.abc import Iterator

from controlplane.arm import fold
from controlplane.json_types import JsonObject
from controlplane.workspaces import kinds
from controlplane.workspaces.policies.effective import Denial, Policies, assignments_of, definitions_of, denials
from controlplane.workspaces.policies.registry import asks_admin, own_registry, wanted
from controlplane.workspaces.posture.model import FindingStatus
from controlplane.workspaces.posture.scene import Outcome, Scene, manual, unknown

_PATH = "$.properties.adminUserEnabled"
_OFF = "The registry comes before the workspace, without an admin account: no policy is in the way of that."


def registry_policy(scene: Scene) -> Iterator[Outcome]:
    """An admin account that the spec asks for is one that no policy denies: the next write of it would be refused."""
    registry = own_registry(scene.blueprint)
    if registry is None:
        return
    arm_id = scene.id_of(registry)
    if why := scene.unreadable(registry.key):
        yield unknown(registry.key, arm_id, _PATH, None, why)
        return
    if asks_admin(scene.blueprint) is None:
        yield Outcome(registry.key, arm_id, FindingStatus.PASS, _PATH, False, False, _OFF)
        return
    found = _policies(scene)
    where = assignments_of(found.group).path
    against = denials(found, wanted(registry))
    certain = [one for one in against if one.certain]
    if certain:
        names = ", ".join(f"'{one.name}'" for one in certain)
        message = f"Azure Policy denies the admin account that the spec gives its registry: {names}."
        fix = manual("Take registry.adminUser out of the spec; who assigned the policy may exempt the group.")
        yield Outcome(
            registry.key, arm_id, FindingStatus.FAIL, _PATH, "allowed", "denied", message, (), fix, _of(certain, where)
        )
    elif found.unreadable is not None:
        yield unknown(registry.key, arm_id, _PATH, "allowed", found.unreadable)
    elif against:
        message = f"The rule of '{against[0].name}' is not understood: it may deny the registry's admin account."
        yield Outcome(registry.key, arm_id, FindingStatus.UNKNOWN, _PATH, "allowed", None, message)
    else:
        message = "No policy that is assigned here denies the registry's admin account."
        yield Outcome(registry.key, arm_id, FindingStatus.PASS, _PATH, "allowed", "allowed", message, read_from=where)


def _of(denied: list[Denial], where: str) -> str:
    return denied[0].assignment_id if len(denied) == 1 else where


def _policies(scene: Scene) -> Policies:
    """From what was observed; a definition that is assigned and was not read makes its assignment's answer unknown."""
    group = scene.blueprint.own_groups[0]
    of_type: dict[str, list[JsonObject]] = {kind: [] for kind in _KINDS}
    for arm_id, body in scene.observed.snapshot.items():
        kind = next((kind for kind in _KINDS if f"/providers/{kind.lower()}/" in arm_id), None)
        if kind is not None:
            of_type[kind].append(body)
    assigned = tuple(of_type[kinds.POLICY_ASSIGNMENT])
    asked = (assignments_of(group), *definitions_of(scene.blueprint.subscription_id, assigned))
    why = next((u for read in asked if (u := scene.unlisted(read.path)) is not None), None)
    bodies = {fold(str(one["id"])): one for kind in _KINDS[1:] for one in of_type[kind]}
    return Policies(group, assigned, bodies, why)


_KINDS = (kinds.POLICY_ASSIGNMENT, kinds.POLICY_DEFINITION, kinds.POLICY_SET)
