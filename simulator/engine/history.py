"""What was there a moment ago: for reads that lag behind writes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from simulator.engine.hooks import Resource
from simulator.engine.values import clone

#: What a resource was from a moment on (None: it was not there), with the folded id of its parent.
Past = tuple[Resource | None, str]


class History:
    """Versions of each resource by the time from which they held, `seconds` back and one more."""

    def __init__(
        self,
        seconds: float,
        clock: Callable[[], float],
        resources: Mapping[str, Resource],
        parents: Mapping[str, str],
    ) -> None:
        self.seconds = seconds
        self._clock = clock
        self._versions: dict[str, list[tuple[float, Past]]] = {
            key: [(0.0, (_frozen(resource), parents[key]))] for key, resource in resources.items()
        }
        self._recent: dict[str, float] = {}

    def note(self, changed: Iterable[str], resources: Mapping[str, Resource], parents: Mapping[str, str]) -> None:
        """What these are now."""
        now = self._clock()
        for key in changed:
            known = self._versions.setdefault(key, [(0.0, (None, parents.get(key, "")))])
            found = resources.get(key)
            parent = parents.get(key) or known[-1][1][1]
            known.append((now, (_frozen(found) if found is not None else None, parent)))
            while len(known) > 1 and known[1][0] < now - self.seconds:
                known.pop(0)
            self._recent[key] = now
        for key in [key for key, at in self._recent.items() if at < now - self.seconds]:
            del self._recent[key]

    def before(self, moment: float) -> dict[str, Past]:
        """Of everything that has changed since `moment`, what it was then."""
        found: dict[str, Past] = {}
        for key, changed_at in self._recent.items():
            if changed_at > moment:
                held = [past for since, past in self._versions[key] if since <= moment]
                found[key] = held[-1] if held else self._versions[key][0][1]
        return found


def _frozen(resource: Resource) -> Resource:
    return replace(resource, body=clone(resource.body), private=clone(resource.private))
