"""A pytest plugin that switches rules off, so that a test can see which tests notice.

``-p tests.support.switch_off`` with ``SWITCHED_OFF`` (rule names, separated by ``;``) and ``OUTCOMES`` (a file for
``{node id: passed}`` as JSON). A rule is a control, a check, a piece of advice, a section of the scorecard, a conflict,
a rule on sizes,
the profile of an environment, a question that a decision asks, or a resource that the compiler makes.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from controlplane.governance.budgets import advice as budget_advice
from controlplane.governance.budgets import rules as budget_rules
from controlplane.governance.budgets import wanted as budget_wanted
from controlplane.governance.expiry import clues
from controlplane.governance.expiry import decide as expiry_decide
from controlplane.governance.expiry import ending as expiry_ending
from controlplane.governance.expiry import proposals as expiry_proposals
from controlplane.governance.expiry import rules as expiry_rules
from controlplane.governance.pricing import meter_map, suggest
from controlplane.notifications import channels
from controlplane.promotion import loop as promotion_loop
from controlplane.promotion import rules as promotion_rules
from controlplane.retraining import annotation, tasks
from controlplane.retraining import schedule as model_schedule
from controlplane.retraining.decide import QUESTIONS
from controlplane.retraining.labeling import rules as labeling_rules
from controlplane.retraining.monitors import alerts, frequency, preconditions, schedule, wanted
from controlplane.retraining.monitors import rules as monitor_rules
from controlplane.retraining.polls import judge, levels, runs
from controlplane.retraining.remediation import choose
from controlplane.retraining.runs import rules as run_rules
from controlplane.retraining.runs import sending
from controlplane.retraining.signals import hints
from controlplane.workspaces import blueprint as compiler
from controlplane.workspaces.conflict_table import CONFLICTS
from controlplane.workspaces.jobs.rules import RULES as JOB_RULES
from controlplane.workspaces.model import Blueprint
from controlplane.workspaces.own_rights import RIGHTS
from controlplane.workspaces.plan_checks import data as plan_data
from controlplane.workspaces.plan_checks import sizes
from controlplane.workspaces.posture import advice, profile, rules, scorecard
from controlplane.workspaces.spec_rules.data import RULES as DATA_RULES
from controlplane.workspaces.spec_rules.identity import RULES
from controlplane.workspaces.spec_rules.lifetime import EXPIRY_RULES
from controlplane.workspaces.template import PARTS as TEMPLATE_PARTS
from controlplane.workspaces.transitions import TRANSITIONS
from tests.support.blueprints import (
    everything,
    example,
    managed,
    with_brought_registry,
    with_data,
    with_full_hub,
)

_REGISTRIES: dict[str, Any] = {
    "control": rules.CONTROLS,
    "check": rules.CHECKS,
    "advice": advice.ADVICE,
    "section": scorecard.SECTIONS,
    "conflict": CONFLICTS,
    "size": sizes.RULES,
    "transition": TRANSITIONS,
    "identityRule": RULES,
    "data": DATA_RULES,
    "job": JOB_RULES,
    "plan": plan_data.RULES,
    "right": RIGHTS,
    "template": TEMPLATE_PARTS,
    "runLabel": run_rules.LABELS,
    "runJudge": run_rules.JUDGES,
    "runExpiry": run_rules.EXPIRIES,
    "runSource": sending.SOURCES,
    "hintGate": hints.GATES,
    "hintKey": hints.KEY,
    "hintMonitor": hints.ATTRIBUTIONS,
    "pollIdle": judge.IDLE,
    "pollDeviation": judge.DEVIATIONS,
    "pollClear": runs.CLEAR,
    "monitorFrequency": frequency.RULES,
    "pollService": levels.SERVICE,
    "pollResourceManager": levels.RESOURCE_MANAGER,
    "pollSubscription": levels.SUBSCRIPTION,
    "clockwork": model_schedule.CLOCKWORKS,
    "endpointAlert": alerts.RULES,
    "monitorSignal": schedule.SIGNALS,
    "monitorSource": schedule.SOURCES,
    "monitorPart": wanted.PARTS,
    "monitorCheck": preconditions.CHECKS,
    "monitorWorkspace": preconditions.WORKSPACE_CHECKS,
    "monitorRule": monitor_rules.PROBLEMS,
    "question": QUESTIONS,
    "promotion": promotion_rules.PROFILES,
    "loopBack": promotion_loop.LOOPS,
    "audience": channels.AUDIENCES,
    "remediation": choose.RULES,
    "annotation": annotation.WORKLOADS,
    "labeling": labeling_rules.MEDIA,
    "cause": tasks.CAUSES,
    "budgetPart": budget_wanted.PARTS,
    "budgetProblem": budget_rules.PROBLEMS,
    "budgetAdvice": budget_advice.ADVICE,
    "expiryRule": EXPIRY_RULES,
    "expiryDay": expiry_rules.DAYS,
    "expiryClue": clues.WANTED,
    "expiryGuard": expiry_decide.GUARDS,
    "expirySpared": expiry_decide.SPARED,
    "expiryBar": expiry_ending.BARS,
    "expiryProposal": expiry_proposals.PROPOSALS,
    "meter": meter_map.METERS,
    "suggestion": suggest.SUGGESTIONS,
}
_PROFILE = "profile:dev"
"""Without it dev gets the strictest profile; the other environments have that anyway."""


def registered() -> dict[str, frozenset[str]]:
    """Rule → the requirement ids registered on it; rules without any are left out."""
    return {name: ids for name, ids in _registered() if ids}


def _registered() -> Iterator[tuple[str, frozenset[str]]]:
    for kind, registry in _REGISTRIES.items():
        for name, rule in registry.items():
            yield f"{kind}:{name}", frozenset(rule.requirements)
    yield _PROFILE, frozenset({"S1-17"})
    with_everything = {
        **with_full_hub(),
        "access": example("personas")["access"],
        "compute": example("public-nodes")["compute"],
    }
    found: dict[str, frozenset[str]] = {}
    data = (with_data(), with_brought_registry())
    isolated = map(managed, ("managed-internet", "managed-approved-catalog"))
    identities = map(_identities_of, ("user-assigned", "customer-managed-key"))
    for changes in (with_everything, *data, *identities, *isolated):
        for resource in everything(**changes).resources:
            found[resource.key] = found.get(resource.key, frozenset()) | frozenset(resource.requirements)
    yield from ((f"resource:{key}", needs) for key, needs in found.items())


def _identities_of(name: str) -> dict[str, Any]:
    return {part: example(name)[part] for part in ("identity", "encryption", "vault") if part in example(name)}


def _switch_off(names: list[str]) -> None:
    for name in names:
        kind, _, rule = name.partition(":")
        if name == _PROFILE:
            del profile.PROFILES["dev"]
        elif kind != "resource":
            del _REGISTRIES[kind][rule]
    gone = {name.partition(":")[2] for name in names if name.startswith("resource:")}
    compile_all = compiler.compile_blueprint

    def compile_some(*args: Any, **kwargs: Any) -> Blueprint:
        blueprint = compile_all(*args, **kwargs)
        return replace(blueprint, resources=tuple(r for r in blueprint.resources if r.key not in gone))

    compiler.compile_blueprint = compile_some


_outcomes: dict[str, bool] = {}


def pytest_configure() -> None:
    _switch_off([name for name in os.environ.get("SWITCHED_OFF", "").split(";") if name])


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    _outcomes[report.nodeid] = _outcomes.get(report.nodeid, True) and report.outcome == "passed"


def pytest_sessionfinish() -> None:
    Path(os.environ["OUTCOMES"]).write_text(json.dumps(_outcomes))
