"""Replaying recorded ARM traffic against the in-process engine: what has to agree, and how time is moved.

Compared: status; `azure-asyncoperation`, `location`, `etag` present or absent; content type; the keys of bodies, at
every depth. Not compared: values; `retry-after`, which the recorder removed; rate limit headers, which are the server's
and not the engine's.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from simulator.engine.messages import Response
from tests.simulator.lab import Lab

DATA = Path(__file__).parent.parent / "data" / "arm"
OPERATION_HEADERS = ("azure-asyncoperation", "location", "etag")
RUNNING = {"InProgress", "Accepted", "Running", "NotStarted", "Creating", "Updating", "RegisteringDns"}


@dataclass
class Step:
    """One recorded interaction."""

    number: int
    method: str
    path: str  # with query
    sent: Any
    status: int
    headers: dict[str, str]
    body: Any
    repeated: int

    @property
    def settled(self) -> bool:
        """Whether the recorded answer is that of something finished."""
        if self.status == 202:
            return False
        if not isinstance(self.body, dict):
            return True
        status = self.body.get("status")
        state = (self.body.get("properties") or {}).get("provisioningState")
        return status not in RUNNING and (self.method != "GET" or state not in RUNNING)


def steps_of(name: str) -> list[Step]:
    raw = json.loads((DATA / f"{name}.json").read_text())
    return [
        Step(
            number,
            one["request"]["method"],
            one["request"]["path"],
            one["request"].get("body"),
            one["response"]["status"],
            {key: value if isinstance(value, str) else value[0] for key, value in one["response"]["headers"].items()},
            one["response"]["body"],
            int(one.get("repeated", 1)),
        )
        for number, one in enumerate(raw)
    ]


@dataclass
class Replay:
    """Plays the steps of one recording; `differences` collects what does not agree."""

    lab: Lab
    headers: dict[int, dict[str, str]] = field(default_factory=dict)  # request headers by step, where they mattered
    differences: list[str] = field(default_factory=list)
    _urls: dict[str, str] = field(default_factory=dict)  # recorded operation URL -> ours
    _values: dict[str, str] = field(default_factory=dict)  # recorded principal -> ours

    def play(
        self,
        steps: list[Step],
        skip: frozenset[int] = frozenset(),
        before: dict[int, Callable[[Lab], None]] | None = None,
    ) -> None:
        for step in steps:
            if before and step.number in before:
                before[step.number](self.lab)
            if step.number not in skip:
                self._one(step)

    def _one(self, step: Step) -> None:
        path = self._translated(self._urls.get(_key(step.path), step.path))
        sent = json.loads(self._translated(json.dumps(step.sent))) if step.sent is not None else None
        if step.method in ("GET", "HEAD") and step.settled:
            self.lab.advance(120)
        elif _key(step.path) not in self._urls:
            self.lab.advance(1)
        for _ in range(step.repeated):
            response = self.lab.call(step.method, path, sent, headers=self.headers.get(step.number))
            self._learn(step, response)
            self.differences += [f"{step.number} {step.method} {line}" for line in differences(step, response)]

    def _translated(self, text: str) -> str:
        for recorded, ours in self._values.items():
            text = text.replace(recorded, ours)
        return text

    def _learn(self, step: Step, response: Response) -> None:
        if step.method == "PUT" and isinstance(response.body, dict) and isinstance(step.body, dict):
            recorded, ours = step.body.get("properties") or {}, response.body.get("properties") or {}
            for name in ("principalId", "clientId"):
                if recorded.get(name) and ours.get(name) and "/userAssignedIdentities/" in step.path:
                    self._values[recorded[name]] = ours[name]
                    self.lab.advance(30)  # until the directory has replicated
        for name in ("azure-asyncoperation", "location"):
            if name in step.headers and name in response.headers:
                ours = urlsplit(response.headers[name])
                self._urls[_key(step.headers[name])] = f"{ours.path}?{ours.query}" if ours.query else ours.path


def _key(url: str) -> str:
    """An operation's URL without host; deployments print their name in headers but not in later requests."""
    parts = urlsplit(url)
    query = sorted(pair for pair in parse_qsl(parts.query) if pair[0] != "api-version")
    return f"{unquote(parts.path).lower()}?{query}"


def differences(step: Step, response: Response) -> Iterator[str]:
    if response.status != step.status:
        yield f"status {response.status}, recorded {step.status}: {response.body}"
        return
    for name in OPERATION_HEADERS:
        if (name in step.headers) != (name in response.headers):
            yield f"header {name} {'missing' if name in step.headers else 'not recorded'}"
    recorded_type = step.headers.get("content-type")
    if recorded_type is not None and step.method != "HEAD" and response.content_type != recorded_type:
        yield f"content-type {response.content_type}, recorded {recorded_type}"
    body = response.body if isinstance(response.body, dict | list) else None
    recorded = step.body if isinstance(step.body, dict | list) else None
    if (body is None) != (recorded is None):
        yield f"body {response.body!r}, recorded {step.body!r}"
    yield from keys_differ("$", body, recorded)


def keys_differ(where: str, ours: Any, recorded: Any) -> Iterator[str]:
    if isinstance(ours, dict) and isinstance(recorded, dict):
        for key in recorded.keys() - ours.keys():
            yield f"{where}.{key} missing"
        for key in ours.keys() - recorded.keys():
            yield f"{where}.{key} not recorded"
        for key in ours.keys() & recorded.keys():
            yield from keys_differ(f"{where}.{key}", ours[key], recorded[key])
    elif isinstance(ours, list) and isinstance(recorded, list):
        if bool(ours) != bool(recorded):
            yield f"{where} has {len(ours)} items, recorded {len(recorded)}"
        for position, item in enumerate(ours if recorded else []):
            found = [list(keys_differ(f"{where}[{position}]", item, other)) for other in recorded]
            yield from min(found, key=len)
