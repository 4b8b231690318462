"""Which computes of a workspace are machines of its own, and which are only attached to it. Pure.

``properties.computeType`` and ``isAttachedCompute`` of Compute - Get (API definition, 2024-04-01).
"""

from __future__ import annotations

from controlplane.json_types import JsonObject

CLUSTER, INSTANCE = "amlcompute", "computeinstance"


def kind_of(body: JsonObject) -> str:
    """In lower case; empty where Azure names none."""
    return str(_properties(body).get("computeType") or "").lower()


def is_machine(body: JsonObject) -> bool:
    """Whether it goes with the compute when that is deleted: a cluster or an instance. What is attached stands
    elsewhere, and stays."""
    return kind_of(body) in (CLUSTER, INSTANCE) and _properties(body).get("isAttachedCompute") is not True


def _properties(body: JsonObject) -> JsonObject:
    found = body.get("properties")
    return found if isinstance(found, dict) else {}
