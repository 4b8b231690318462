"""What a piece of advice is. Pure data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from controlplane.workspaces.model import Blueprint, WarningLevel
from controlplane.workspaces.spec_model import WorkspaceSpec


@dataclass(frozen=True, slots=True)
class Advice:
    """``needed``: whether a spec, and what it compiles to, gives a reason to say it."""

    code: str
    requirements: tuple[str, ...]
    target: str
    message: str
    needed: Callable[[WorkspaceSpec, Blueprint], bool]
    level: WarningLevel = WarningLevel.INFO
