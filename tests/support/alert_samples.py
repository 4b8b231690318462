"""Azure Monitor's sample payloads, and which keys they have."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

SAMPLES = Path(__file__).parents[1] / "data" / "samples"
Payload = dict[str, Any]


def sample(name: str) -> Payload:
    found: Payload = json.loads((SAMPLES / f"alert-{name}.json").read_text(encoding="utf-8"))
    return found


def keys(value: Any, path: str = "") -> set[str]:
    """Every key at every depth; what customers name themselves is left out."""
    if isinstance(value, list):
        return set().union(*(keys(one, f"{path}[]") for one in value)) if value else set()
    if not isinstance(value, dict):
        return set()
    own = path.endswith((".customProperties", ".properties")) and "eventCategory" not in value
    return (
        set().union(*({f"{path}.{key}"} | keys(one, f"{path}.{key}") for key, one in value.items()))
        if not own
        else set()
    )
