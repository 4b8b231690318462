"""Route templates of HTTP functions: ``api/things/{id:int}/{*rest}`` under host.json's ``routePrefix``.

Only what the host's router takes from ASP.NET Core templates: literals (any case), ``{name}``, ``{name?}``, ``{*rest}``
and the constraints ``int``, ``guid``, ``alpha``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from funchost.functions import Function
from funchost.host_json import HostError

_PARAMETER = re.compile(r"\{(\*{0,2})(\w+)(?::(\w+))?(\?)?\}")
_CONSTRAINTS = {None: "[^/]+", "int": "-?[0-9]+", "guid": "[0-9a-fA-F-]{36}", "alpha": "[A-Za-z]+"}


@dataclass(frozen=True, slots=True)
class Route:
    """A function and the paths it answers. ``order`` sorts the more specific template first."""

    function: Function
    pattern: re.Pattern[str]
    methods: frozenset[str] | None
    order: tuple[int, ...]

    def match(self, method: str, path: str) -> Mapping[str, str] | None:
        """Route parameters when this function answers, else None. ``path`` without leading slash, decoded."""
        if self.methods is not None and method not in self.methods:
            return None
        found = self.pattern.fullmatch(path)
        return None if found is None else {k: v for k, v in found.groupdict().items() if v is not None}


def routes_of(functions: tuple[Function, ...], prefix: str) -> tuple[Route, ...]:
    """Routes of the HTTP functions, in the order in which they are tried."""
    return tuple(sorted((_route(f, prefix) for f in functions if f.kind == "http"), key=lambda route: route.order))


def _route(function: Function, prefix: str) -> Route:
    template = str(function.trigger.get("route") or function.name).strip("/")
    segments = [segment for segment in f"{prefix}/{template}".split("/") if segment]
    pattern, order = "", []
    for number, segment in enumerate(segments):
        slash = "" if number == 0 else "/"
        whole = _PARAMETER.fullmatch(segment)
        if whole is None:
            pattern += slash + _mixed(segment)
            order.append(0 if "{" not in segment else 1)
            continue
        stars, name, constraint, optional = whole.groups()
        if constraint not in _CONSTRAINTS:
            raise HostError(f"function {function.name}: route constraint {constraint} is not known")
        value = ".*" if stars else _CONSTRAINTS[constraint]
        pattern += f"(?:{slash}(?P<{name}>{value}))" + ("?" if stars or optional else "")
        order.append(3 if stars else 2)
    methods = function.trigger.get("methods")
    return Route(
        function,
        re.compile(pattern + "/?", re.IGNORECASE | re.DOTALL),
        None if not methods else frozenset(str(method).upper() for method in methods),
        tuple(order),
    )


def _mixed(segment: str) -> str:
    """A literal, or one with parameters inside such as ``item-{id}``."""
    parts, at = "", 0
    for found in _PARAMETER.finditer(segment):
        parts += re.escape(segment[at : found.start()]) + f"(?P<{found[2]}>{_CONSTRAINTS.get(found[3], '[^/]+')})"
        at = found.end()
    return parts + re.escape(segment[at:])
