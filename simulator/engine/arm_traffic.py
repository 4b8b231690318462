"""What Resource Manager answered, for its own metrics (`simulator/planes/arm_traffic.py`)."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

_KEPT = 50_000


@dataclass
class ArmTraffic:
    """Answers of Resource Manager by folded subscription: when (seconds since 1970), method, status."""

    answers: dict[str, deque[tuple[float, str, int]]] = field(default_factory=dict)

    def note(self, path: str, method: str, status: int, when: float) -> None:
        """One answer; what is of no subscription is nobody's."""
        parts = path.lower().split("/", 3)
        if len(parts) > 2 and parts[1] == "subscriptions" and status:
            self.answers.setdefault(parts[2], deque(maxlen=_KEPT)).append((when, method, status))
