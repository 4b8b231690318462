"""Entra ID's directory: applications, managed identities, people and groups.

Principals are kept in the store's `kv` under `principal:<object id>`:
{"id", "kind": ServicePrincipal | User | Group, "name", "client_id", "secret", "resource_id", "available_at", "groups"}.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.engine.hooks import JsonObject

if TYPE_CHECKING:
    from simulator.engine.core import Engine

REPLICATION_SECONDS = 8.0  # how long a new identity is unknown to Azure RBAC, at scale 1


class Directory:
    """Lookups are by dictionaries built once; the store keeps the truth."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._by_client: dict[str, str] = {}
        self._by_resource: dict[str, str] = {}
        for key, value in engine.store.kv.items():
            if key.startswith("principal:"):
                self._index(value)

    def _index(self, principal: JsonObject) -> None:
        if principal.get("client_id"):
            self._by_client[principal["client_id"]] = principal["id"]
        if principal.get("resource_id"):
            self._by_resource[principal["resource_id"].lower()] = principal["id"]

    def add(self, principal: JsonObject) -> JsonObject:
        self.engine.store.set(f"principal:{principal['id']}", principal)
        self._index(principal)
        return principal

    def get(self, object_id: str) -> JsonObject | None:
        found: JsonObject | None = self.engine.store.kv.get(f"principal:{object_id.lower()}")
        return found

    def by_client(self, client_id: str) -> JsonObject | None:
        return self.get(self._by_client.get(client_id.lower(), ""))

    def by_resource(self, resource_id: str) -> JsonObject | None:
        return self.get(self._by_resource.get(resource_id.lower(), ""))

    def create_identity(self, resource_id: str, client_id: str | None) -> tuple[str, str]:
        """The service principal of a managed identity: (principalId, clientId). Idempotent while it exists."""
        existing = self.by_resource(resource_id)
        if existing is None:
            key = resource_id.lower()
            incarnation = str(self.engine.count(f"principals:{key}"))
            existing = self.add(
                {
                    "id": self.engine.guid("principal", key, incarnation),
                    "kind": "ServicePrincipal",
                    "name": resource_id.rpartition("/")[2],
                    "client_id": client_id or self.engine.guid("client", key, incarnation),
                    "resource_id": resource_id,
                    "available_at": self.engine.time() + REPLICATION_SECONDS / self.engine.scale,
                }
            )
        return existing["id"], existing["client_id"]

    def delete_identity(self, resource_id: str) -> None:
        """Its role assignments stay, as in Azure: they show an unknown identity."""
        existing = self.by_resource(resource_id)
        if existing is not None:
            self._by_resource.pop(resource_id.lower(), None)
            self._by_client.pop(existing["client_id"], None)
            self.engine.store.unset(f"principal:{existing['id']}")

    def person(self, name: str) -> JsonObject:
        """A user by name; made when first asked for."""
        object_id = self.engine.guid("user", name.lower())
        return self.get(object_id) or self.add({"id": object_id, "kind": "User", "name": name, "groups": []})

    def group(self, name: str) -> JsonObject:
        """A group by name or GUID; made when first asked for."""
        is_guid = len(name) == 36 and name.count("-") == 4
        object_id = name.lower() if is_guid else self.engine.guid("group", name.lower())
        return self.get(object_id) or self.add({"id": object_id, "kind": "Group", "name": name})

    def replicated(self, object_id: str) -> bool:
        principal = self.get(object_id)
        return principal is not None and float(principal.get("available_at", 0)) <= self.engine.time()
