"""Properties that the blueprint leaves to Azure and that must not be opened behind its back. Pure.

Each is a control of the catalogue on an undeclared property. Where the blueprint declares the property after all, the
ordinary comparison judges it and the entry here is silent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from controlplane.workspaces import kinds
from controlplane.workspaces.model import Resource
from controlplane.workspaces.posture.model import FindingStatus
from controlplane.workspaces.posture.paths import ABSENT, value_at
from controlplane.workspaces.posture.scene import Outcome, Scene, manual, reapply, unknown

_STATE = "$.properties.provisioningState"
_DONE, _BROKEN = frozenset({"succeeded"}), frozenset({"failed", "canceled"})


@dataclass(frozen=True, slots=True)
class Off:
    """``path`` of every resource of ``type`` is absent or false."""

    type: str
    path: str

    def __call__(self, scene: Scene) -> Iterator[Outcome]:
        for resource in scene.of_type(self.type):
            if value_at(resource.body, self.path) is ABSENT:
                yield from self._judge(scene, resource)

    def _judge(self, scene: Scene, resource: Resource) -> Iterator[Outcome]:
        resource_id = scene.id_of(resource)
        if why := scene.unreadable(resource.key):
            yield unknown(resource.key, resource_id, self.path, False, why)
            return
        body = scene.body(resource.key)
        if body is None:
            return
        found = value_at(body, self.path)
        status = FindingStatus.PASS if found in (ABSENT, None, False) else FindingStatus.FAIL
        observed: Any = None if found is ABSENT else found
        message = f"{resource.key}: {self.path} is {observed}."
        repair = manual("The blueprint does not declare this property, so writing it again would not change it.")
        yield Outcome(resource.key, resource_id, status, self.path, False, observed, message, repair=repair)


def provisioned(keep: Callable[[Resource], bool]) -> Callable[[Scene], Iterator[Outcome]]:
    """``provisioningState`` of what ``keep`` picks: an absent one means done."""

    def judge(scene: Scene) -> Iterator[Outcome]:
        for resource in scene.blueprint.resources:
            body = scene.body(resource.key)
            if body is not None and keep(resource):
                yield _state(scene, resource, value_at(body, _STATE))

    return judge


def _state(scene: Scene, resource: Resource, found: Any) -> Outcome:
    state = "succeeded" if found in (ABSENT, None) else str(found).casefold()
    status = FindingStatus.FAIL if state in _BROKEN else FindingStatus.UNKNOWN
    status = FindingStatus.PASS if state in _DONE else status
    observed = None if found is ABSENT else found
    message = f"{resource.key} is {observed or 'there'}."
    repair = reapply(resource.key)
    return Outcome(resource.key, scene.id_of(resource), status, _STATE, "Succeeded", observed, message, repair=repair)


_SPECIAL = frozenset({kinds.PRIVATE_ENDPOINT, kinds.ML_WORKSPACE})


def is_special(resource: Resource) -> bool:
    """Types whose state has a control of its own in the catalogue."""
    return resource.type in _SPECIAL
