"""What a monitor needs before it can work, read from Azure: each that is not met is named, and so is one that could not
be read. The same look is taken when a monitor is set and by each of its ticks.

Sources: "Azure Machine Learning model monitoring" (limitations: the isolation mode, credential-less data needs a
user-assigned identity and `systemDatastoresAuthMode`; serverless Spark), "Collect production data from models".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from controlplane.errors import ErrorDetail, Rejected
from controlplane.json_types import JsonObject
from controlplane.ports.reader import ResourceReader
from controlplane.retraining.monitors.model import ComputedBy, MonitorPipeline, MonitorSpec
from controlplane.retraining.monitors.schedule import ORDER_INPUT
from controlplane.retraining.monitors.site import Site
from controlplane.retraining.senders import NOT_ALLOWED, require_no_sender
from controlplane.workspaces import kinds as k
from controlplane.workspaces.conflicts import Decision, find_conflicts
from controlplane.workspaces.spec_model import WorkspaceSpec

ASSETS_API = "2024-04-01"
COLLECTED, POSSIBLE, NOT_KNOWN = "DataCollected", "ComputePossible", "Unknown"
#: Both, whatever the signals: azure-ai-ml reads both when it resolves a monitor's deployment.
COLLECTIONS = ("model_inputs", "model_outputs")


@dataclass(frozen=True, slots=True)
class Unmet:
    """One thing that is missing. ``kind``: the condition that says so; ``unknown``: nobody could read it."""

    kind: str
    detail: ErrorDetail
    unknown: bool = False


@dataclass(frozen=True, slots=True)
class Ground:
    """What was found. ``collected``: collection → data asset."""

    unmet: tuple[Unmet, ...]
    collected: Mapping[str, str] = field(default_factory=dict)


def conflicts(spec: WorkspaceSpec, asked: MonitorSpec, today: date) -> Iterator[Unmet]:
    """X-04 and X-18, of the workspace's spec; a pipeline on the workspace's own cluster needs neither. Pure."""
    if asked.computed_by is ComputedBy.PIPELINE:
        return
    for found in find_conflicts(spec, today, monitors=True):
        if found.rule.of_monitors and found.decision is Decision.REFUSED:
            yield Unmet(POSSIBLE, ErrorDetail(found.rule.code, found.message, found.target))


async def ground(reader: ResourceReader, site: Site, asked: MonitorSpec) -> Ground:
    """Raises ``Transient``."""
    unmet: list[Unmet] = []
    path = site.deployment(asked.endpoint, asked.deployment)
    deployment = await _read(reader, path, ASSETS_API, COLLECTED, "$.deployment", unmet)
    collected: dict[str, str] = {}
    if deployment is not None:
        collected = dict(_collected(asked, deployment))
        unmet += [one for check in CHECKS.values() for one in check.finds(asked, collected)]
    if asked.new_data is not None:
        datastore = f"{site.workspace_id}/datastores/{asked.new_data.data.split('/')[3]}"
        await _read(reader, datastore, ASSETS_API, COLLECTED, "$.newData.data", unmet)
    if asked.computed_by is ComputedBy.PIPELINE:
        await _pipeline(reader, site, asked, unmet)
    else:
        workspace = await _read(reader, site.workspace_id, k.API_VERSIONS[k.ML_WORKSPACE], POSSIBLE, "$", unmet)
        if workspace is not None:
            unmet += [one for check in WORKSPACE_CHECKS.values() for one in check.finds(workspace)]
    return Ground(tuple(unmet), collected)


async def _read(
    reader: ResourceReader, path: str, version: str, kind: str, target: str, unmet: list[Unmet]
) -> JsonObject | None:
    """None with a reason in ``unmet``: it is not there, or nobody could say."""
    try:
        found = await reader.get(path, version)
    except Rejected as error:
        text = f"{path} could not be read: {error.code}."
        unmet.append(Unmet(kind, ErrorDetail("PreconditionUnknown", text, target), unknown=True))
        return None
    if found is None:
        unmet.append(Unmet(kind, ErrorDetail("ResourceNotFound", f"Azure has no {path}.", target)))
    return found


def _collected(asked: MonitorSpec, deployment: JsonObject) -> Iterator[tuple[str, str]]:
    """Collections that are on, and where they write. Without a name of its own an asset is called as "Collect
    production data from models" says: `{endpoint}-{deployment}-{collection}`, version 1."""
    properties = _object(deployment.get("properties"))
    collections = _object(_object(properties.get("dataCollector")).get("collections"))
    for name, value in collections.items():
        one = _object(value)
        if str(one.get("dataCollectionMode")).lower() == "enabled":
            asset = str(one.get("dataId") or f"azureml:{asked.endpoint}-{asked.deployment}-{name}:1")
            yield str(name), asset


def _not_collected(asked: MonitorSpec, collected: Mapping[str, str]) -> Iterator[Unmet]:
    if asked.new_data is not None:
        return
    for name in COLLECTIONS:
        if name not in collected:
            text = f"Data collection of {name} is off on deployment {asked.deployment}: a monitor has nothing to read."
            yield Unmet(COLLECTED, ErrorDetail("DataCollectionOff", text, "$.deployment"))


def _network(workspace: JsonObject) -> Iterator[Unmet]:
    """What the workspace is now, which need not be what its spec says (D36)."""
    properties = _object(workspace.get("properties"))
    network = _object(properties.get("managedNetwork"))
    mode = str(network.get("isolationMode") or "Disabled")
    if mode != "AllowInternetOutbound":
        text = f"The workspace's managed network is {mode}: monitors run with AllowInternetOutbound only."
        yield Unmet(POSSIBLE, ErrorDetail("MonitorsNeedInternetOutbound", text, "$.network.mode"))
    elif _object(network.get("status")).get("sparkReady") is not True:
        text = "Serverless Spark is not provisioned: set network.managed.spark, or call :provisionNetwork with it."
        yield Unmet(POSSIBLE, ErrorDetail("SparkNotProvisioned", text, "$.network.managed.spark"))
    if not _object(_object(workspace.get("identity")).get("userAssignedIdentities")):
        text = "The workspace has no user-assigned identity, by which Spark would open its datastores."
        yield Unmet(POSSIBLE, ErrorDetail("UserAssignedIdentityMissing", text, "$.identity.type"))
    if str(properties.get("systemDatastoresAuthMode")).lower() != "identity":
        text = "The workspace's own datastores are opened by keys: monitors read them by identity."
        yield Unmet(POSSIBLE, ErrorDetail("DatastoresNeedIdentity", text, "$.storage.sharedKeyAccess"))


async def _pipeline(reader: ResourceReader, site: Site, asked: MonitorSpec, unmet: list[Unmet]) -> None:
    chosen = asked.pipeline
    if chosen is None:
        return
    path = f"{site.workspace_id}/components/{chosen.component}/versions/{chosen.version}"
    component = await _read(reader, path, ASSETS_API, POSSIBLE, "$.pipeline.component", unmet)
    if component is not None:
        unmet += _of_component(component)
        unmet += await _as_sender(reader, site, chosen, component)
    compute = f"{site.workspace_id}/computes/{chosen.compute}"
    found = await _read(reader, compute, k.API_VERSIONS[k.COMPUTE], POSSIBLE, "$.pipeline.compute", unmet)
    if found is not None and _object(found.get("properties")).get("computeType") != "AmlCompute":
        text = f"{chosen.compute} is no cluster."
        unmet.append(Unmet(POSSIBLE, ErrorDetail("NotACluster", text, "$.pipeline.compute")))


async def _as_sender(
    reader: ResourceReader, site: Site, chosen: MonitorPipeline, component: JsonObject
) -> tuple[Unmet, ...]:
    """A step, or a step of what it is made of, with the identity of whoever sends it."""
    try:
        await require_no_sender(reader, site.workspace_id, component, f"Component {chosen.component}:{chosen.version}")
    except Rejected as error:
        detail = ErrorDetail(error.code, error.message, "$.pipeline.component")
        return (Unmet(POSSIBLE, detail, unknown=error.code != NOT_ALLOWED),)
    return ()


def _of_component(component: JsonObject) -> Iterator[Unmet]:
    said = dict(_object(_object(component.get("properties")).get("componentSpec")))
    if str(said.get("type")) != "pipeline":
        text = f"The component is of type {said.get('type')}, and not a pipeline."
        yield Unmet(POSSIBLE, ErrorDetail("NotAPipeline", text, "$.pipeline.component"))
    if ORDER_INPUT not in _object(said.get("inputs")):
        text = f"The component has no input {ORDER_INPUT!r}, by which it learns what to compute (docs/retraining.md)."
        yield Unmet(POSSIBLE, ErrorDetail("OrderInputMissing", text, "$.pipeline.component"))


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that a deployment needs for a monitor."""

    finds: Callable[[MonitorSpec, Mapping[str, str]], Iterator[Unmet]]
    requirements: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WorkspaceCheck:
    """What a workspace must be for monitors of Azure ML's own."""

    finds: Callable[[JsonObject], Iterator[Unmet]]
    requirements: tuple[str, ...] = ()


CHECKS: dict[str, Check] = {"dataCollection": Check(_not_collected, ("S3-87",))}
WORKSPACE_CHECKS: dict[str, WorkspaceCheck] = {"network": WorkspaceCheck(_network, ("D36",))}
