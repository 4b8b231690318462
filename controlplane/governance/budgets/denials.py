"""What denies: Azure Policy's own "Not allowed resource types", assigned to a workspace's resource group.

What is there already is left out (``notScopes``): a cluster must still be scaled down, and what serves goes on serving.
New deployments are denied by an assignment of their own, because an endpoint that is left out takes its deployments
with it. An assignment of that name without our mark is somebody else's: it is neither changed nor deleted.

Sources: "Azure Policy built-in definitions", General, 6c112d4e-…, 2.0.0; "Azure Policy assignment structure"
(``notScopes``; ``metadata`` is free, but ``createdBy`` and its like are Azure's); "Azure Policy limits": 400
exclusions.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

from controlplane.arm import fold, group_id, name_of
from controlplane.errors import Conflict, Rejected
from controlplane.governance.budgets.model import Act, Undo
from controlplane.governance.deps import GovernanceDeps
from controlplane.json_types import JsonObject
from controlplane.ports.reader import NewestReader
from controlplane.retraining.known import WORKSPACE_TYPE, Known
from controlplane.retraining.monitors.wanted import differs
from controlplane.workspaces import kinds as k

ASSIGNMENT = "Microsoft.Authorization/policyAssignments"
ASSIGNMENT_API = "2023-04-01"
NOT_ALLOWED = "/providers/Microsoft.Authorization/policyDefinitions/6c112d4e-5bc7-47ae-a041-ea2d9dccd749"
_MOST_EXCLUSIONS = 400
_MARK = {"controlPlane": "budget"}
#: Endpoints that have deployments, and those that are paid by the token and have none.
_HOSTED = ("onlineEndpoints", "batchEndpoints")
_ENDPOINTS = (*_HOSTED, "serverlessEndpoints")

Lister = Callable[[NewestReader, str], Awaitable[list[str]]]


@dataclass(frozen=True, slots=True)
class Denial:
    """One assignment. ``there`` lists what it leaves out, by the id of the Azure ML workspace."""

    name: str
    types: tuple[str, ...]
    there: Lister


async def _listed(reader: NewestReader, collection: str) -> list[str]:
    return [str(one["id"]) for one in await reader.list(collection, k.API_VERSIONS[k.COMPUTE])]


async def _computes(reader: NewestReader, workspace_id: str) -> list[str]:
    return await _listed(reader, f"{workspace_id}/computes")


async def _endpoints(reader: NewestReader, workspace_id: str, kinds: tuple[str, ...] = _ENDPOINTS) -> list[str]:
    return [one for kind in kinds for one in await _listed(reader, f"{workspace_id}/{kind}")]


async def _deployments(reader: NewestReader, workspace_id: str) -> list[str]:
    found: list[str] = []
    for endpoint in await _endpoints(reader, workspace_id, _HOSTED):
        found += await _listed(reader, f"{endpoint}/deployments")
    return found


DENIALS: dict[Act, tuple[Denial, ...]] = {
    Act.BLOCK_COMPUTES: (Denial("cp-budget-computes", (f"{WORKSPACE_TYPE}/computes",), _computes),),
    Act.FREEZE: (
        Denial("cp-budget-endpoints", tuple(f"{WORKSPACE_TYPE}/{one}" for one in _ENDPOINTS), _endpoints),
        Denial("cp-budget-deployments", tuple(f"{WORKSPACE_TYPE}/{one}/deployments" for one in _HOSTED), _deployments),
    ),
}


def denials_of(space: Known, act: Act) -> Iterator[Undo]:
    """What a step would assign in a workspace's group. Nothing was there before: what has our name and not our mark
    stays."""
    for one in DENIALS.get(act, ()):
        yield Undo(
            kind="policy", workspace=space.name, incarnation=space.record.incarnation,
            resource=f"{group_of(space)}/providers/{ASSIGNMENT}/{one.name}",
        )  # fmt: skip


def group_of(space: Known) -> str:
    return group_id(str(space.record.spec["subscriptionId"]), space.record.resource_group)


async def denied(deps: GovernanceDeps, act: Act, one: Undo, space: Known) -> None:
    """Assigns it, and writes it back where somebody has changed it. Raises ``Conflict`` for what is somebody else's."""
    (denial,) = (each for each in DENIALS[act] if each.name == name_of(one.resource))
    found = await deps.reader.get(one.resource, ASSIGNMENT_API)
    if found is not None and not _ours(found):
        raise Conflict("NotOurs", "An assignment of this name was made by somebody else; it is left as it is.")
    body = _body(denial, space, await denial.there(deps.reader, space.workspace_id))
    if found is None or differs(body, found) is not None:
        await deps.writer.put(one.resource, ASSIGNMENT_API, body)


async def allowed(deps: GovernanceDeps, one: Undo) -> None:
    """Takes it away, unless it is somebody else's."""
    found = await deps.reader.get(one.resource, ASSIGNMENT_API)
    if found is not None and _ours(found):
        await deps.writer.delete(one.resource, ASSIGNMENT_API)


def _ours(found: JsonObject) -> bool:
    metadata = _object(_object(found.get("properties")).get("metadata"))
    return all(metadata.get(name) == value for name, value in _MARK.items())


def _body(denial: Denial, space: Known, there: list[str]) -> JsonObject:
    if len(there) > _MOST_EXCLUSIONS:
        text = f"{len(there)} things would have to be left out; Azure Policy leaves out {_MOST_EXCLUSIONS}."
        raise Rejected("TooManyExclusions", text)
    return {
        "properties": {
            "displayName": "The budget is used up: nothing new that costs",
            "description": f"Set by the control plane for workspace {space.name}; goes when the budget allows it.",
            "policyDefinitionId": NOT_ALLOWED,
            "enforcementMode": "Default",
            "notScopes": sorted(there, key=fold),
            "parameters": {
                "listOfResourceTypesNotAllowed": {"value": list(denial.types)},
                "effect": {"value": "Deny"},
            },
            "metadata": dict(_MARK),
        }
    }


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
