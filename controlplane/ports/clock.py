"""Time as an argument. Leases use the system's clock always; the product's time may come from elsewhere."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """``now()`` is an aware UTC datetime; ``sleep`` waits real seconds."""

    def now(self) -> datetime: ...

    async def sleep(self, seconds: float) -> None: ...
