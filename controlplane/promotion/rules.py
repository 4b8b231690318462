"""What a model version needs before it may go on: the promotion policy of each workload, with a sentence for every
requirement. Pure.

==============  ==========================================================================================
classical, nlp  trained again on production data, and evaluated in staging (S3-17, S3-47)
cv              the candidate of the dev loop as it is, evaluated in staging; no training there (S3-41)
==============  ==========================================================================================

What Azure does not say is unknown, and unknown does not go on. What a pipeline says for itself it says in tags of the
job of our own run, which carries our decision's id; tags of a version, or of anybody else's job, are not believed:

==============================  ============================================
``cp.dataEnvironment``          whose data was trained on: ``prod``, ``dev``
``cp.candidateFrom``            environment of the loop it comes from
``cp.evaluation``               ``passed`` or ``failed``
``cp.evaluationEnvironment``    where: ``staging``
==============================  ============================================
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from controlplane.promotion.loop import is_newer, trained_on
from controlplane.promotion.model import ModelLineage, PromotionState, Requirement
from controlplane.retraining.policy import InputValue
from controlplane.retraining.runs.model import Run

HOLDS, FAILS, UNKNOWN = "holds", "fails", "unknown"
DATA, CANDIDATE = "cp.dataEnvironment", "cp.candidateFrom"
EVALUATION, EVALUATED_IN = "cp.evaluation", "cp.evaluationEnvironment"
_WINDOW = frozenset({InputValue.WINDOW_BEGIN, InputValue.WINDOW_END})


@dataclass(frozen=True, slots=True)
class Case:
    """What is known of a version. ``environment``: of its workspace. ``run``: ours that made it; ``earlier``: the one
    of the model before it that succeeded."""

    environment: str
    workload: str
    archived: bool
    lineage: ModelLineage
    tags: Mapping[str, str]
    run: Run | None
    earlier: Run | None = None


_Answer = tuple[str, str]


def judge(case: Case) -> tuple[Requirement, ...]:
    """Every requirement of the workload; of an unknown workload all that any has."""
    profile = PROFILES.get(case.workload)
    asked = profile.asked if profile else tuple(_QUESTIONS)
    answers = {name: _QUESTIONS[name](case) for name in asked}
    return tuple(Requirement(name=name, verdict=one[0], sentence=one[1]) for name, one in answers.items())


def state_of(requirements: tuple[Requirement, ...]) -> tuple[PromotionState, str]:
    """Evaluated when all hold. An evaluation that was lost, or a version that was put away, ends it; whatever else is
    missing may still come, and it waits."""
    final = next((one for one in requirements if one.verdict == FAILS and one.name in _FINAL), None)
    if final is not None:
        return PromotionState.REJECTED, final.sentence
    missing = [one for one in requirements if one.verdict != HOLDS]
    if not missing:
        return PromotionState.EVALUATED, "Every requirement holds."
    return PromotionState.AWAITING_EVALUATION, " ".join(one.sentence for one in missing)


def _available(case: Case) -> _Answer:
    return (FAILS, "The version is archived.") if case.archived else (HOLDS, "The version is registered.")


def _traceable(case: Case) -> _Answer:
    """D30: git commit and data of what made it."""
    lineage = case.lineage
    if lineage.job is None:
        return UNKNOWN, "No job is known that made it."
    lacks = [name for name, value in (("git commit", lineage.git_commit), ("data", lineage.data)) if not value]
    if lacks:
        return UNKNOWN, f"Job {lineage.job} made it; its {' and its '.join(lacks)} {_are(lacks)} not known."
    return HOLDS, f"Job {lineage.job} made it, of commit {lineage.git_commit}."


def _retrained(case: Case) -> _Answer:
    """S3-17, S3-34, S3-47: on newer production data. Our own run tells by the window that its signal gave it."""
    run, said = case.run, case.tags.get(DATA, "").strip().lower()
    if run is not None and case.earlier is not None and is_newer(run, case.earlier) is False:
        return FAILS, f"Run {run.id} trained it on data that is not newer than that of run {case.earlier.id}."
    if run is not None and case.environment == "prod" and run.lineage.monitor_run and _fed(run):
        return HOLDS, f"Run {run.id} trained it on the window of monitor run {run.lineage.monitor_run}."
    if run is not None and case.environment == "prod" and (end := trained_on(run)[1]) is not None:
        # Of a schedule's run, or one that a person asked for (S3-35): its window ends when it was asked for.
        return HOLDS, f"Run {run.id} trained it on production data up to {end.isoformat()}."
    if said == "prod":
        return HOLDS, f"Its tag {DATA} says production data."
    if said:
        return FAILS, f"Its tag {DATA} says {said[:50]!r}; it has to be trained again on production data."
    return UNKNOWN, "Nothing says that it was trained on production data."


def _from_dev(case: Case) -> _Answer:
    said = case.tags.get(CANDIDATE, "").strip().lower() or (case.environment if case.environment == "dev" else "")
    if said == "dev":
        return HOLDS, "It is the candidate of the dev loop."
    if said:
        return FAILS, f"Its tag {CANDIDATE} says {said[:50]!r}; images are trained in the dev loop only."
    return UNKNOWN, f"It was registered in {case.environment}, and nothing says that it comes from the dev loop."


def _evaluated(case: Case) -> _Answer:
    """Our run's own comparison first: a tag does not make good what the gate has judged."""
    comparison = case.run.comparison if case.run else None
    if comparison is not None and comparison.verdict == "lost":
        return FAILS, f"Run {_id(case)} lost its evaluation: {comparison.sentence}"
    said = case.tags.get(EVALUATION, "").strip().lower()
    if said == "failed":
        return FAILS, f"Its tag {EVALUATION} says that it failed."
    where = case.tags.get(EVALUATED_IN, "").strip().lower()
    if said == "passed" and (where or case.environment) == "staging":
        return HOLDS, f"Its tag {EVALUATION} says that it passed in staging."
    if comparison is not None and comparison.verdict == "won" and case.environment == "staging":
        return HOLDS, f"Run {_id(case)} won its evaluation in staging: {comparison.sentence}"
    if said == "passed" or (comparison is not None and comparison.verdict == "won"):
        return UNKNOWN, f"It passed in {(where or case.environment)[:50]}; of staging nothing is known."
    return UNKNOWN, "Nothing says that it was evaluated in staging."


def _fed(run: Run) -> bool:
    return bool(_WINDOW & set(run.pipeline.from_signal.values()))


def _id(case: Case) -> str:
    return case.run.id if case.run else ""


def _are(names: list[str]) -> str:
    return "is" if len(names) == 1 else "are"


_QUESTIONS: Mapping[str, Callable[[Case], _Answer]] = {
    "available": _available,
    "traceable": _traceable,
    "retrainedOnProductionData": _retrained,
    "candidateFromDev": _from_dev,
    "evaluatedInStaging": _evaluated,
}
_FINAL = frozenset({"available", "evaluatedInStaging"})
_RETRAINED = ("available", "traceable", "retrainedOnProductionData", "evaluatedInStaging")
_AS_IT_IS = ("available", "traceable", "candidateFromDev", "evaluatedInStaging")


@dataclass(frozen=True, slots=True)
class Profile:
    """What is asked of a workload's versions."""

    asked: tuple[str, ...]
    requirements: tuple[str, ...]


PROFILES: Mapping[str, Profile] = {
    "classical": Profile(_RETRAINED, ("S3-17",)),
    "nlp": Profile(_RETRAINED, ("S3-47",)),
    "cv": Profile(_AS_IT_IS, ("S3-41",)),
}
