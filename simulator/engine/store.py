"""What exists: resources with their indexes, and small tables beside them; written through to SQLite when asked.

Everything lives in memory; the database only makes a restart continue. It is written at the end of each request
(`flush`), in one transaction, without fsync: a killed process loses nothing, a killed machine may.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from simulator.engine.history import History
from simulator.engine.hooks import JsonObject, Resource

SCHEMA = """
create table if not exists resources (key text primary key, position integer, value text);
create table if not exists kv (key text primary key, value text);
"""


class Store:
    """Resources by id (folded), by type, by parent; `kv` holds the rest: JSON values under text keys."""

    def __init__(self, path: str = ":memory:") -> None:
        self._db: sqlite3.Connection | None = None
        self.resources: dict[str, Resource] = {}
        self._types: dict[str, dict[str, Resource]] = {}
        self._children: dict[str, dict[str, Resource]] = {}
        self._parents: dict[str, str] = {}
        self._positions: dict[str, int] = {}
        self._next = 0
        self._revisions: dict[str, int] = {}
        self.kv: dict[str, Any] = {}
        self._dirty: set[str] = set()
        self._dirty_kv: set[str] = set()
        self._history: History | None = None
        #: Told of every resource that was written, and of every one that is gone.
        self.on_change: Callable[[Resource], None] | None = None
        if path != ":memory:":
            # The signing keys are in it: whoever may read the file may sign tokens.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            self._db = sqlite3.connect(path, isolation_level=None)
            self._db.executescript("pragma journal_mode=wal; pragma synchronous=off;" + SCHEMA)
            self._load(self._db)

    def _load(self, db: sqlite3.Connection) -> None:
        self.kv = {key: json.loads(value) for key, value in db.execute("select key, value from kv")}
        for position, value in db.execute("select position, value from resources order by position"):
            data = json.loads(value)
            parent = data.pop("parent")
            self._insert(Resource(**data), parent, position)
            self._next = position + 1

    def _insert(self, resource: Resource, parent_id: str, position: int) -> None:
        key, parent = resource.key, parent_id.lower()
        self.resources[key] = resource
        self._types.setdefault(resource.type.lower(), {})[key] = resource
        self._children.setdefault(parent, {})[key] = resource
        self._parents[key] = parent
        self._positions[key] = position

    def revision(self, resource_type: str) -> int:
        """Grows with every change of a resource of the type."""
        return self._revisions.get(resource_type.lower(), 0)

    def _changed(self, resource: Resource) -> None:
        folded = resource.type.lower()
        self._revisions[folded] = self._revisions.get(folded, 0) + 1
        self._dirty.add(resource.key)
        if self.on_change is not None:
            self.on_change(resource)

    def add(self, resource: Resource, parent_id: str) -> None:
        """Insert, or replace what has the same id."""
        key = resource.key
        if key in self.resources:
            position = self._positions[key]
            parent_id = self._parents[key]
        else:
            position = self._next
            self._next += 1
        self._insert(resource, parent_id, position)
        self._changed(resource)

    def touch(self, resource: Resource) -> None:
        self._changed(resource)

    def remove(self, key: str) -> Resource | None:
        resource = self.resources.pop(key, None)
        if resource is None:
            return None
        self._types[resource.type.lower()].pop(key, None)
        self._children[self._parents.pop(key)].pop(key, None)
        self._positions.pop(key, None)
        self._changed(resource)
        return resource

    def of_type(self, resource_type: str) -> list[Resource]:
        return list(self._types.get(resource_type.lower(), {}).values())

    def children(self, parent_id: str) -> list[Resource]:
        return list(self._children.get(parent_id.lower(), {}).values())

    def set(self, key: str, value: Any) -> None:
        self.kv[key] = value
        self._dirty_kv.add(key)

    def unset(self, key: str) -> None:
        self.kv.pop(key, None)
        self._dirty_kv.add(key)

    def clear(self) -> None:
        self.on_change = None
        for resource in self.resources.values():
            self._changed(resource)
        self._dirty_kv.update(self.kv)
        for index in (self.resources, self._types, self._children, self._parents, self._positions, self.kv):
            index.clear()
        self._next = 0

    def remember(self, seconds: float, clock: Callable[[], float]) -> None:
        """From now on, keep what was there for so many seconds back, for reads that lag; 0 keeps nothing."""
        self._history = History(seconds, clock, self.resources, self._parents) if seconds else None

    @contextmanager
    def as_of(self, moment: float) -> Iterator[None]:
        """While it lasts, reads see what was there at `moment`, as far as that is known. Nothing may be written."""
        changed = self._history.before(moment) if self._history is not None else {}
        indexes = self.resources, self._types, self._children
        if changed:
            self.resources = dict(self.resources)
            self._types = {name: dict(held) for name, held in self._types.items()}
            self._children = {name: dict(held) for name, held in self._children.items()}
        for key, (then, parent) in changed.items():
            now = self.resources.get(key)
            if then is not None:
                self.resources[key] = then
                self._types.setdefault(then.type.lower(), {})[key] = then
                self._children.setdefault(parent, {})[key] = then
            elif now is not None:
                del self.resources[key]
                self._types[now.type.lower()].pop(key, None)
                self._children[self._parents[key]].pop(key, None)
        try:
            yield
        finally:
            self.resources, self._types, self._children = indexes

    def flush(self) -> None:
        if self._history is not None:
            self._history.note(self._dirty, self.resources, self._parents)
        if self._db is None or not (self._dirty or self._dirty_kv):
            self._dirty.clear()
            self._dirty_kv.clear()
            return
        gone = [(key,) for key in self._dirty if key not in self.resources]
        kept = [(key, self._positions[key], self._row(key)) for key in self._dirty if key in self.resources]
        self._db.execute("begin")
        self._db.executemany("delete from resources where key = ?", gone)
        self._db.executemany("insert or replace into resources values (?, ?, ?)", kept)
        for key in self._dirty_kv:
            if key in self.kv:
                self._db.execute("insert or replace into kv values (?, ?)", (key, json.dumps(self.kv[key])))
            else:
                self._db.execute("delete from kv where key = ?", (key,))
        self._db.execute("commit")
        self._dirty.clear()
        self._dirty_kv.clear()

    def _row(self, key: str) -> str:
        resource = self.resources[key]
        row: JsonObject = {
            "id": resource.id, "type": resource.type, "name": resource.name, "body": resource.body,
            "private": resource.private, "etag": resource.etag, "version": resource.version,
            "operation": resource.operation, "hidden": resource.hidden, "parent": self._parents[key],
        }  # fmt: skip
        return json.dumps(row)

    def close(self) -> None:
        self.flush()
        if self._db is not None:
            self._db.close()
