"""What people declare for a workspace, by a name of its own, and ticks keep in Azure: monitors, labelling projects.
Pure data."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from controlplane.objects.repository import Thing
from controlplane.operations.model import Condition, Model


class Declared(Thing):
    """``id`` is ``{workspace}.{name}``. Each kind has its ``spec`` beside it."""

    INDEX: ClassVar[str]
    """Of its index rows; each class has another."""

    workspace: str
    incarnation: int
    """Of the workspace: what an earlier one of this name had does not count."""
    project: str
    name: str
    generation: int = 1
    deleting: bool = False
    conditions: tuple[Condition, ...] = ()
    observed_generation: int = 0
    last_modified_at: datetime
    last_modified_by: str

    def index(self) -> tuple[str, ...]:
        return (index_of(type(self), self.workspace) + self.name,)

    @property
    def etag(self) -> str:
        """As it stands in the header: it changes with what was asked for, not with what was found."""
        return f'"{self.incarnation}.{self.generation}.{self.last_modified_at.timestamp():.6f}"'


class DeclaredBody(Model):
    """As the API answers it: what was asked, and what stands."""

    id: str
    workspace: str
    name: str
    etag: str
    generation: int
    observed_generation: int
    """The generation of which all stands in Azure."""
    deleting: bool
    conditions: tuple[Condition, ...]
    last_modified_at: datetime
    last_modified_by: str


def index_of(kind: type[Declared], workspace: str) -> str:
    """Prefix of a workspace's index rows of a kind."""
    return f"{kind.INDEX}!{workspace}!"


def declared_id(workspace: str, name: str) -> str:
    return f"{workspace}.{name}"
