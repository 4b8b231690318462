"""Bringing a workspace to what was asked: a pure core (what next) and a thin shell (doing it, once, under a lease).

``shell`` is the tick, ``runner`` the loop of one operation, ``session`` the lease and the commits; ``planning``,
``decide``, ``judge``, ``apply``, ``steps``, ``classify`` and ``finish`` are pure.
"""

from controlplane.workspaces.reconcile.deps import TickDeps
from controlplane.workspaces.reconcile.shell import tick

__all__ = ["TickDeps", "tick"]
