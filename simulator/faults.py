"""What goes wrong, where and how often. Rules come from `--faults FILE` (YAML) or `PUT /simulator/faults` (JSON).

rules:
  - name: storm            # optional
    method: PUT            # or a list; default every method
    path: storageAccounts  # a regular expression, searched in the path without regard to case; of an event: in
                           #   topic/subject
    principal: operator    # only calls of this one: owner, observer, operator, or an object id
    every: 3               # each third match; default each match
    probability: 0.2       # with `seed`; default 1
    seed: 7
    skip: 1                # the first matches are let through
    times: 2               # at most so often; default without end

  and what happens, one or more of:

    status: 503            # answer this instead (`code`, `message`, `retryAfter` seconds, not scaled);
    after: true            #   ... after the request has taken effect
    drop: before           # or `after`: the connection is cut before / after the request has taken effect
    delay: 0.5             # seconds, not scaled, before anything else, or until other rules are given
    failOperation: {code: X, message: Y, status: 409}   # the long operation it starts ends Failed with this
    lag: 10                # a GET, HEAD or LIST answers what was there so many seconds (÷ time scale) ago
    expireTokensAfter: 5   # a token that is issued is refused after so many real seconds, whatever its expires_on says

  or, of events that Event Grid delivers:

    event: lose            # lose | double | reorder (delivered after the next one of the subscription) | delay (with
                           #   `delay` seconds, not scaled)
    eventType: RunCompleted   # a regular expression, searched in the event's type

A rule counts only what it can act upon: `lag` reads, `failOperation` writes, `expireTokensAfter` requests for tokens. A
draw depends on the seed, the rule, the method, the path and how often that path was asked for, so that calls which come
in another order meet the same faults.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from simulator import fault_words
from simulator.engine.hooks import ArmError, JsonObject
from simulator.engine.messages import Response, error_response

TEXTS = {
    429: ("TooManyRequests", "The request is being throttled."),
    500: ("InternalServerError", "Encountered internal server error."),
    502: ("BadGateway", "The gateway did not receive a response from the resource provider."),
    503: ("ServiceUnavailable", "The service is temporarily unavailable."),
    504: ("GatewayTimeout", "The gateway did not receive a response from 'the provider' within the time allowed."),
}
READS, WRITES = frozenset({"GET", "HEAD"}), frozenset({"PUT", "PATCH", "POST", "DELETE"})
TOKENS = re.compile(r"(/oauth2(/v2\.0)?|/msi|/metadata/identity/oauth2)/token$", re.IGNORECASE)


@dataclass
class Rule:
    """One rule with its counters."""

    spec: JsonObject
    number: int
    methods: frozenset[str]
    path: re.Pattern[str]
    event_type: re.Pattern[str]
    drawn: Counter[str] = field(default_factory=Counter)
    seen: int = 0
    fired: int = 0

    @classmethod
    def parse(cls, spec: JsonObject, number: int = 0) -> Rule:
        """Raises ValueError for what is not a rule, and for one that contradicts itself."""
        fault_words.check(spec)
        given = spec.get("method", "*")
        methods = frozenset(one.upper() for one in ([given] if isinstance(given, str) else given))
        path, event_type = (re.compile(str(spec.get(name, "")), re.IGNORECASE) for name in ("path", "eventType"))
        return cls(spec, number, methods, path, event_type)

    @property
    def name(self) -> str:
        return str(self.spec.get("name", self.path.pattern))

    def matches(self, method: str, path: str) -> bool:
        """Whether a call is one that this rule is about, and that it can act upon."""
        if "event" in self.spec or ("*" not in self.methods and method not in self.methods):
            return False
        effects = fault_words.EFFECTS & set(self.spec)
        able = (
            (bool(effects - {"lag", "expireTokensAfter", "failOperation"}))
            or ("lag" in effects and method in READS)
            or ("failOperation" in effects and method in WRITES)
            or ("expireTokensAfter" in effects and TOKENS.search(path) is not None)
        )
        return able and self.path.search(path) is not None

    def fires(self, method: str, path: str) -> bool:
        """Counts one match, and says whether it is one that goes wrong."""
        self.seen += 1
        number = self.seen - int(self.spec.get("skip", 0))
        if number <= 0 or number % int(self.spec.get("every", 1)):
            return False
        if "times" in self.spec and self.fired >= int(self.spec["times"]):
            return False
        if self._draw(f"{method} {path.lower()}") >= float(self.spec.get("probability", 1)):
            return False
        self.fired += 1
        return True

    def _draw(self, what: str) -> float:
        """In 0…1: of the seed, the rule, what was asked and how often that was."""
        self.drawn[what] += 1
        text = f"{self.spec.get('seed', 0)}\x1f{self.number}\x1f{what}\x1f{self.drawn[what]}"
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2**64


@dataclass(frozen=True)
class Effect:
    """What the rules do to one call."""

    delay: float = 0.0
    answer: Response | None = None
    answer_after: bool = False
    drop: str | None = None
    failure: ArmError | None = None
    lag: float | None = None
    token_seconds: float | None = None
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class EventEffect:
    """What the rules do to one event on its way to one subscription."""

    lose: bool = False
    double: bool = False
    reorder: bool = False
    delay: float = 0.0
    names: tuple[str, ...] = ()


NOTHING, UNTOUCHED = Effect(), EventEffect()


@dataclass
class Faults:
    rules: list[Rule] = field(default_factory=list)

    def replace(self, data: Any) -> None:
        """Take `{"rules": [...]}` or a list; raises ValueError and leaves the old ones."""
        unknown = sorted(set(data) - {"rules"}) if isinstance(data, dict) else []
        if unknown:
            raise ValueError(f"unknown field beside `rules`: {', '.join(unknown)}")
        found = data.get("rules", []) if isinstance(data, dict) else (data or [])
        self.rules = [Rule.parse(dict(spec), number) for number, spec in enumerate(found)]

    def listed(self) -> list[JsonObject]:
        return [{**rule.spec, "seen": rule.seen, "fired": rule.fired} for rule in self.rules]

    def longest_lag(self) -> float:
        """How many seconds back reads may look; 0 when none does."""
        return max((float(rule.spec.get("lag", 0)) for rule in self.rules), default=0.0)

    def effect(self, method: str, path: str, is_of: Callable[[str], bool] = lambda _: True) -> Effect:
        """What happens to a call. `is_of` says whether its principal is the one that a rule names."""
        mine = [rule for rule in self.rules if rule.matches(method, path)]
        mine = [rule for rule in mine if "principal" not in rule.spec or is_of(str(rule.spec["principal"]))]
        fired = [rule for rule in mine if rule.fires(method, path)]
        if not fired:
            return NOTHING
        merged: JsonObject = {}
        for rule in fired:
            merged.update(rule.spec)
        failure = None
        if failed := merged.get("failOperation"):
            failure = ArmError(int(failed.get("status", 409)), str(failed["code"]), str(failed.get("message")))
        return Effect(
            delay=float(merged.get("delay", 0)),
            answer=_answer(merged) if "status" in merged else None,
            answer_after=bool(merged.get("after")),
            drop=merged.get("drop"),
            failure=failure,
            lag=float(merged["lag"]) if "lag" in merged and method in READS else None,
            token_seconds=float(merged["expireTokensAfter"]) if "expireTokensAfter" in merged else None,
            names=tuple(rule.name for rule in fired),
        )

    def event(self, event_type: str, path: str) -> EventEffect:
        """What happens to an event; `path` is its topic, a slash, its subject."""
        mine = [rule for rule in self.rules if "event" in rule.spec]
        mine = [rule for rule in mine if rule.event_type.search(event_type) and rule.path.search(path)]
        fired = [rule for rule in mine if rule.fires("EVENT", path)]
        if not fired:
            return UNTOUCHED
        kinds = {str(rule.spec["event"]) for rule in fired}
        delay = max(float(rule.spec.get("delay", 0)) for rule in fired)
        names = tuple(rule.name for rule in fired)
        return EventEffect("lose" in kinds, "double" in kinds, "reorder" in kinds, delay, names)


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
