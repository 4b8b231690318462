"""What a control on declared properties is, and which one a difference between wanted and observed belongs to. Pure.

The controls themselves are data, in ``catalogue_network.py`` and ``catalogue_services.py``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from controlplane.workspaces.model import Resource
from controlplane.workspaces.posture.model import Concern, Section, Severity
from controlplane.workspaces.posture.paths import covers, steps

PROD_CLASS = frozenset({"prod"})
EVERYWHERE = frozenset({"prod", "preprod"})


@dataclass(frozen=True, slots=True)
class Control:
    """One checkable statement on one resource type."""

    id: str
    type: str
    """ARM type, or ``*``."""
    path: str
    """Prefix of the JSON paths it speaks to; ``$`` alone means that the resource exists."""
    severity: Severity
    environments: frozenset[str] = EVERYWHERE
    section: Section = Section.ML_PIPELINE
    concern: Concern = Concern.NETWORK
    key: str = "*"
    """Pattern of the logical key."""
    requirements: tuple[str, ...] = ()
    of: str = ""
    """Requirement that the resource itself is there for; "" for any: a grant of one key has more than one reason."""
    manual: str = ""
    """Why a repair must not undo it by itself; empty when it may."""

    @property
    def rule(self) -> str:
        """The name under which the rule is registered; unique."""
        return f"{self.id}({self.type.rpartition('/')[2]}:{self.key}){self.path.removeprefix('$')}"

    def concerns(self, resource: Resource) -> bool:
        """Whether it speaks of ``resource`` at all."""
        meant = self.type in ("*", resource.type) and (not self.of or self.of in resource.requirements)
        return meant and (self.key == "*" or fnmatchcase(resource.key, self.key))

    def speaks_to(self, path: str) -> bool:
        """Whether a difference at ``path`` of a resource it concerns is this control's."""
        return path == "$" if self.path == "$" else path != "$" and covers(self.path, path)

    @property
    def precision(self) -> tuple[int, bool, int, bool]:
        """Longer path before shorter, exact key before pattern, named type before any."""
        return (len(steps(self.path)), "*" not in self.key, len(self.key), self.type != "*")


def find(controls: Iterable[Control], path: str, fallback: Control) -> Control:
    """The most specific of the controls that concern a resource for a difference at ``path``."""
    speaking = [control for control in controls if control.speaks_to(path)]
    return max(speaking, key=lambda control: control.precision, default=fallback)
