"""The one place that knows every adapter: settings in, dependencies out, once per process.

Functions call this on their first invocation and not at import, because a process runs one kind of function and should
not pay for the others: the modules here are light, and import inside their functions. Nothing relies on ASGI's
lifespan: the worker runs it late, and never for a queue or a timer.
"""

from controlplane.bootstrap.api import http_app
from controlplane.bootstrap.foundations import checkpoint_deps, queue, settings, storage_account, store, upkeep
from controlplane.bootstrap.retraining import fleet_deps, intake_deps, machines, monitor_deps
from controlplane.bootstrap.workspaces import care_deps, sweep_deps, tick_deps

__all__ = [
    "care_deps",
    "checkpoint_deps",
    "fleet_deps",
    "http_app",
    "intake_deps",
    "machines",
    "monitor_deps",
    "queue",
    "settings",
    "storage_account",
    "store",
    "sweep_deps",
    "tick_deps",
    "upkeep",
]
