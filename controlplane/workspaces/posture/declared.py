"""Findings of the blueprint's own comparison: what is missing, what differs, what is unread, what passes. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from controlplane.arm import ancestors
from controlplane.workspaces import kinds
from controlplane.workspaces.model import Action, Change, Difference, Origin, Resource, RoleAssignmentId
from controlplane.workspaces.posture.controls import Control, find
from controlplane.workspaces.posture.ledger import Ledger, finding_id
from controlplane.workspaces.posture.model import Evidence, Finding, FindingStatus, Repair, RepairKind, Severity
from controlplane.workspaces.posture.paths import ABSENT, plain, refs, steps, value_at
from controlplane.workspaces.posture.profile import applies
from controlplane.workspaces.posture.scene import NO_REPAIR, Cause, Scene, manual

_REPLACES = (
    "Azure cannot change this in place: a PUT with allowDestructive=true deletes the resource and makes it again."
)
_DELETES = (
    "Somebody added it, and a write of what is declared deletes it: declare it, or PUT with allowDestructive=true."
)
_GIVEN = "The spec names it and somebody else owns it: whoever deleted it has to bring it back."
_KEEPS_NAME = (
    "Azure keeps a deleted {} for a while. If somebody deleted this one, recover it and repair, or purge it and send "
    "the workspace's PUT again; or delete the workspace here and make it again, under new names."
)
#: Type → why a missing one may not come back by being written. Source: "Workspace data deletion and recovery" (a
#: soft-deleted workspace blocks its name). A vault is asked back by its own PUT.
_KEPT = {
    kinds.ML_WORKSPACE: _KEEPS_NAME.format("workspace and its name"),
    kinds.RESOURCE_GROUP: _KEEPS_NAME.format("group's workspace and its name"),
}


@dataclass(slots=True)
class Declared:
    """Goes through the changes once, in the order of the blueprint, so that a parent comes before its children."""

    scene: Scene
    ledger: Ledger
    environment: str
    controls: dict[str, Control]
    fallback: Control
    _known: dict[str, tuple[Control, ...]] = field(default_factory=dict)

    def judge(self, changes: Iterable[Change]) -> None:
        """Adds one finding for each difference, and one pass for each control that holds."""
        for change in changes:
            resource = self.scene.blueprint.by_key.get(change.key)
            if resource is None:
                continue  # A deletion or something unmanaged: nothing that is wanted.
            match change.action:
                case Action.UNKNOWN:
                    self._unknown(resource, change)
                case Action.CREATE:
                    self._missing(resource, change)
                case _:
                    self._compared(resource, change)

    def _unknown(self, resource: Resource, change: Change) -> None:
        facts = self._facts(resource, change, "$", f"Could not be read: {change.reason}", NO_REPAIR)
        self._add(self._control(resource, "$"), facts, FindingStatus.UNKNOWN)

    def _missing(self, resource: Resource, change: Change) -> None:
        control = self._control(resource, "$")
        kept = _KEPT.get(resource.type)
        repair = manual(kept) if kept else Repair(kind=RepairKind.UPDATE, keys=(resource.key,))
        if resource.origin is Origin.GIVEN:
            repair = manual(_GIVEN)
        facts = self._facts(resource, change, "$", f"{resource.key} does not exist.", repair)
        position = self.ledger.explain(self._causes(resource))
        if position is None:
            self._add(control, facts, FindingStatus.FAIL)
        else:
            evidence = Evidence(control=control.id, concern=control.concern, **facts)
            self.ledger.follow(position, evidence, gone=resource.key)

    def _causes(self, resource: Resource) -> Iterator[Cause]:
        """What lies in a missing resource is missing with it; so is what is named after a lost output of another."""
        place = resource.id.scope if isinstance(resource.id, RoleAssignmentId) else resource.id
        for above in (place, *ancestors(place)):
            key = self.scene.key_of(above)
            if key is not None and key != resource.key:
                yield Cause(key)
        lost = set(refs(resource.body))
        if isinstance(resource.id, RoleAssignmentId) and not isinstance(resource.id.principal, str):
            lost.add(resource.id.principal)
        for ref in sorted(lost, key=lambda r: (r.key, r.path)):
            yield Cause(ref.key)
            yield Cause(ref.key, f"$.{steps(ref.path)[0]}")

    def _compared(self, resource: Resource, change: Change) -> None:
        failing: set[str] = set()
        for difference in change.differences:
            control = self._control(resource, difference.path)
            failing.add(control.rule)
            self._differs(control, resource, change, difference)
        body = self.scene.body(resource.key) or {}
        for control, path in self._judged(resource):
            if control.rule not in failing:
                facts = self._facts(resource, change, control.path, "As declared.", NO_REPAIR)
                if path == "$":
                    facts["observed"] = change.id
                else:
                    facts["wanted"] = _shown(value_at(resource.body, path))
                    facts["observed"] = _shown(value_at(body, path))
                self._add(control, facts, FindingStatus.PASS)

    def _differs(self, control: Control, resource: Resource, change: Change, difference: Difference) -> None:
        repair = Repair(kind=RepairKind.UPDATE, keys=(resource.key,))
        # One write puts the whole body: with a difference that cannot be written, none of the resource's is.
        if control.manual or any(other.replaces for other in change.differences):
            repair = manual(control.manual or _REPLACES)
        elif difference.deletes:
            repair = manual(_DELETES)
        observed = "absent" if difference.observed_absent else difference.observed
        message = f"{resource.key}: {difference.path} is {_brief(observed)}, not {_brief(plain(difference.wanted))}."
        facts = self._facts(resource, change, difference.path, message, repair)
        facts |= {"wanted": plain(difference.wanted), "observed": difference.observed}
        self._add(control, facts, FindingStatus.FAIL)

    def _facts(self, resource: Resource, change: Change, path: str, message: str, repair: Repair) -> dict[str, Any]:
        """What evidence consists of, besides the control it is for."""
        return {
            "key": resource.key,
            "resource_id": change.id,
            "path": path,
            "wanted": change.id if path == "$" else None,
            "observed": None,
            "read_from": self.ledger.read_from(change.id),
            "message": message,
            "repair": repair,
        }

    def _add(self, control: Control, facts: dict[str, Any], status: FindingStatus) -> None:
        applicable = applies(control.environments, self.environment)
        self.ledger.add(
            Finding(
                **facts,
                control=control.id,
                concern=control.concern,
                id=finding_id(control.id, facts["key"], facts["path"]),
                status=status,
                # What was asked for and is not so always fails; where the profile is light it weighs less.
                severity=control.severity if applicable else Severity.LOW,
                section=control.section,
                requirements=control.requirements,
            )
        )

    def _control(self, resource: Resource, path: str) -> Control:
        return find(self._concerning(resource), path, self.fallback)

    def _concerning(self, resource: Resource) -> tuple[Control, ...]:
        """The catalogue is long and a workspace has hundreds of resources: each is looked up once."""
        if resource.key not in self._known:
            self._known[resource.key] = tuple(c for c in self.controls.values() if c.concerns(resource))
        return self._known[resource.key]

    def _judged(self, resource: Resource) -> Iterator[tuple[Control, str]]:
        """Controls that a resource without differences passes, and the path of the value that shows it."""
        for control in self._concerning(resource):
            path = control.path
            declared = path == "$" or value_at(resource.body, path) is not ABSENT
            if declared and self._control(resource, path) is control:
                yield control, path
        yield self.fallback, "$"


def _shown(value: Any) -> Any:
    return None if value is ABSENT else plain(value)


def _brief(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 120 else f"{text[:117]}..."
