"""A simulation: the recorded signals of a period against a policy that is only asked about. Nothing is written."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from pydantic import Field, ValidationError

from controlplane.errors import ErrorDetail, Rejected
from controlplane.json_types import JsonObject
from controlplane.objects.repository import Listed, Objects
from controlplane.operations.model import Model
from controlplane.operations.strictly import read_strictly
from controlplane.projects.access import Caller, Permission
from controlplane.projects.registration import details_of
from controlplane.retraining.job_costs import pools_of
from controlplane.retraining.known import Known
from controlplane.retraining.model import Decision, ModelState, state_id
from controlplane.retraining.policy import RetrainingPolicy
from controlplane.retraining.policy_rules import problems
from controlplane.retraining.runs.model import Run
from controlplane.retraining.services.deps import ModelDeps, workspace
from controlplane.retraining.signal import Signal
from controlplane.retraining.signals.eventgrid import is_name
from controlplane.retraining.signals.windows import fresh_state
from controlplane.retraining.simulate import Recorded, Simulation, simulate

LONGEST = timedelta(days=400)
#: What a request decides again within its time.
MOST_SIGNALS = 5000
_PAGE = 500
T = TypeVar("T", bound=Listed)


class SimulationRequest(Model):
    """What ``:simulate`` takes."""

    begin: datetime = Field(alias="from", description="Signals received from then on.")
    end: datetime = Field(alias="to", description="And before then; 400 days later at most.")
    policy: RetrainingPolicy = Field(description="As in a PUT; it is not stored.")


async def simulate_policy(
    deps: ModelDeps, caller: Caller, asked: tuple[str, str], data: JsonObject
) -> tuple[Simulation, str]:
    """With the project. ``asked`` is workspace and model. Raises ``Rejected``: ``WorkspaceNotFound``,
    ``InvalidSimulation``, ``TooManySignals``."""
    name, model = asked
    found = await workspace(deps, caller, Permission.POLICIES_SIMULATE, name)
    if not is_name(model):
        raise Rejected("InvalidResourceName", f"{model!r} is no model's name.", target="model")
    wanted = parse_request(data)
    recorded = await recorded_of(deps.objects, found, model, wanted)
    # Thousands of decisions take seconds, and others are waiting.
    done = await asyncio.to_thread(simulate, wanted.policy, recorded, wanted.begin, wanted.end)
    return done, found.record.project


def parse_request(data: JsonObject) -> SimulationRequest:
    """Raises ``Rejected("InvalidSimulation")`` with every reason and its path."""
    try:
        wanted = read_strictly(SimulationRequest, data)
    except ValidationError as error:
        raise _rejected(details_of(error, SimulationRequest)) from error
    details = [
        ErrorDetail(one.code, one.message, f"$.policy{(one.target or '$')[1:]}") for one in problems(wanted.policy)
    ]
    if wanted.begin.tzinfo is None or wanted.end.tzinfo is None:
        details.append(ErrorDetail("TimeWithoutZone", "Times have a zone: 2026-12-20T00:00:00Z.", "$.from"))
    elif not wanted.begin < wanted.end:
        details.append(ErrorDetail("EndsBeforeItBegins", "`to` is not after `from`.", "$.to"))
    elif wanted.end - wanted.begin > LONGEST:
        details.append(ErrorDetail("PeriodTooLong", f"{LONGEST.days} days are the most.", "$.to"))
    if details:
        raise _rejected(tuple(details))
    return wanted


def _rejected(details: tuple[ErrorDetail, ...]) -> Rejected:
    text = details[0].message if len(details) == 1 else f"{len(details)} fields of the simulation are not valid."
    return Rejected("InvalidSimulation", text, target=details[0].target, details=details)


async def recorded_of(objects: Objects, found: Known, model: str, wanted: SimulationRequest) -> Recorded:
    """Signals and runs of this workspace, not of an earlier one of its name."""
    rule, born = wanted.policy.windows, found.record.created_at
    warm = max(rule.of * rule.period, wanted.policy.agreement_within)
    since = max(wanted.begin - warm, born)
    key = f"{found.name}.{model}!"
    signals = await _newest(objects, Signal, f"sm!{key}", since, wanted.end)
    runs = await _newest(objects, Run, f"rm!{key}", born, wanted.end)
    named = [one.decision_id for one in signals if one.decision_id is not None and one.received_at >= wanted.begin]
    decisions: list[Decision] = []
    for place in range(0, len(named), _PAGE):
        stored = await objects.get_many(Decision, named[place : place + _PAGE])
        decisions += [one.value for one in stored if one is not None]
    state = await objects.get(ModelState, state_id(found.name, model))
    mine = state is not None and state.value.incarnation == found.record.incarnation
    return Recorded(
        before=state.value if state is not None and mine else fresh_state(found, model),
        environment=found.environment,
        workload=found.workload,
        signals=signals,
        decisions={one.id: one for one in decisions},
        runs=runs,
        pools=pools_of(found.record.spec),
    )


async def _newest(objects: Objects, kind: type[T], index: str, since: datetime, until: datetime) -> Sequence[T]:
    found: list[T] = []
    continuation: str | None = None
    while True:
        page = await objects.page(kind, index, limit=_PAGE, continuation=continuation)
        found += [one for one in page.values if since <= one.listed_at() < until]
        if len(found) > MOST_SIGNALS:
            text = f"The period has more than {MOST_SIGNALS} signals or runs; ask for a shorter one."
            raise Rejected("TooManySignals", text, target="$.from")
        continuation = page.continuation
        if continuation is None or (page.values and page.values[-1].listed_at() < since):
            return found
