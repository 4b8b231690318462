"""The rules on jobs, as data: what each finds, and what it mends (S2-55 to S2-64, S2-81 to S2-83). Pure.

Source: Microsoft Learn, "Set up authentication between Azure Machine Learning and other services": "Access data for
training jobs on compute clusters using user identity", "Scenario: Use a private Azure Container Registry".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from controlplane.workspaces.data_paths import credential
from controlplane.workspaces.jobs.model import JobFacts, JobQuestion, Level
from controlplane.workspaces.jobs.parts import (
    MANAGED,
    USER,
    Step,
    builds,
    holders,
    identity_of,
    image_of,
    is_deployment,
    steps,
)
from controlplane.workspaces.jobs.places import places
from controlplane.workspaces.jobs.reach import (
    Said,
    asset_not_found,
    compute_not_found,
    path_unknown,
    tables,
    urls,
)

AS_USER: Mapping[str, str] = {"type": "user_identity"}
#: Who read which blob: "Azure Blob Storage monitoring data reference", StorageBlobLogs.
WHO_READ = (
    'StorageBlobLogs | where AuthenticationType == "OAuth" '
    "| project TimeGenerated, RequesterObjectId, OperationName, Uri | order by TimeGenerated desc"
)


def _nothing(question: JobQuestion, facts: JobFacts) -> Iterator[Said]:
    del question, facts
    yield from ()


def _as_it_is(step: Step, question: JobQuestion, facts: JobFacts) -> Mapping[str, Any]:
    del step, question, facts
    return {}


@dataclass(frozen=True, slots=True)
class JobRule:
    """``judge`` finds; ``mend`` answers fields that a step should have instead of its own."""

    code: str
    requirements: tuple[str, ...]
    judge: Callable[[JobQuestion, JobFacts], Iterator[Said]] = _nothing
    mend: Callable[[Step, JobQuestion, JobFacts], Mapping[str, Any]] = _as_it_is


def _users(question: JobQuestion) -> tuple[Step, ...]:
    """Steps that run as the person who sends the job."""
    return tuple(step for step in steps(question.job) if step.effective == USER)


def _once(question: JobQuestion, message: str) -> Iterator[Said]:
    """Said at the first step that runs as a person."""
    for step in _users(question)[:1]:
        yield Level.INFO, f"{step.path}.identity", message


def _own_grants(question: JobQuestion, facts: JobFacts) -> Iterator[Said]:
    del facts
    yield from _once(
        question,
        "The job reads with the grants that the person has already, down to single folders of a data lake; nobody else "
        "needs any.",
    )


def _who_read(question: JobQuestion, facts: JobFacts) -> Iterator[Said]:
    del facts
    yield from _once(question, f"The account's logs show who read what: {WHO_READ}.")


def _studio(question: JobQuestion, facts: JobFacts) -> Iterator[Said]:
    del facts
    if question.submitted_from == "studio":
        for step in _users(question):
            yield Level.ERROR, f"{step.path}.identity", "Jobs with a user's identity are sent by CLI or SDK v2 only."


def _mixed(question: JobQuestion, facts: JobFacts) -> Iterator[Said]:
    del facts
    found = [step for step in steps(question.job) if step.effective is not None]
    if {step.effective for step in found} == {USER, MANAGED}:
        for step in found:
            if step.effective == MANAGED:
                text = (
                    "A job cannot use the compute's identity here and a user's elsewhere: one of the two for all steps."
                )
                yield Level.ERROR, f"{step.path}.identity", text


def _overridden(question: JobQuestion, facts: JobFacts) -> Iterator[Said]:
    """S2-59. What Azure takes is the step's own identity."""
    del facts
    for step in steps(question.job):
        root = next((one for one in reversed(step.above) if one is not None), None)
        if step.nested or not step.above or root is None:
            continue
        if step.own is None:
            yield Level.WARNING, f"{step.path}.identity", f"Set it on the step: it takes {root} from the root only."
        elif step.own != root:
            yield Level.WARNING, f"{step.path}.identity", f"The step's {step.own} overrides the root's {root}."


def _not_executing(question: JobQuestion, facts: JobFacts) -> Iterator[Said]:
    """S2-60."""
    del facts
    found = steps(question.job)
    for path, body in holders(question.job):
        below = [step for step in found if step.path.startswith(f"{path}.") and step.nested and step.own is None]
        if identity_of(body) is not None and below:
            names = ", ".join(step.path for step in below[:5])
            text = f"With pipeline components it does nothing here: it has to be on the steps that run ({names})."
            yield Level.ERROR, f"{path}.identity", text


def _stores(step: Step, facts: JobFacts) -> Iterator[tuple[str, str]]:
    """Path and datastore of every input and output that lies in one."""
    yield from ((one.target, one.store) for one in places(step, facts) if one.store is not None)


def _credential_wins(question: JobQuestion, facts: JobFacts) -> Iterator[Said]:
    for step in _users(question):
        for path, name in _stores(step, facts):
            if credential((facts.datastores or {}).get(name) or {}) is not None:
                text = f"Datastore {name} keeps a credential, which is used instead of the user's identity."
                yield Level.ERROR, path, text


def _unknown_store(question: JobQuestion, facts: JobFacts) -> Iterator[Said]:
    for step in steps(question.job):
        for path, name in _stores(step, facts):
            if facts.datastores is None:
                yield Level.UNKNOWN, path, f"Whether datastore {name} keeps a credential could not be read."
            elif name not in facts.datastores:
                yield Level.ERROR, path, f"The workspace has no datastore {name}."


def _fallback(question: JobQuestion, facts: JobFacts) -> Iterator[Said]:
    for step in steps(question.job):
        if step.effective is not None:
            continue
        for path, name in _stores(step, facts):
            known = (facts.datastores or {}).get(name)
            if known is not None and credential(known) is None:
                text = (
                    f"No identity is asked for and datastore {name} keeps no credential: the compute's identity reads."
                )
                yield Level.INFO, path, text


def _as_user(step: Step, question: JobQuestion, facts: JobFacts) -> Mapping[str, Any]:
    """S2-63: on every step that runs, where it always counts (S2-59, S2-60)."""
    del step, facts
    return {"identity": dict(AS_USER)} if question.data_access == "userIdentity" else {}


def _snapshots(question: JobQuestion, facts: JobFacts) -> Iterator[Said]:
    del facts
    for step in _users(question):
        component = step.body.get("component")
        if isinstance(component, str) and component.startswith("azureml:"):
            text = (
                "The checksum of its code is checked for a user's job: an old component may have to be uploaded again."
            )
            yield Level.INFO, f"{step.path}.component", text


def _private(step: Step, facts: JobFacts) -> str | None:
    """Name of the registry of a private image."""
    image = image_of(step)
    host = image.partition("/")[0].lower() if image is not None else ""
    return host.removesuffix(f".{facts.suffix}") if host.endswith(f".{facts.suffix}") else None


def _image(step: Step, question: JobQuestion, facts: JobFacts) -> Mapping[str, Any]:
    """S2-81: an environment that names the image, and nothing that would be built."""
    del question
    environment = step.body.get("environment")
    named = isinstance(environment, str) and _private(step, facts) is not None
    return {"environment": {"image": environment}} if named else {}


def _not_pulled(question: JobQuestion, facts: JobFacts) -> Iterator[Said]:
    for step in steps(question.job):
        registry = _private(step, facts)
        if registry is not None and registry not in {name.lower() for name in facts.registries}:
            text = (
                f"No compute of the workspace may pull from {registry}: registry.privateImages of its spec grants it."
            )
            yield Level.ERROR, f"{step.path}.environment", text


def _serving(question: JobQuestion, facts: JobFacts) -> Iterator[Said]:
    if not is_deployment(question.job):
        return
    for step in steps(question.job):
        if _private(step, facts) is not None:
            text = "A private base image that is used as it is serves training jobs only."
            yield Level.ERROR, f"{step.path}.environment", text


def _building(question: JobQuestion, facts: JobFacts) -> Iterator[Said]:
    for step in steps(question.job):
        if _private(step, facts) is not None and builds(step):
            text = (
                "Building on a private base image takes the registry's admin account; user-assigned identities are not "
                "supported. Build it elsewhere, push it, and use it as it is."
            )
            yield Level.ERROR, f"{step.path}.environment", text


RULES: dict[str, JobRule] = {
    rule.code: rule
    for rule in (
        JobRule("DatastoreNotFound", (), _unknown_store),
        JobRule("DataAssetNotFound", (), asset_not_found),
        JobRule("DataPathUnknown", (), path_unknown),
        JobRule("TableNotRead", (), tables),
        JobRule("AccountByUrl", (), urls),
        JobRule("ComputeNotFound", (), compute_not_found),
        JobRule("OwnGrantsAreUsed", ("S2-55",), _own_grants),
        JobRule("StorageLogsShowWho", ("S2-56",), _who_read),
        JobRule("UserIdentityFromStudio", ("S2-57",), _studio),
        JobRule("IdentitiesMixed", ("S2-58",), _mixed),
        JobRule("IdentityOnStep", ("S2-59",), _overridden),
        JobRule("IdentityNotOnExecutingStep", ("S2-60",), _not_executing),
        JobRule("StoredCredentialWins", ("S2-61",), _credential_wins),
        JobRule("ComputeIdentityIsTheFallback", ("S2-62",), _fallback),
        JobRule("UserIdentityAdded", ("S2-63",), mend=_as_user),
        JobRule("CodeSnapshotIsChecked", ("S2-64",), _snapshots),
        JobRule("PrivateImageNamed", ("S2-81",), mend=_image),
        JobRule("ImageRegistryNotGranted", (), _not_pulled),
        JobRule("PrivateImageInDeployment", ("S2-82",), _serving),
        JobRule("BuildOnPrivateImage", ("S2-83",), _building),
    )
}
"""Code → rule."""
