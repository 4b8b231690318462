"""Which controls are judged in which environment (S1-17): light in dev, all of them in test, staging and prod. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from controlplane.workspaces.model import Blueprint
from controlplane.workspaces.posture.paths import ABSENT, value_at

PROFILES: dict[str, str] = {"dev": "preprod", "test": "prod", "staging": "prod", "prod": "prod"}
"""Environment of a workspace → class of the catalogue's column ``environments``."""

STRICTEST = "prod"


def environment_of(blueprint: Blueprint) -> str:
    """The tag ``environment`` that the blueprint puts on its resource group; ``prod`` where it has none."""
    for resource in blueprint.resources:
        found = value_at(resource.body, "$.tags.environment")
        if found is not ABSENT and isinstance(found, str):
            return found
    return STRICTEST


def applies(environments: frozenset[str], environment: str, profiles: Mapping[str, str] = PROFILES) -> bool:
    """Whether a control of these ``environments`` is judged; an environment nobody knows gets the strictest profile."""
    return profiles.get(environment, STRICTEST) in environments
