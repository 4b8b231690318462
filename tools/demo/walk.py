"""What the chapters share: who walks, and how an operation, an injection and an expectation go."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tools.demo import screen
from tools.demo.api import ControlPlane, token
from tools.demo.drift import person_of
from tools.local import ROOT, LocalStack
from tools.to_json import to_json

EXAMPLES = ROOT / "examples"
NAME = "churn-dev"


class Unexpected(RuntimeError):
    """A chapter ended otherwise than it should."""


@dataclass
class Walk:
    """What the chapters share."""

    stack: LocalStack
    project: dict[str, Any] = field(default_factory=dict)
    spec: dict[str, Any] = field(default_factory=dict)
    shown: int = 0
    """Lines of the budget's history that were shown."""

    @property
    def env_file(self) -> Path:
        return self.stack.directory / "azure.env"

    def __post_init__(self) -> None:
        self.project = to_json(EXAMPLES / "projects/churn.yaml")
        self.spec = to_json(EXAMPLES / "workspaces/secure-classical.yaml")
        # Olivia answers for it. Later on only an owner or a Platform.Admin could name her.
        self.spec["owners"].append(person_of(self.token_of("olivia")))
        group = self.project["members"]["contributors"][0]
        self.admin = ControlPlane(self.stack.api_url, token(self.env_file, "ada", "--role", "Platform.Admin"))
        self.grace = ControlPlane(self.stack.api_url, token(self.env_file, "grace", "--group", group))
        self.owner = ControlPlane(self.stack.api_url, token(self.env_file, "olivia", "--group", group))

    def token_of(self, user: str) -> str:
        """Whoever has a token is a person of the directory."""
        return token(self.env_file, user)

    @property
    def workspace_id(self) -> str:
        """ARM id of the ML workspace."""
        return str(self.grace.call("GET", f"/workspaces/{NAME}").json()["status"]["outputs"]["workspaceId"])

    def resource_id(self, key: str) -> str:
        """ARM id of a resource of the workspace, from its plan."""
        changes = self.grace.call("POST", f"/workspaces/{NAME}:plan").json()["changes"]
        return str(next(change["id"] for change in changes if change["key"] == key))


def operate(walk: Walk, title: str, request: Callable[[], httpx.Response]) -> dict[str, Any]:
    """An operation, drawn as it moves; it has to succeed."""
    started = time.monotonic()
    with screen.steps(title) as draw:
        operation = walk.grace.watch(request(), draw)
    screen.operation_result(operation, time.monotonic() - started)
    expect(operation["status"] == "Succeeded", f"{title} ended {operation['status']}")
    return operation


def inject(walk: Walk, *arguments: str) -> None:
    """``python -m simulator inject``: something happens that is not the control plane's doing."""
    command = [sys.executable, "-m", "simulator", "inject", *arguments, "--env-file", str(walk.env_file)]
    done = subprocess.run(command, capture_output=True, text=True)
    expect(done.returncode == 0, f"inject failed: {done.stderr.strip()}")
    screen.said(f"{arguments[0]}: {screen.without_group(done.stdout.strip())}")


def expect(holds: bool, otherwise: str) -> None:
    """Raises :class:`Unexpected`."""
    if not holds:
        raise Unexpected(otherwise)
