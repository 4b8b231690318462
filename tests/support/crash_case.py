"""One case of the crash test: where a run is killed, and how it ended."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_SUFFIXES: Mapping[str, Mapping[str, Any]] = {
    "dropped": {"messages": 0},
    "doubled": {"messages": 2},
    "host": {"host": "all"},
    "worker": {"host": "worker"},
}
#: So short that the messages between ticks matter.
SHORT_TICK_SECONDS = 0.3


@dataclass(frozen=True)
class Case:
    """Where to kill: ``at`` a call to ARM, a commit of the ticks, or a commit of the accepting request; the
    ``number``-th of the run, before or ``after`` its effect.

    ``messages`` is how often each message is sent. ``host``: the run is one of ``python -m funchost``, of which
    ``all`` processes are killed or the ``worker`` that runs the ticks; otherwise it is a copy of the zygote.
    """

    at: str = "never"
    number: int = 0
    after: bool = False
    messages: int = 1
    host: str = ""

    @property
    def tick_seconds(self) -> float:
        return 60.0 if self.messages == 1 else SHORT_TICK_SECONDS

    @property
    def name(self) -> str:
        """As CRASH_CASES takes it: ``call-after-17``, ``commit-before-3-dropped``, ``call-after-80-host``."""
        mine = {"messages": self.messages, "host": self.host}
        suffixes = [f"-{name}" for name, wish in _SUFFIXES.items() if wish.items() <= mine.items()]
        return f"{self.at}-{'after' if self.after else 'before'}-{self.number}{''.join(suffixes)}"

    @classmethod
    def named(cls, name: str) -> Case:
        at, moment, number, *suffixes = name.split("-")
        wishes: dict[str, Any] = {}
        for suffix in suffixes:
            wishes |= _SUFFIXES[suffix]
        return cls(at, int(number), moment == "after", **wishes)


@dataclass(frozen=True)
class Ended:
    """How a run ended. What is compared is ``facts`` and ``azure``; the rest says what happened on the way."""

    facts: Mapping[str, Any]
    """What the store and the API say."""
    azure: Mapping[str, Any]
    """Resource id → body."""
    created_twice: tuple[str, ...]
    """Also what was deleted."""
    early_polls: tuple[str, ...]
    calls: tuple[str, ...]
    accepting: tuple[str, ...]
    commits: tuple[str, ...]
    killed_at: str | None
    restarts: int


def unlike(wanted: Any, found: Any, path: str = "$") -> list[str]:
    """The leaves that differ."""
    match wanted, found:
        case Mapping(), Mapping():
            keys = sorted({*wanted, *found})
            return [line for key in keys for line in unlike(wanted.get(key), found.get(key), f"{path}.{key}")]
        case list(), list() if len(wanted) == len(found):
            pairs = enumerate(zip(wanted, found, strict=True))
            return [line for i, (one, other) in pairs for line in unlike(one, other, f"{path}[{i}]")]
        case _:
            return [] if wanted == found else [f"{path}: {wanted} became {found}"]


_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")


def comparable(value: Any, names: Mapping[str, str]) -> Any:
    """A body without its times and ETags, with ``names`` for what differs from run to run. References have no order."""
    if isinstance(value, Mapping):
        kept = {k: v for k, v in value.items() if k != "etag" and not (isinstance(v, str) and _MOMENT.match(v))}
        return {k: comparable(v, names) for k, v in kept.items()}
    if isinstance(value, list | tuple):
        items = [comparable(item, names) for item in value]
        has_ids = all(isinstance(item, Mapping) and "id" in item for item in items)
        return sorted(items, key=lambda item: str(item["id"])) if has_ids else items
    return names.get(value, value) if isinstance(value, str) else value


def addresses_of(state: Mapping[str, Any]) -> dict[str, str]:
    """Address → whose it is. Endpoints get them in the order in which Azure happens to finish them."""
    found: dict[str, str] = {}
    for arm_id, body in state.items():
        for config in body.get("properties", {}).get("ipConfigurations", ()):
            address = config.get("properties", {}).get("privateIPAddress")
            if address:
                found[address] = f"address of {arm_id} {config['name']}"
    return found
