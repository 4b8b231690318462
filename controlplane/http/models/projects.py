"""Registrations."""

from __future__ import annotations

from controlplane.http.models.answers import Audited
from controlplane.operations.model import Model
from controlplane.projects.model import Registration


class Project(Audited):
    """A registration with its audit fields."""

    registration: Registration


class ProjectList(Model):
    value: tuple[Project, ...]
    next_link: str | None = None
