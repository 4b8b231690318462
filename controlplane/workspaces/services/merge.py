"""JSON merge patch (RFC 7396). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from controlplane.json_types import JsonObject


def merge_patch(target: JsonObject, patch: JsonObject) -> dict[str, Any]:
    """``null`` removes a member, an object is merged, anything else (lists too) replaces. Neither input is changed."""
    merged = dict(target)
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, Mapping):
            before = merged.get(key)
            merged[key] = merge_patch(before if isinstance(before, Mapping) else {}, value)
        else:
            merged[key] = value
    return merged
