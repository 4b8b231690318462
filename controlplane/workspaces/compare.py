"""Comparing what is declared with what Azure answered. Pure.

Only what is declared is compared: objects as subsets, tags as a subset, lists exactly (their items matched by name or
id, in any order). Azure changes casing, fills in defaults and leaves out what equals them: no differences.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from controlplane.json_types import JsonObject
from controlplane.workspaces.durations_iso import duration_seconds
from controlplane.workspaces.kinds import Kind, Meaning
from controlplane.workspaces.model import Difference, Observed, Ref
from controlplane.workspaces.resolve import output

_ABSENT = object()
_IDENTITIES = frozenset({Meaning.IDENTITIES, Meaning.ORDERED_IDENTITIES})
_EMPTY: Mapping[str, Any] = {}


def differences(wanted: JsonObject, found: JsonObject, kind: Kind, observed: Observed) -> tuple[Difference, ...]:
    """Declared properties whose observed value is another, in the body's order."""
    comparison = _Comparison(kind, observed)
    for name, value in wanted.items():
        have = found.get(name, _ABSENT)
        if name == "tags":
            comparison.tags(value, have)
        elif name == "location":
            comparison.location(value, have)
        elif value is not have and (value != have or name == "identity"):
            comparison.value(value, have, name, name)
    return tuple(comparison.found)


def added_by_azure(name: Any, path: str, kind: Kind, observed: Observed) -> bool:
    """Whether an item of a list, which nobody declared, is the one that Azure adds; also while nobody knows."""
    if path not in kind.additions:
        return False
    found = output(Ref(*kind.additions[path]), observed)
    return found is None or bool(_plain(found) == _plain(name))


class _Comparison:
    """One body. ``path`` is as tables spell it (``[]`` for any item), ``shown`` as findings do (``[name]``)."""

    __slots__ = ("found", "kind", "observed")

    def __init__(self, kind: Kind, observed: Observed) -> None:
        self.kind = kind
        self.observed = observed
        self.found: list[Difference] = []

    def value(self, wanted: Any, have: Any, path: str, shown: str) -> None:
        if isinstance(wanted, dict):
            self._object(wanted, have, path, shown)
        elif isinstance(wanted, list):
            self._list(wanted, have, path, shown)
        else:
            self._leaf(wanted, have, path, shown)

    def tags(self, wanted: Mapping[str, str], have: Any) -> None:
        """A subset; names without regard to case, values exactly, as ARM has it."""
        if wanted == have:
            return
        tags = have if isinstance(have, Mapping) else _EMPTY
        folded: Mapping[str, str] | None = None
        for name, value in wanted.items():
            if tags.get(name) == value:
                continue
            if folded is None:
                folded = {key.lower(): item for key, item in tags.items()}
            if folded.get(name.lower()) != value:
                present = name.lower() in folded
                self._differs(value, folded.get(name.lower()) if present else _ABSENT, "tags", f"tags.{name}")

    def location(self, wanted: str, have: Any) -> None:
        """Nothing moves in place. A group that is elsewhere stays there: Azure refuses the write, and that is all."""
        if wanted != have and _place(wanted) != _place(have):
            absent, replaces = have is _ABSENT, not self.kind.holds_others
            self.found.append(Difference("$.location", wanted, None if absent else have, absent, replaces))

    def _identities(self, wanted: Mapping[str, Any], have: Any, path: str, shown: str) -> None:
        left, right = list(wanted), list(have) if isinstance(have, Mapping) else []
        ours, theirs = [_plain(arm_id) for arm_id in left], [_plain(arm_id) for arm_id in right]
        ordered = self.kind.meanings[path] is Meaning.ORDERED_IDENTITIES
        if ours != theirs if ordered else sorted(ours) != sorted(theirs):
            self._differs(left, right if isinstance(have, Mapping) else _ABSENT, path, shown)

    def _object(self, wanted: Mapping[str, Any], have: Any, path: str, shown: str) -> None:
        if self.kind.meanings.get(path) in _IDENTITIES:
            self._identities(wanted, have, path, shown)
            return
        # An absent object means its members' defaults, so that its leaves are compared all the same.
        inner = have if isinstance(have, Mapping) else _EMPTY
        if path in self.kind.id_maps:
            self._id_map(wanted, inner, path, shown)
            return
        same = shown is path
        for name, value in wanted.items():
            item = inner.get(name, _ABSENT)
            # Objects are equal whatever their order, which of identities may matter.
            if value is item or (value == item and name != "userAssignedIdentities"):
                continue
            below = f"{path}.{name}"
            self.value(value, item, below, below if same else f"{shown}.{name}")

    def _id_map(self, wanted: Mapping[str, Any], have: Mapping[str, Any], path: str, shown: str) -> None:
        """Names are ARM ids, and all of them: what nobody declares would be deleted by a write of what is declared."""
        ours, theirs = {_plain(name) for name in wanted}, {_plain(name) for name in have}
        for name in wanted:
            if _plain(name) not in theirs:
                self._differs(wanted[name], _ABSENT, path, f"{shown}[{name}]")
        for name in have:
            if _plain(name) not in ours:
                found = Difference(f"$.{shown}[{name}]", None, have[name], deletes=True)
                self.found.append(found)

    def _leaf(self, wanted: Any, have: Any, path: str, shown: str) -> None:
        if path in self.kind.matched or path in self.kind.kept:
            return
        if isinstance(wanted, Ref):
            wanted = output(wanted, self.observed)
            if wanted is None:
                return
        compared = have
        if have is _ABSENT or have is None:
            compared = self.kind.defaults.get(path, _ABSENT)
        if not _same(wanted, compared, self.kind.meanings.get(path)):
            possible = self.kind.changes_in_place(path, None if have is _ABSENT else have, wanted)
            self._differs(wanted, have, path, shown, replaces=None if possible is None else not possible)

    def _list(self, wanted: list[Any], have: Any, path: str, shown: str) -> None:
        items = have if isinstance(have, Sequence) and not isinstance(have, str) else ()
        if not wanted and not items:
            return
        name = self.kind.keyed.get(path)
        if name is not None:
            self._keyed(wanted, items, name, (path, shown), have)
            return
        left, right = [_plain(item) for item in wanted], [_plain(item) for item in items]
        if sorted(left, key=str) != sorted(right, key=str):
            # What is there too much can be taken away in place.
            lacks = any(item not in right for item in left)
            self._differs(wanted, have, path, shown, replaces=lacks and path in self.kind.replacing)

    def _keyed(self, wanted: list[Any], items: Sequence[Any], name: str, at: tuple[str, str], have: Any) -> None:
        """Items that are matched by a property. Unnamed ones are shown by their place in Azure's answer."""
        path, shown = at
        wanted = [known for item in wanted if (known := self._named(item, name)) is not None]
        places = {_plain(item.get(name)): place for place, item in enumerate(items)}
        ours = {_plain(item[name]) for item in wanted}
        for item in wanted:
            place = places.get(_plain(item[name]))
            if place is None and name != "name":
                self._differs(wanted, have, path, shown)
                return
            label = item[name] if name == "name" else place
            if place is None:
                self._differs(item, _ABSENT, f"{path}[]", f"{shown}[{label}]")
            elif item != items[place]:
                self._object(item, items[place], f"{path}[]", f"{shown}[{label}]")
        for key, place in places.items():
            if key not in ours and not added_by_azure(key, path, self.kind, self.observed):
                label = items[place][name] if name == "name" else place
                self._differs(None, items[place], f"{path}[]", f"{shown}[{label}]")

    def _named(self, item: Any, name: str) -> Any:
        """The item with its name known; None while it is not."""
        if not isinstance(item[name], Ref):
            return item
        found = output(item[name], self.observed)
        return None if found is None else {**item, name: found}

    def _differs(self, wanted: Any, have: Any, path: str, shown: str, *, replaces: bool | None = None) -> None:
        absent = have is _ABSENT
        if replaces is None:
            replaces = path in self.kind.replacing
        self.found.append(Difference(f"$.{shown}", wanted, None if absent else have, absent, replaces))


def _same(wanted: Any, have: Any, meaning: Meaning | None) -> bool:
    if isinstance(wanted, str) and isinstance(have, str):
        match meaning:
            case None:
                return bool(_plain(wanted) == _plain(have))
            case Meaning.COMMA_SET:
                return _words(wanted) == _words(have)
            case Meaning.DURATION:
                return _seconds(wanted) == _seconds(have)
    return bool(wanted == have) and isinstance(wanted, bool) == isinstance(have, bool)


def _plain(value: Any) -> Any:
    return value.rstrip("/").casefold() if isinstance(value, str) else value


def _place(value: Any) -> str:
    """``West Europe`` and ``westeurope`` are one region."""
    return str(value).replace(" ", "").lower()


def _words(text: str) -> frozenset[str]:
    return frozenset(word.strip().lower() for word in text.split(","))


def _seconds(text: str) -> int | str:
    try:
        return duration_seconds(text.upper())
    except ValueError:
        return text
