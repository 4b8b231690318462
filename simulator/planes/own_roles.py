"""The product's own roles: what its identities may do, as `infra/` tells whoever deploys it.

Read as data; nothing else of the product is. A role file is what `az role definition create --role-definition` takes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulator.engine.hooks import JsonObject

FOLDER = Path(__file__).resolve().parents[2] / "infra"
"""Where the files are unless `--roles` names another folder."""


@dataclass(frozen=True)
class OwnRole:
    """One role, and the condition of its assignment."""

    holder: str  # observer | operator | archiver
    name: str
    description: str
    permissions: JsonObject
    condition: str | None = None  # with OPERATOR_OBJECT_ID and OBSERVER_OBJECT_ID in the place of object ids

    def condition_for(self, holders: dict[str, str]) -> str | None:
        """The condition as whoever deploys assigns the role: `infra/README.md`."""
        found = self.condition
        for holder, object_id in holders.items():
            found = found and found.replace(f"{holder.upper()}_OBJECT_ID", object_id)
        return found

    def body(self, scopes: list[str]) -> JsonObject:
        """Of a custom role definition that may be assigned at `scopes`."""
        return {
            "properties": {
                "roleName": self.name, "type": "CustomRole", "description": self.description,
                "assignableScopes": scopes, "permissions": [self.permissions],
            }
        }  # fmt: skip


def read(folder: Path = FOLDER) -> tuple[OwnRole, ...]:
    """Raises OSError when a file is missing, KeyError or ValueError when it is no role definition."""
    condition = (folder / "operator-access-condition.txt").read_text(encoding="utf-8").strip()
    archiver, quota = folder / "role-archiver.json", folder / "role-operator-quota.json"
    return (
        _role(folder / "role-observer.json", "observer"),
        _role(folder / "role-operator.json", "operator"),
        _role(folder / "role-operator-access.json", "operator", condition),
        _role(folder / "role-operator-labeling.json", "operator"),
        _role(folder / "role-operator-batch.json", "operator"),
        *((_role(quota, "operator"),) if quota.exists() else ()),
        *((_role(archiver, "archiver"),) if archiver.exists() else ()),
    )


def _role(path: Path, holder: str, condition: str | None = None) -> OwnRole:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    permissions = {
        "actions": found["Actions"], "notActions": found["NotActions"],
        "dataActions": found["DataActions"], "notDataActions": found["NotDataActions"],
    }  # fmt: skip
    return OwnRole(holder, found["Name"], found["Description"], permissions, condition)
