"""Every kind of object beside workspaces, and who works on it."""

from __future__ import annotations

from collections.abc import Mapping

from controlplane.objects.tick import Part
from controlplane.retraining.deps import RetrainingDeps


def parts(deps: RetrainingDeps) -> Mapping[str, Part]:
    """Kind in a queue message → its class and its handler."""
    del deps
    return {}
