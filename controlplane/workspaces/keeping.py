"""Bodies of writes that are not what is declared: what cannot be changed stays, what was deleted comes back. Pure."""

from __future__ import annotations

import copy
from typing import Any

from controlplane.json_types import JsonObject
from controlplane.workspaces.kinds import Kind
from controlplane.workspaces.resolve import at

_ABSENT = object()


def keeping(body: JsonObject, existing: JsonObject, kind: Kind) -> JsonObject:
    """``body`` with everything that only a replacement could change as it is in ``existing``.

    Items of lists are matched by the property that the kind matches them by, else by their place; what has no
    counterpart is left as declared, and Azure says what it thinks of it.
    """
    kept: dict[str, Any] = copy.deepcopy(dict(body))
    for path in sorted(kind.replacing):
        _keep(kept, existing, path.split("."), "", kind)
    for path in sorted(kind.in_place):
        found = at(existing, path)
        if found is not None and kind.changes_in_place(path, found, at(kept, path)) is False:
            _keep(kept, existing, path.split("."), "", kind)
    kept = keeping_names(kept, existing, kind)
    if "location" in kept and "location" in existing and not kind.holds_others:
        kept["location"] = existing["location"]
    return kept


def keeping_names(body: JsonObject, existing: JsonObject, kind: Kind) -> dict[str, Any]:
    """``body`` with what others added to objects of ARM ids: a write without them would delete them."""
    kept: dict[str, Any] = copy.deepcopy(dict(body))
    for path in sorted(kind.id_maps):
        outer, _, name = path.rpartition(".")
        holder, theirs = at(kept, outer), at(existing, path)
        if isinstance(holder, dict) and isinstance(theirs, dict) and theirs:
            ours = holder.setdefault(name, {})
            known = {arm_id.lower() for arm_id in ours}
            ours.update({arm_id: {} for arm_id in theirs if arm_id.lower() not in known})
    return kept


def _keep(ours: Any, theirs: Any, path: list[str], so_far: str, kind: Kind) -> None:
    if not isinstance(ours, dict) or not isinstance(theirs, dict):
        return
    name, every, _ = path[0].partition("[]")
    at, rest = f"{so_far}.{name}".lstrip("."), path[1:]
    if every:
        for mine, found in _pairs(ours.get(name) or [], theirs.get(name) or [], kind.keyed.get(at)):
            _keep(mine, found, rest, f"{at}[]", kind)
    elif rest:
        _keep(ours.get(name), theirs.get(name), rest, at, kind)
    elif name in ours:
        value = theirs.get(name, _ABSENT)
        if value is _ABSENT:
            del ours[name]
        else:
            ours[name] = copy.deepcopy(value)


def _pairs(ours: list[Any], theirs: list[Any], name: str | None) -> list[tuple[Any, Any]]:
    if name is None:
        return list(zip(ours, theirs, strict=False))
    found = {str(item.get(name)).lower(): item for item in theirs if isinstance(item, dict)}
    named = [item for item in ours if isinstance(item, dict)]
    return [(item, found.get(str(item.get(name)).lower())) for item in named]


def recovering(body: JsonObject) -> JsonObject:
    """The write that brings a soft-deleted vault back, as it was. Source: Vaults - Create Or Update, ``createMode``
    (https://learn.microsoft.com/rest/api/keyvault/keyvault/vaults/create-or-update)."""
    return {**body, "properties": {**body["properties"], "createMode": "recover"}}
