"""JSON as Python holds it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: A JSON object. ``Any`` on purpose: bodies of forty ARM types have no common shape but this.
JsonObject = Mapping[str, Any]
