"""The table of types, and taking ARM paths apart with it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise

from simulator.engine import words
from simulator.engine.declaration import Action, ResourceType, Route

GROUP_TYPE = "Microsoft.Resources/resourceGroups"


@dataclass(frozen=True, slots=True)
class Target:
    """What a path means. `scope` is the id of the parent, group, subscription or extended resource; `id` is
    scope plus type and name ("" for a collection)."""

    kind: str  # resource | collection | action
    type: ResourceType
    scope: str
    name: str = ""
    id: str = ""
    action: Action | None = None
    subscription: str | None = None
    group: str | None = None
    parents: tuple[tuple[ResourceType, str], ...] = ()  # (type, id) of the resources that must exist above

    @property
    def key(self) -> str:
        return self.id.lower()


@dataclass(frozen=True, slots=True)
class CompiledRoute:
    route: Route
    pattern: re.Pattern[str]


class Registry:
    """Types by their folded name, and routes by method and length."""

    def __init__(self, types: Iterable[ResourceType], routes: Iterable[Route] = ()) -> None:
        self.types: dict[str, ResourceType] = {}
        self.namespaces: dict[str, str] = {}
        for declared in types:
            if declared.name.lower() in self.types:
                raise ValueError(f"declared twice: {declared.name}")
            self.types[declared.name.lower()] = declared
            self.namespaces.setdefault(declared.namespace.lower(), declared.namespace)
        self._routes: dict[tuple[str, int], list[CompiledRoute]] = {}
        for route in routes:
            parts = route.pattern.strip("/").split("/")
            pattern = "/".join(f"(?P<{p[1:-1]}>[^/]+)" if p.startswith("{") else re.escape(p) for p in parts)
            compiled = CompiledRoute(route, re.compile("/" + pattern, re.IGNORECASE))
            self._routes.setdefault((route.method, len(parts)), []).append(compiled)
            for before, after in pairwise(parts):
                if before.lower() == "providers" and not after.startswith("{"):
                    self.namespaces.setdefault(after.lower(), after)

    def type(self, name: str) -> ResourceType:
        return self.types[name.lower()]

    def route(self, method: str, path: str) -> tuple[Route, dict[str, str]] | None:
        path = "/" + path.strip("/")
        for candidate in self._routes.get((method, path.count("/")), ()):
            if match := candidate.pattern.fullmatch(path):
                return candidate.route, match.groupdict()
        return None

    def resolve(self, path: str, method: str, version: str, stored: Callable[[str], str | None]) -> Target:
        """The target of a path. `stored` gives an existing resource's id in its own case. Raises ArmError in the
        gateway's words for namespaces and types that do not exist."""
        return _Walk(self, [part for part in path.split("/") if part], method, version, stored).target()


class _Walk:
    """One pass over a path's segments."""

    def __init__(
        self,
        registry: Registry,
        parts: list[str],
        method: str,
        version: str,
        stored: Callable[[str], str | None],
    ) -> None:
        self.registry, self.parts, self.method, self.version = registry, parts, method, version
        self.stored = stored
        self.position = 0
        self.scope = ""
        self.subscription: str | None = None
        self.group: str | None = None
        self.parents: list[tuple[ResourceType, str]] = []

    def _known(self, candidate: str) -> str:
        return self.stored(candidate.lower()) or candidate

    def target(self) -> Target:
        head = self._head()
        if head is not None:
            return head
        while True:
            found = self._provider()
            if found is not None:
                return found

    def _head(self) -> Target | None:
        """The part before the first `/providers/`; a Target when the path ends there."""
        parts = self.parts
        if parts and parts[0].lower() == "subscriptions" and len(parts) > 1:
            self.subscription = parts[1]
            self.scope = f"/subscriptions/{parts[1]}"
            self.position = 2
            if len(parts) > 2 and parts[2].lower() == "resourcegroups":
                group_type = self.registry.type(GROUP_TYPE)
                if len(parts) == 3:
                    return self._make("collection", group_type)
                self.group = parts[3]
                group_id = self._known(f"{self.scope}/resourceGroups/{parts[3]}")
                self.position = 4
                if len(parts) == 4:
                    return self._make("resource", group_type, group_id.rpartition("/")[2], group_id)
                if len(parts) == 5 and (action := _action(group_type, parts[4], self.method)):
                    return self._make("action", group_type, group_id.rpartition("/")[2], group_id, action)
                self.scope = group_id
        if self.position >= len(parts) or parts[self.position].lower() != "providers" or len(parts) < self.position + 3:
            raise words.no_such_path("/" + "/".join(parts))
        return None

    def _provider(self) -> Target | None:
        """One `/providers/{namespace}/{type}/{name}...` block; None when an extension's block follows."""
        parts = self.parts
        namespace = parts[self.position + 1]
        index = self.position + 2
        types: list[str] = []
        current: ResourceType | None = None
        base = self.scope
        while index < len(parts):
            if types and parts[index].lower() == "providers":
                self.scope, self.position = base, index
                if current is not None:
                    self.parents.append((current, base))
                return None
            wanted = f"{namespace}/{'/'.join([*types, parts[index]])}".lower()
            declared = self.registry.types.get(wanted)
            last = index == len(parts) - 1
            if declared is None:
                if last and current is not None and (action := _action(current, parts[index], self.method)):
                    return self._make("action", current, _name(base), base, action)
                raise self._unknown(namespace, [*types, parts[index]], index)
            if current is not None:
                self.scope = base
                self.parents.append((current, base))
            if last:
                return self._make("collection", declared)
            types.append(parts[index])
            base = self._known(self._child_id(declared, base, parts[index + 1], first=current is None))
            current = declared
            index += 2
        assert current is not None
        return self._make("resource", current, _name(base), base)

    @staticmethod
    def _child_id(declared: ResourceType, base: str, name: str, *, first: bool) -> str:
        if first:
            return f"{base}/providers/{declared.namespace}/{declared.segments[-1]}/{name}"
        return f"{base}/{declared.segments[-1]}/{name}"

    def _unknown(self, namespace: str, types: list[str], index: int) -> Exception:
        canonical = self.registry.namespaces.get(namespace.lower())
        if canonical is None:
            return words.invalid_namespace(namespace)
        rest = types + self.parts[index + 2 :: 2]
        return words.invalid_resource_type("/".join(rest), canonical, self.version)

    def _make(
        self, kind: str, declared: ResourceType, name: str = "", resource_id: str = "", action: Action | None = None
    ) -> Target:
        return Target(
            kind, declared, self.scope, name, resource_id, action, self.subscription, self.group, tuple(self.parents)
        )


def _name(resource_id: str) -> str:
    return resource_id.rpartition("/")[2]


def _action(declared: ResourceType, name: str, method: str) -> Action | None:
    for action in declared.actions:
        if action.name.lower() == name.lower() and action.method == method:
            return action
    return None
