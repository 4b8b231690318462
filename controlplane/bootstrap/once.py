"""What a process makes once, and the name it goes by."""

from __future__ import annotations

import os
import secrets
import socket
import threading
from collections.abc import Callable
from functools import wraps
from typing import TypeVar

T = TypeVar("T")
_lock = threading.RLock()


def once(make: Callable[[], T]) -> Callable[[], T]:
    """Calls ``make`` once per process, also under concurrent first invocations."""
    made: list[T] = []

    @wraps(make)
    def get() -> T:
        if not made:
            with _lock:
                if not made:
                    made.append(make())
        return made[0]

    return get


def owner() -> str:
    """Whose leases these are: the host, the process, and what tells it from the last one of that number."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
