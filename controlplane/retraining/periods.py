"""Whether a policy counts windows as often as its monitors make them. Pure.

N of M is counted in slots of the policy's ``windows.period`` (D04, D05, D20): with a monitor that runs at another pace
slots stay empty for ever, or two windows fall into one. A slot of the monitor is its recurrence, so that windows that
do not overlap (D15) and a frequency that follows the data (D12) are the monitor's to say, and the policy's to repeat.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from pydantic_core import to_jsonable_python

from controlplane.errors import ErrorDetail
from controlplane.retraining.monitors.model import Monitor, MonitorSpec
from controlplane.retraining.policy import Mode, RetrainingPolicy

CODE = "PeriodsDisagree"


@dataclass(frozen=True, slots=True)
class Named:
    """A monitor's name and what it is, or is about to be."""

    name: str
    spec: MonitorSpec


def named(monitors: Iterable[Monitor], incarnation: int) -> tuple[Named, ...]:
    """Those of this workspace that stay."""
    return tuple(Named(one.name, one.spec) for one in monitors if one.incarnation == incarnation and not one.deleting)


def disagreements(policy: RetrainingPolicy, model: str, monitors: Iterable[Named]) -> Iterator[ErrorDetail]:
    """One for each monitor whose signals the policy counts. A policy that is disabled decides nothing: that is how both
    are changed, one after the other."""
    if policy.mode is Mode.DISABLED:
        return
    for one in monitors:
        if one.spec.model != model or not _counts(policy, one) or one.spec.period == policy.windows.period:
            continue
        text = (
            f"Monitor {one.name} has a window every {_text(one.spec.period)}, and the policy of model {model} "
            f"counts one every {_text(policy.windows.period)}. To change both set the policy's `mode` to "
            "`disabled` first; a policy that is not about this monitor names others in `monitors`."
        )
        yield ErrorDetail(CODE, text, "$.windows.period")


def _counts(policy: RetrainingPolicy, one: Named) -> bool:
    named_by = not policy.monitors or one.name in policy.monitors
    return named_by and any(signal.kind in policy.kinds for signal in one.spec.signals)


def _text(period: timedelta) -> str:
    """As people write it: P1D."""
    return str(to_jsonable_python(period))
