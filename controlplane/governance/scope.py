"""What a rule about money or lifetime is about: a workspace, a project or a department (S3-100). Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from controlplane.projects.registration import is_project_name
from controlplane.workspaces.spec import check_name

_DEPARTMENT = re.compile(r"[a-z][a-z0-9-]{0,38}[a-z0-9]")


class ScopeKind(StrEnum):
    """``department`` is a tag of registrations: whose projects share a purse."""

    WORKSPACE = "workspace"
    PROJECT = "project"
    DEPARTMENT = "department"


@dataclass(frozen=True, slots=True)
class Scope:
    """``id`` names objects of the store and chains of the audit."""

    kind: ScopeKind
    name: str

    @property
    def id(self) -> str:
        return f"{self.kind}.{self.name}"


def parse_scope(text: str) -> Scope | None:
    """``workspace.churn-dev`` and the like; None for what no scope is called."""
    kind, _, name = text.partition(".")
    match kind:
        case ScopeKind.WORKSPACE if not check_name(name):
            return Scope(ScopeKind.WORKSPACE, name)
        case ScopeKind.PROJECT if is_project_name(name):
            return Scope(ScopeKind.PROJECT, name)
        case ScopeKind.DEPARTMENT if _DEPARTMENT.fullmatch(name):
            return Scope(ScopeKind.DEPARTMENT, name)
        case _:
            return None


def is_scope(text: str) -> bool:
    """Whether something can be called so."""
    return parse_scope(text) is not None
