"""What a pipeline consists of: its component's graph, nested pipelines opened, and what each step runs on.

Shapes: the body that azure-ai-ml 1.35.2 sends for a pipeline job (`componentId`, or `jobs` whose entries have one) and
for a pipeline component (`componentSpec.jobs`). A component of a registry is taken as one step.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from simulator.engine.declaration import ArmError, JsonObject, Resource
from simulator.engine.hooks import EngineApi
from simulator.types._shared import dig, items, name_of, parent_id

DEEPEST = 8
#: `settings.default_compute` that stands for no cluster. Source: azure-ai-ml 1.35.2, SERVERLESS_COMPUTE.
SERVERLESS = "serverless"


@dataclass(frozen=True)
class Step:
    name: str
    component: str
    compute: str | None


def user_error(message: str) -> ArmError:
    """The code is the provider's; the sentences of this module are assumed."""
    return ArmError(400, "UserError", message)


def version_at(engine: EngineApi, workspace_id: str, kind: str, wanted: str) -> Resource | None:
    """The version of an asset by its id, `azureml:name:version` or `azureml:name@latest`. None: there is none."""
    if wanted.startswith("/"):
        return engine.get(wanted)
    bare = wanted.removeprefix("azureml:")
    name, _, label = bare.partition("@")
    if label == "latest":
        container = engine.get(f"{workspace_id}/{kind}/{name}")
        return (
            engine.get(f"{workspace_id}/{kind}/{name}/versions/{dig(container.body, 'properties.latestVersion')}")
            if (container)
            else None
        )
    name, _, version = bare.partition(":")
    return engine.get(f"{workspace_id}/{kind}/{name}/versions/{version}")


def component_of(engine: EngineApi, workspace_id: str, wanted: str) -> Resource | None:
    """The version of a component that is wanted; None for one of a registry. Raises UserError when it is not there."""
    if wanted.startswith("azureml://registries/"):
        return None
    found = version_at(engine, workspace_id, "components", wanted)
    if found is None:
        raise user_error(f"Component '{wanted}' does not exist.")
    if found.properties.get("isArchived"):
        raise user_error(f"Component '{wanted}' is archived.")
    return found


def steps_of(engine: EngineApi, job: Resource) -> list[Step]:
    """Every leaf of the graph, in its order. Raises UserError for a component or a compute that is not there."""
    workspace_id, properties = parent_id(job.id), job.properties
    default = dig(properties, "settings.default_compute") or dig(properties, "settings.defaultCompute")
    default = properties.get("computeId") or default
    found: list[Step] = []
    if wanted := properties.get("componentId"):
        component = component_of(engine, workspace_id, str(wanted))
        found += _opened(engine, workspace_id, _Node(_component_name(str(wanted)), str(wanted), default), component, 0)
    for name, node in (properties.get("jobs") or {}).items():
        found += _of_node(engine, workspace_id, name, node, default, 0)
    if not found:
        raise user_error(f"Pipeline job '{job.name}' has no step: neither 'componentId' nor 'jobs' was given.")
    for step in found:
        compute_id(engine, workspace_id, step.compute)
    return found


@dataclass(frozen=True)
class _Node:
    name: str
    component: str
    compute: str | None


def _of_node(
    engine: EngineApi, workspace_id: str, name: str, node: JsonObject, default: str | None, depth: int
) -> Iterator[Step]:
    wanted = str(node.get("componentId") or "")
    compute = node.get("computeId") or node.get("compute") or default
    if not wanted:
        yield Step(name, "", compute)  # a command job without a component of its own
        return
    component = component_of(engine, workspace_id, wanted)
    yield from _opened(engine, workspace_id, _Node(name, wanted, compute), component, depth)


def _opened(
    engine: EngineApi, workspace_id: str, node: _Node, component: Resource | None, depth: int
) -> Iterator[Step]:
    spec = dig(component.body, "properties.componentSpec", {}) if component is not None else {}
    inner = spec.get("jobs") if isinstance(spec, dict) else None
    if not isinstance(inner, dict) or not inner or spec.get("type") != "pipeline":
        yield Step(node.name, node.component, node.compute)
        return
    if depth >= DEEPEST:
        raise user_error(f"The pipeline is nested more than {DEEPEST} deep at '{node.name}'.")
    for name, child in inner.items():
        yield from _of_node(engine, workspace_id, name, child, node.compute, depth + 1)


def compute_id(engine: EngineApi, workspace_id: str, wanted: str | None) -> str | None:
    """The id of a step's cluster; None for serverless. Raises UserError in the words that command jobs meet."""
    if not wanted or name_of(str(wanted)).lower() == SERVERLESS:
        return None
    name = name_of(str(wanted)).removeprefix("azureml:")
    full = str(wanted) if str(wanted).startswith("/") else f"{workspace_id}/computes/{name}"
    if engine.get(full) is None:
        raise user_error(f"Unknown compute target '{name}'.")
    return full


def check_inputs(engine: EngineApi, job: Resource) -> None:
    """An input of the component that has no default and is not optional is given; one that it does not have is not."""
    wanted = job.properties.get("componentId")
    component = component_of(engine, parent_id(job.id), str(wanted)) if wanted else None
    declared = dig(component.body, "properties.componentSpec.inputs") if component is not None else None
    if not isinstance(declared, dict):
        return
    given = job.properties.get("inputs") or {}
    for name, shape in declared.items():
        optional = str((shape or {}).get("optional", "")).lower() == "true" or (shape or {}).get("default") is not None
        if not optional and given.get(name) is None:
            raise user_error(f"Required input '{name}' of component '{_component_name(str(wanted))}' is not provided.")
    for name in given:
        if name not in declared:
            raise user_error(f"Component '{_component_name(str(wanted))}' has no input '{name}'.")


def _component_name(wanted: str) -> str:
    parts = wanted.split("/")
    return parts[-3] if len(parts) > 3 and parts[-2] == "versions" else wanted.removeprefix("azureml:").split(":")[0]


def component_names(engine: EngineApi, job: Resource) -> list[str]:
    """Names of the components that a job names itself, the outermost first."""
    asked = [job.properties.get("componentId"), *(node.get("componentId") for node in _nodes(job))]
    return [_component_name(str(one)) for one in asked if one]


def _nodes(job: Resource) -> list[JsonObject]:
    nodes = job.properties.get("jobs") or {}
    return items({"nodes": list(nodes.values())}, "nodes")
