"""What goes wrong, where and how often. Rules come from `--faults FILE` (YAML) or `PUT /simulator/faults` (JSON).

rules:
  - name: storm            # optional
    method: PUT            # or a list; default every method
    path: storageAccounts  # a regular expression, searched in the path without regard to case
    every: 3               # each third match; default each match
    probability: 0.2       # with `seed`; default 1
    seed: 7
    skip: 1                # the first matches are let through
    times: 2               # at most so often; default without end
    status: 503            # answer this instead (`code`, `message`, `retryAfter` seconds, not scaled);
    after: true            #   ... after the request has taken effect
    drop: before           # or `after`: the connection is cut before / after the request has taken effect
    delay: 0.5             # seconds, not scaled, before anything else
    failOperation: {code: X, message: Y, status: 409}   # the long operation it starts ends Failed with this
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field
from typing import Any

from simulator.engine.hooks import ArmError, JsonObject
from simulator.engine.messages import Response, error_response

KNOWN = frozenset(
    ("name", "method", "path", "every", "probability", "seed", "skip", "times", "status", "code", "message")
) | {"retryAfter", "after", "drop", "delay", "failOperation", "principal"}
TEXTS = {
    429: ("TooManyRequests", "The request is being throttled."),
    500: ("InternalServerError", "Encountered internal server error."),
    502: ("BadGateway", "The gateway did not receive a response from the resource provider."),
    503: ("ServiceUnavailable", "The service is temporarily unavailable."),
    504: ("GatewayTimeout", "The gateway did not receive a response from 'the provider' within the time allowed."),
}


@dataclass
class Rule:
    """One rule with its counters."""

    spec: JsonObject
    methods: frozenset[str]
    path: re.Pattern[str]
    random: random.Random
    seen: int = 0
    fired: int = 0

    @classmethod
    def parse(cls, spec: JsonObject) -> Rule:
        """Raises ValueError for what is not a rule."""
        unknown = sorted(set(spec) - KNOWN)
        if unknown:
            raise ValueError(f"unknown field of a fault rule: {', '.join(unknown)}")
        if not {"status", "drop", "delay", "failOperation"} & set(spec):
            raise ValueError("a fault rule needs status, drop, delay or failOperation")
        given = spec.get("method", "*")
        methods = [given] if isinstance(given, str) else list(given)
        pattern = re.compile(str(spec.get("path", "")), re.IGNORECASE)
        return cls(spec, frozenset(one.upper() for one in methods), pattern, random.Random(spec.get("seed", 0)))

    def fires(self, method: str, path: str) -> bool:
        if ("*" not in self.methods and method not in self.methods) or not self.path.search(path):
            return False
        self.seen += 1
        number = self.seen - int(self.spec.get("skip", 0))
        if number <= 0 or number % int(self.spec.get("every", 1)):
            return False
        if "times" in self.spec and self.fired >= int(self.spec["times"]):
            return False
        if self.random.random() >= float(self.spec.get("probability", 1)):
            return False
        self.fired += 1
        return True


@dataclass(frozen=True)
class Effect:
    """What the rules do to one call."""

    delay: float = 0.0
    answer: Response | None = None
    answer_after: bool = False
    drop: str | None = None
    failure: ArmError | None = None
    names: tuple[str, ...] = ()


NOTHING = Effect()


@dataclass
class Faults:
    rules: list[Rule] = field(default_factory=list)

    def replace(self, data: Any) -> None:
        """Take `{"rules": [...]}` or a list; raises ValueError."""
        found = data.get("rules", []) if isinstance(data, dict) else (data or [])
        self.rules = [Rule.parse(dict(spec)) for spec in found]

    def listed(self) -> list[JsonObject]:
        return [{**rule.spec, "seen": rule.seen, "fired": rule.fired} for rule in self.rules]

    def effect(self, method: str, path: str) -> Effect:
        if not self.rules:
            return NOTHING
        fired = [rule for rule in self.rules if rule.fires(method, path)]
        if not fired:
            return NOTHING
        merged: JsonObject = {}
        for rule in fired:
            merged.update(rule.spec)
        names = tuple(str(rule.spec.get("name", rule.path.pattern)) for rule in fired)
        answer = _answer(merged) if "status" in merged else None
        failure = None
        if failed := merged.get("failOperation"):
            failure = ArmError(int(failed.get("status", 409)), str(failed.get("code")), str(failed.get("message")))
        after = bool(merged.get("after"))
        return Effect(float(merged.get("delay", 0)), answer, after, merged.get("drop"), failure, names)


def _answer(spec: JsonObject) -> Response:
    status = int(spec["status"])
    code, message = TEXTS.get(status, ("Fault", "A fault was injected."))
    error = ArmError(status, str(spec.get("code", code)), str(spec.get("message", message)))
    response = error_response(error)
    if "retryAfter" in spec:
        seconds = float(spec["retryAfter"])
        if seconds == int(seconds):
            response.headers["retry-after"] = str(int(seconds))
        else:
            response.headers["x-ms-retry-after-ms"] = f"{seconds * 1000:g}"
    return response
