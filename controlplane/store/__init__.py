"""Where the control plane keeps what Azure does not know: one protocol (``controlplane.ports.store``), two backends.

SQLite is the embedded one: one file, several processes. It keeps the limits of Azure Tables, so that what works here
works there. ``keys``, ``codec`` and ``limits`` are shared by the backends; ``docs/store.md`` says how Tables meets each
rule.
"""

from controlplane.store.sqlite_queue import SqliteQueue
from controlplane.store.sqlite_store import SqliteStore

__all__ = ["SqliteQueue", "SqliteStore"]
