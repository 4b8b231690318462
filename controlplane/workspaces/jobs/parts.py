"""Reading the parts of a job that the rules speak of. Pure; a job is a hostile object of any shape.

Shapes: Microsoft Learn, "CLI (v2) command job YAML schema", "pipeline job YAML schema", "environment YAML schema".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

USER, MANAGED = "userIdentity", "computeIdentity"
#: Words of the schemas for both kinds; ``aml_token`` is the third, and reads no data.
_TYPES = {"user_identity": USER, "user": USER, "managed_identity": MANAGED, "managed": MANAGED}
#: Deeper nesting than anybody writes is not looked into.
_DEEPEST = 20


@dataclass(frozen=True, slots=True)
class Step:
    """Something that runs: the job itself, or a step of a pipeline."""

    path: str
    body: Mapping[str, Any]
    above: tuple[str | None, ...] = ()
    """Identities of the pipelines around it, outermost first."""
    nested: bool = False
    """Whether a pipeline component is around it, so that identities above it do nothing (S2-60)."""
    given: tuple[Mapping[str, Any], ...] = ()
    """Inputs of the pipelines around it, outermost first."""

    @property
    def own(self) -> str | None:
        """Its own identity."""
        return identity_of(self.body)

    @property
    def effective(self) -> str | None:
        """Whom it runs as: a step's own identity comes before the root's (S2-59)."""
        if self.own is not None or self.nested:
            return self.own
        return next((one for one in reversed(self.above) if one is not None), None)


def mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def identity_of(body: Mapping[str, Any]) -> str | None:
    """Which of the two kinds an ``identity`` names; None for neither."""
    return _TYPES.get(str(mapping(body.get("identity")).get("type")).lower())


def is_deployment(job: Mapping[str, Any]) -> bool:
    """Whether it serves a model and trains none."""
    schema = str(job.get("$schema", "")).lower()
    return "endpoint_name" in job or "deployment" in schema


def inner(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Steps of a pipeline or of a pipeline component that is written out in place."""
    component = mapping(body.get("component"))
    return mapping(body.get("jobs")) or mapping(component.get("jobs"))


def steps(job: Mapping[str, Any]) -> tuple[Step, ...]:
    """Everything that runs, with its path."""
    return tuple(_steps(Step("$", job), 0))


def _steps(step: Step, depth: int) -> Iterator[Step]:
    below = inner(step.body)
    if not below or depth > _DEEPEST:
        yield step
        return
    place = "jobs" if mapping(step.body.get("jobs")) else "component.jobs"
    nested = step.nested or depth > 0
    given = (*step.given, mapping(step.body.get("inputs")))
    for name, body in below.items():
        path = f"{step.path}.{place}.{name}"
        yield from _steps(Step(path, mapping(body), (*step.above, step.own), nested, given), depth + 1)


def holders(job: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Path and body of every pipeline, the outermost first."""
    yield from _holders("$", job, 0)


def _holders(path: str, body: Mapping[str, Any], depth: int) -> Iterator[tuple[str, Mapping[str, Any]]]:
    below = inner(body)
    if not below or depth > _DEEPEST:
        return
    yield path, body
    place = "jobs" if mapping(body.get("jobs")) else "component.jobs"
    for name, step in below.items():
        yield from _holders(f"{path}.{place}.{name}", mapping(step), depth + 1)


def image_of(step: Step) -> str | None:
    """The image of a step's environment that is written out in place."""
    environment = step.body.get("environment")
    if isinstance(environment, str):
        return (
            None if environment.startswith(("azureml:", "azureml://", "@")) or "/" not in environment else environment
        )
    image = mapping(environment).get("image")
    return image if isinstance(image, str) else None


def builds(step: Step) -> bool:
    """Whether something is built on top of the image."""
    environment = mapping(step.body.get("environment"))
    return any(environment.get(name) for name in ("conda_file", "build"))
