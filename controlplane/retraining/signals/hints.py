"""Which events speak of a breach, what makes two of them the same, and whose monitor it is. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from controlplane.retraining.monitors.model import Monitor, signal_name
from controlplane.retraining.signals.breach import BREACH_TAG, Breach, parse_breach
from controlplane.retraining.signals.eventgrid import Heard


@dataclass(frozen=True, slots=True)
class Gate:
    """``refuses`` says why an event is left alone; None lets it on."""

    refuses: Callable[[Heard, Breach | None], str | None]
    requirements: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class KeyPart:
    """A part of what a breach is about; events that agree in all parts are copies."""

    of: Callable[[Heard, str], str]
    requirements: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Attribution:
    """Whose monitor a signal's name says it is; None: nobody's."""

    of: Callable[[Sequence[Monitor], str], Monitor | None]
    requirements: tuple[str, ...] = ()


def _no_breach(heard: Heard, breach: Breach | None) -> str | None:
    """By the tag that Azure ML's component writes; of which status the run is does not matter (D20)."""
    return "it says nothing of a breach" if breach is None or heard.run_id is None else None


def _by_name(monitors: Sequence[Monitor], name: str) -> Monitor | None:
    """The longest monitor's name that fits, where one begins another."""
    fitting = [one for one in monitors for part in one.spec.signals if name == signal_name(one.name, part.name)]
    return max(fitting, key=lambda one: len(one.name), default=None)


GATES: dict[str, Gate] = {"breach": Gate(_no_breach, ("D18",))}
"""Name → gate, in the order in which they are asked."""
KEY: dict[str, KeyPart] = {
    # The monitor's step of one window: whatever its events are called and however many come.
    "run": KeyPart(lambda heard, _: heard.run_id or "", ("D21",)),
    # Several signals of one monitor may be told of by one step.
    "signalName": KeyPart(lambda _, name: name, ("D20",)),
}
"""Name → part, in the order of the key."""
ATTRIBUTIONS: dict[str, Attribution] = {"signalName": Attribution(_by_name, ("D19",))}
"""Name → way; the first that finds a monitor counts."""


def breach_of(heard: Heard) -> Breach | str:
    """What an event says of a breach, or why it is left alone."""
    breach = parse_breach((heard.tags or {}).get(BREACH_TAG))
    for gate in GATES.values():
        why = gate.refuses(heard, breach)
        if why is not None:
            return why
    return breach or Breach("", (), complete=False)


def key_of(heard: Heard, name: str, incarnation: int) -> str:
    """The dedupe key of a breach."""
    return "\n".join(("breach", str(incarnation), *(part.of(heard, name) for part in KEY.values())))


def monitor_of(monitors: Sequence[Monitor], name: str | None) -> Monitor | None:
    """The monitor whose signal has this name (D19)."""
    found = (way.of(monitors, name or "") for way in ATTRIBUTIONS.values())
    return next((one for one in found if one is not None), None)
