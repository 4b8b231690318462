"""Whether we are there, and ready."""

from __future__ import annotations

from typing import Literal

from controlplane.operations.model import Model


class DependencyBody(Model):
    name: str
    status: Literal["Ready", "NotReady"]
    code: str | None
    message: str | None


class Readiness(Model):
    status: Literal["Ready", "NotReady"]
    dependencies: tuple[DependencyBody, ...]


class Liveness(Model):
    status: Literal["Alive"]
