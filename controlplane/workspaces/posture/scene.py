"""What a check is given, and what it answers. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from controlplane.arm import fold, parent_of, type_of
from controlplane.json_types import JsonObject
from controlplane.workspaces.access.effective import Estate, estate
from controlplane.workspaces.model import Blueprint, Observed, Resource, Unreadable
from controlplane.workspaces.posture.controls import EVERYWHERE
from controlplane.workspaces.posture.model import Concern, FindingStatus, Repair, RepairKind, Section, Severity

NO_REPAIR = Repair(kind=RepairKind.NONE)


@dataclass(frozen=True)
class Scene:
    """The blueprint beside what exists, with the look-ups that judging relations takes."""

    blueprint: Blueprint
    observed: Observed

    def body(self, key: str) -> JsonObject | None:
        """What exists under a logical key."""
        return self.observed.bodies.get(key)

    def unreadable(self, *keys: str) -> Unreadable | None:
        """Why one of these keys could not be read, if one could not."""
        return next((self.observed.unknown[key] for key in keys if key in self.observed.unknown), None)

    def unlisted(self, path: str) -> Unreadable | None:
        """Why a list could not be read, by its path."""
        return self.observed.unreadable.get(fold(path))

    def of_type(self, resource_type: str) -> tuple[Resource, ...]:
        """Resources of the blueprint of one type."""
        return tuple(r for r in self.blueprint.resources if r.type == resource_type)

    def by_id(self, arm_id: str) -> JsonObject | None:
        """Anything that was read, by its ARM id."""
        return self.observed.snapshot.get(fold(arm_id))

    def key_of(self, arm_id: str) -> str | None:
        """The logical key of an id of the blueprint."""
        return self._keys.get(fold(arm_id))

    def children(self, parent_id: str, resource_type: str) -> tuple[JsonObject, ...]:
        """Everything of a type that was read below a parent."""
        return self._children.get((fold(parent_id), resource_type.lower()), ())

    def id_of(self, resource: Resource) -> str | None:
        """Its ARM id, as Azure wrote it where it exists."""
        body = self.body(resource.key)
        if body is not None and isinstance(body.get("id"), str):
            return str(body["id"])
        return resource.id if isinstance(resource.id, str) else None

    @cached_property
    def grants(self) -> Estate:
        """Who has which role, beside who shall."""
        return estate(self.blueprint, self.observed)

    @cached_property
    def _keys(self) -> Mapping[str, str]:
        return {fold(r.id): r.key for r in self.blueprint.resources if isinstance(r.id, str)}

    @cached_property
    def _children(self) -> Mapping[tuple[str, str], tuple[JsonObject, ...]]:
        found: dict[tuple[str, str], list[JsonObject]] = {}
        for arm_id, body in self.observed.snapshot.items():
            parent = parent_of(arm_id)
            if parent is not None:
                found.setdefault((fold(parent), type_of(arm_id).lower()), []).append(body)
        return {place: tuple(bodies) for place, bodies in found.items()}


@dataclass(frozen=True, slots=True)
class Cause:
    """A finding that explains an outcome: ``key`` is missing, or differs at or below ``path`` (unless ``$``)."""

    key: str
    path: str = "$"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a check found on one subject."""

    key: str | None
    resource_id: str | None
    status: FindingStatus
    path: str
    wanted: Any
    observed: Any
    message: str
    causes: tuple[Cause, ...] = ()
    repair: Repair = NO_REPAIR
    read_from: str | None = None
    """Where it was read, when that is not where ``resource_id`` was."""


@dataclass(frozen=True, slots=True)
class Check:
    """A control that takes more than one resource's declared properties to judge."""

    id: str
    """Control id."""
    rule: str
    """The name under which the rule is registered; unique."""
    judge: Callable[[Scene], Iterable[Outcome]]
    severity: Severity = Severity.HIGH
    section: Section = Section.ML_PIPELINE
    concern: Concern = Concern.NETWORK
    environments: frozenset[str] = EVERYWHERE
    requirements: tuple[str, ...] = ()


def unknown(key: str | None, resource_id: str | None, path: str, wanted: Any, why: Unreadable) -> Outcome:
    """What cannot be read is not judged."""
    message = f"Could not be read: {why.code}: {why.message}"
    return Outcome(key, resource_id, FindingStatus.UNKNOWN, path, wanted, None, message)


def manual(reason: str) -> Repair:
    """A person has to do it."""
    return Repair(kind=RepairKind.MANUAL, reason=reason)


def reapply(*keys: str, reason: str = "") -> Repair:
    """Write again what seems right."""
    return Repair(kind=RepairKind.REAPPLY, keys=keys, reason=reason)
