"""What every flow about money and lifetime needs."""

from __future__ import annotations

from dataclasses import dataclass

from controlplane.retraining.services.deps import Flows
from controlplane.retraining.services.deps import workspace as workspace


@dataclass(frozen=True, slots=True)
class RuleDeps(Flows):
    """``objects`` are those of money and lifetime."""
