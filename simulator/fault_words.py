"""Which fields a fault rule may have, and which do not go together."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from simulator.engine.hooks import JsonObject

METHODS = frozenset({"*", "GET", "HEAD", "PUT", "PATCH", "POST", "DELETE", "OPTIONS"})
#: What a rule can do to a call.
EFFECTS = frozenset({"status", "drop", "delay", "failOperation", "lag", "expireTokensAfter"})
EVENTS = ("lose", "double", "reorder", "delay")


def _is_number(low: float, high: float = float("inf")) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high


def _is_count(low: int) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and value >= low


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_pattern(value: Any) -> bool:
    try:
        re.compile(value)
    except (re.error, TypeError):
        return False
    return isinstance(value, str)


def _is_method(value: Any) -> bool:
    given = [value] if isinstance(value, str) else value
    return isinstance(given, list) and bool(given) and all(isinstance(m, str) and m.upper() in METHODS for m in given)


def _is_failure(value: Any) -> bool:
    if not isinstance(value, dict) or set(value) - {"code", "message", "status"}:
        return False
    return isinstance(value.get("code"), str)


#: Field → (whether a value will do, what it should be).
FIELDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "name": (_is_text, "a text"),
    "method": (_is_method, f"one or a list of {', '.join(sorted(METHODS))}"),
    "path": (_is_pattern, "a regular expression"),
    "principal": (_is_text, "owner, observer, operator or an object id"),
    "every": (_is_count(1), "a whole number from 1"),
    "probability": (_is_number(0, 1), "a number from 0 to 1"),
    "seed": (lambda value: isinstance(value, int | str), "a number or a text"),
    "skip": (_is_count(0), "a whole number from 0"),
    "times": (_is_count(1), "a whole number from 1"),
    "status": (lambda value: _is_count(400)(value) and value < 600, "a status from 400 to 599"),
    "code": (_is_text, "a text"),
    "message": (_is_text, "a text"),
    "retryAfter": (_is_number(0), "seconds"),
    "after": (lambda value: isinstance(value, bool), "true or false"),
    "drop": (lambda value: value in ("before", "after"), "before or after"),
    "delay": (_is_number(0), "seconds"),
    "failOperation": (_is_failure, "an object of code, message and status, of which code is needed"),
    "lag": (_is_number(0), "seconds at time scale 1"),
    "expireTokensAfter": (_is_number(0), "seconds"),
    "event": (lambda value: value in EVENTS, f"one of {', '.join(EVENTS)}"),
    "eventType": (_is_pattern, "a regular expression"),
}
#: (fields, why not): a rule that has all of them contradicts itself.
CONTRADICTIONS: tuple[tuple[frozenset[str], str], ...] = (
    (frozenset({"status", "drop"}), "a connection that is cut has no status"),
    (frozenset({"lag", "failOperation"}), "reads lag, writes start operations"),
    (frozenset({"lag", "after"}), "a read has no effect to come after"),
    (frozenset({"expireTokensAfter", "status"}), "no token is issued"),
    (frozenset({"expireTokensAfter", "failOperation"}), "requests for tokens start no operation"),
    *((frozenset({"event", name}), "a rule is about calls or about events") for name in sorted(EFFECTS - {"delay"})),
    (frozenset({"event", "method"}), "events have no method"),
    (frozenset({"event", "principal"}), "events have no principal"),
)


def check(spec: JsonObject) -> None:
    """Raises ValueError for a rule with an unknown field, a value that will not do, no effect, or two that cannot both
    be."""
    unknown = sorted(set(spec) - set(FIELDS))
    if unknown:
        raise ValueError(f"unknown field of a fault rule: {', '.join(unknown)}")
    for name, value in spec.items():
        fits, wanted = FIELDS[name]
        if not fits(value):
            raise ValueError(f"{name} of a fault rule must be {wanted}, not {value!r}")
    if not {*EFFECTS, "event"} & set(spec):
        raise ValueError(f"a fault rule needs one of {', '.join(sorted(EFFECTS))} or event")
    for fields, why in CONTRADICTIONS:
        if fields <= set(spec):
            raise ValueError(f"a fault rule cannot have {' and '.join(sorted(fields))}: {why}")
    _check_pairs(spec)


def _check_pairs(spec: JsonObject) -> None:
    alone = sorted({"after", "code", "message", "retryAfter"} & set(spec))
    if alone and "status" not in spec:
        raise ValueError(f"{alone[0]} of a fault rule needs status")
    if "failOperation" in spec and (spec.get("drop") == "before" or ("status" in spec and not spec.get("after"))):
        raise ValueError("a fault rule cannot have failOperation when the request never takes effect")
    given = spec.get("method", "*")
    methods = {one.upper() for one in ([given] if isinstance(given, str) else given)}
    if "failOperation" in spec and methods <= {"GET", "HEAD"}:
        raise ValueError("failOperation of a fault rule needs a method that writes")
    if "lag" in spec and "*" not in methods and not methods & {"GET", "HEAD"}:
        raise ValueError("lag of a fault rule needs a method that reads")
    if "eventType" in spec and "event" not in spec:
        raise ValueError("eventType of a fault rule needs event")
    if (spec.get("event") == "delay") != ("event" in spec and "delay" in spec):
        raise ValueError("event: delay of a fault rule needs delay, and other events have none")
