"""Processes that tests end."""

from __future__ import annotations

import psutil  # type: ignore[import-untyped]


def runs(pid: int) -> bool:
    """A zombie that nobody has waited for does not; one may be waited for between two looks at it."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
