"""Rules on what a job reaches: data assets, URLs of storage accounts, computes. What is not known is said. Pure.

Source: Microsoft Learn, "Access data in a job" ("Authentication to data": a URL of Azure Storage is read with the
identity of the person or of the compute), "CLI (v2) pipeline job YAML schema" (``settings.default_compute``).
"""

from __future__ import annotations

from collections.abc import Iterator

from controlplane.workspaces.data_paths import COMPUTE, CREDENTIAL, PERSON, Door, readers_of
from controlplane.workspaces.jobs.model import JobFacts, JobQuestion, Level
from controlplane.workspaces.jobs.parts import USER, Step, holders, is_deployment, mapping, steps
from controlplane.workspaces.jobs.places import Place, computes, places

Said = tuple[Level, str, str]
"""Level, JSON path, message."""
_NOBODY_KNOWS = "unknown"
#: No computes of the workspace: Azure's own nodes, and the machine of who sends the job.
_NOT_OURS = frozenset({"serverless", "local"})


def reader(step: Step, place: Place, question: JobQuestion, facts: JobFacts) -> str:
    """Who reads there, as answers name it."""
    if place.store is not None:
        known = mapping((facts.datastores or {}).get(place.store))
        found = readers_of(known, Door.UNKNOWN)
        return _NOBODY_KNOWS if not known else found.user_job if step.effective == USER else found.job
    if place.account is None:
        return _NOBODY_KNOWS
    if place.signed:
        return CREDENTIAL
    if step.effective == USER:
        return PERSON
    known_here = place.account in facts.readers and compute_of(step, question) is not None
    return COMPUTE if known_here else _NOBODY_KNOWS


def trouble_of(code: str, question: JobQuestion, facts: JobFacts) -> Iterator[Said]:
    """Inputs and outputs of which nobody can say where they lie."""
    for step in steps(question.job):
        for place in places(step, facts):
            if place.trouble is not None and place.trouble[0] == code:
                yield place.trouble[1], place.target, place.trouble[2]


def asset_not_found(question: JobQuestion, facts: JobFacts) -> Iterator[Said]:
    yield from trouble_of("DataAssetNotFound", question, facts)


def path_unknown(question: JobQuestion, facts: JobFacts) -> Iterator[Said]:
    yield from trouble_of("DataPathUnknown", question, facts)


def tables(question: JobQuestion, facts: JobFacts) -> Iterator[Said]:
    del facts
    for step in steps(question.job):
        for name, value in mapping(step.body.get("inputs")).items():
            if mapping(value).get("type") == "mltable":
                text = "What its MLTable file refers to is not looked at: it may lead to other places."
                yield Level.WARNING, f"{step.path}.inputs.{name}", text


def urls(question: JobQuestion, facts: JobFacts) -> Iterator[Said]:
    """Data that is named by the URL of a storage account."""
    for step in steps(question.job):
        for place in places(step, facts):
            if place.account is not None:
                level, text = _by_url(step, place, question, facts)
                yield level, place.target, text


def _by_url(step: Step, place: Place, question: JobQuestion, facts: JobFacts) -> tuple[Level, str]:
    account = str(place.account)
    if place.signed:
        text = f"The URL carries a signature for account {account}: it is used instead of any identity, and kept with"
        level = Level.ERROR if step.effective == USER else Level.WARNING
        return level, f"{text} the job for all who see it. Name a datastore instead."
    if step.effective == USER:
        return Level.INFO, f"The person who sends the job reads account {account}, with grants of their own."
    if account not in facts.readers:
        text = f"Whether the compute's identity may read account {account} is not known: no datastore of the spec is"
        return Level.UNKNOWN, f"{text} on it. Declare one, or send the job with the person's identity."
    name = compute_of(step, question)
    if name is None:
        return Level.UNKNOWN, f"The job names no compute, so nobody knows which identity reads account {account}."
    if name in facts.readers[account]:
        return Level.INFO, f"The identity of compute {name} reads account {account}; the spec grants it."
    return Level.ERROR, f"The spec grants no identity of compute {name} a role on account {account}."


def compute_of(step: Step, question: JobQuestion) -> str | None:
    """Name of the compute that a step runs on, in lower case; None for none of the workspace's."""
    said = _asked_compute(step, question)
    name = said.removeprefix("azureml:").rstrip("/").rpartition("/")[2].lower() if said is not None else None
    return None if name in _NOT_OURS else name or None


def _asked_compute(step: Step, question: JobQuestion) -> str | None:
    defaults = {}
    for path, body in holders(question.job):
        said = mapping(body.get("settings")).get("default_compute") or body.get("compute")
        if isinstance(said, str):
            defaults[path] = said
    return computes(step, defaults)


def compute_not_found(question: JobQuestion, facts: JobFacts) -> Iterator[Said]:
    if is_deployment(question.job):
        return
    for step in steps(question.job):
        said, name = _asked_compute(step, question), compute_of(step, question)
        if said is None or name is None:
            continue
        target, place = f"{step.path}.compute", said.removeprefix("azureml:")
        home = f"{facts.home.rstrip('/')}/computes/"
        if "${{" in said:
            yield Level.UNKNOWN, target, "It is bound to an input: which compute it names is not known."
        elif "/" in place and not f"/{place.lstrip('/')}".lower().startswith(home.lower()):
            yield Level.ERROR, target, f"Compute {name} is not one of this workspace."
        elif facts.computes is None:
            yield Level.UNKNOWN, target, f"Whether there is a compute {name} could not be read."
        elif name not in facts.computes:
            yield Level.ERROR, target, f"The workspace has no compute {name}."
