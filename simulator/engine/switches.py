"""Hooks that are switched off by name, so that a test can see which of them something needs."""

from __future__ import annotations

from simulator.engine.registry import Registry
from simulator.engine.store import Store

_OFF = "hooks_off"


class Switches:
    """All are on unless the store says otherwise."""

    def __init__(self, registry: Registry, store: Store) -> None:
        self._registry, self._store = registry, store

    def on(self, name: str) -> bool:
        return name not in self._store.kv.get(_OFF, ())

    def names(self) -> list[str]:
        return sorted({hook.name for rtype in self._registry.types.values() for hook in rtype.hooks})

    def turn(self, wanted: dict[str, bool]) -> list[str]:
        """On and off by name; returns those that are off. KeyError for a name that does not exist."""
        known = self.names()
        for name in wanted:
            if name not in known:
                raise KeyError(name)
        off = set(self._store.kv.get(_OFF, ()))
        off = {name for name in off | set(wanted) if not wanted.get(name, name not in off)}
        self._store.set(_OFF, sorted(off))
        return sorted(off)
