"""A blueprint as a deployment template of Azure Resource Manager: the workspace as code, for who deploys by pipeline
(S1-25). Pure.

Sources: "Understand the structure and syntax of ARM templates", "Subscription deployments with ARM templates" (a
template at a subscription holds resource groups and nested deployments into them), "Using linked and nested templates"
(inner scope: what ``reference`` means is looked up in the nested template's own deployment), "Template functions -
resource" (``reference`` works in properties only, never in a name), "Set scope for extension resources".
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from controlplane.arm import fold, parent_of
from controlplane.json_types import JsonObject
from controlplane.workspaces import kinds as k
from controlplane.workspaces.kinds import Listing
from controlplane.workspaces.kinds_table import KINDS
from controlplane.workspaces.model import SYSTEM_PRINCIPAL, Blueprint, Origin, Ref, Resource, RoleAssignmentId

_SCHEMA = "https://schema.management.azure.com/schemas"
_AT_SUBSCRIPTION = f"{_SCHEMA}/2018-05-01/subscriptionDeploymentTemplate.json#"
_AT_GROUP = f"{_SCHEMA}/2019-04-01/deploymentTemplate.json#"
_DEPLOYMENT, _DEPLOYMENTS_VERSION = "Microsoft.Resources/deployments", "2021-04-01"
#: Written one after the other below their parent, which answers 409 to a second write (and the network itself is one).
_ONE_AT_A_TIME = frozenset({k.VNET, k.SUBNET, k.PEERING, k.OUTBOUND_RULE})
#: What Azure grants a workspace's system identity when it makes the workspace: "Enterprise security and governance for
#: Azure Machine Learning", permissions of the managed identity (S2-09).
_GRANTED_BY_AZURE = frozenset(
    f"role/workspace-identity/{grant}"
    for grant in ("registry/contributor", "storage/storage-blob-data-contributor", "vault/key-vault-administrator")
)
#: Why something of the blueprint is in no template.
_BY_AZURE = "Azure makes it by itself; made by a template too, it would be refused (RoleAssignmentExists)."
_GIVEN = "It is somebody else's, and has to be there."
_BUILT = "It is no resource to Azure: the first compute builds it."


@dataclass(slots=True)
class _Batch:
    """Resources of one resource group that one nested deployment makes."""

    place: tuple[str, str]
    """Subscription, resource group."""
    number: int
    resources: list[Resource] = field(default_factory=list)


def template(blueprint: Blueprint) -> JsonObject:
    """For ``az deployment sub create``. It holds no secret, because a blueprint holds none; what it leaves out stands
    in ``metadata.leftOut``, with the reason."""
    out = {one.key: why for one in blueprint.resources if (why := _left_out(one)) is not None}
    made = [one for one in blueprint.resources if one.key not in out and one.type != k.RESOURCE_GROUP]
    batches = _batches(made)
    manual = (f"{one.role.name} for {one.principal} on {one.scope}" for one in blueprint.access.by_hand)
    return {
        "$schema": _AT_SUBSCRIPTION,
        "contentVersion": "1.0.0.0",
        "metadata": {
            "workspace": blueprint.workspace,
            "subscriptionId": blueprint.subscription_id,
            "location": blueprint.location,
            "leftOut": [{"key": key, "reason": why} for key, why in sorted(out.items())],
            "grantedByAnAdministrator": sorted(manual),
        },
        "resources": [one for part in PARTS.values() for one in part.make(blueprint, batches)],
    }


def _left_out(one: Resource) -> str | None:
    if one.type == k.MANAGED_NETWORK:
        return _BUILT
    holder = one.id.principal if isinstance(one.id, RoleAssignmentId) else None
    if one.key in _GRANTED_BY_AZURE and holder == Ref("workspace", SYSTEM_PRINCIPAL):
        return _BY_AZURE
    return {Origin.AZURE: _BY_AZURE, Origin.GIVEN: _GIVEN}.get(one.origin)


def _place(one: Resource) -> tuple[str, str]:
    scope = one.id.scope if isinstance(one.id, RoleAssignmentId) else one.id
    parts = scope.split("/")
    return parts[2], parts[4]


def _batches(made: list[Resource]) -> list[_Batch]:
    """Each resource as early as what it needs in other groups allows."""
    found: dict[tuple[int, tuple[str, str]], _Batch] = {}
    place_of = {one.key: _place(one) for one in made}
    number_of: dict[str, int] = {}
    for one in made:
        place = place_of[one.key]
        needed = [key for key in one.depends_on if key in number_of]
        number = max((number_of[key] + (place_of[key] != place) for key in needed), default=0)
        number_of[one.key] = number
        found.setdefault((number, place), _Batch(place, number)).resources.append(one)
    return [found[key] for key in sorted(found)]


def _own_groups(blueprint: Blueprint) -> list[Resource]:
    return [one for one in blueprint.resources if one.type == k.RESOURCE_GROUP]


def _groups(blueprint: Blueprint, _: list[_Batch]) -> Iterator[JsonObject]:
    for one in _own_groups(blueprint):
        name = str(one.id).rpartition("/")[2]
        yield {"type": one.type, "apiVersion": one.api_version, "name": name, **_filled(blueprint, one.body)}


def _deployments(blueprint: Blueprint, batches: list[_Batch]) -> Iterator[JsonObject]:
    for batch in batches:
        before = [_id_of(blueprint, one) for one in batches if one.number < batch.number]
        own = [str(one.id) for one in _own_groups(blueprint) if _place(one) == batch.place]
        yield _deployment(blueprint, batch, [*own, *before])


def _deployment(blueprint: Blueprint, batch: _Batch, after: list[str]) -> JsonObject:
    subscription, group = batch.place
    return {
        "type": _DEPLOYMENT,
        "apiVersion": _DEPLOYMENTS_VERSION,
        "name": _name_of(blueprint, batch),
        "subscriptionId": subscription,
        "resourceGroup": group,
        "dependsOn": after,
        "properties": {
            "mode": "Incremental",
            "expressionEvaluationOptions": {"scope": "inner"},
            "template": {
                "$schema": _AT_GROUP,
                "contentVersion": "1.0.0.0",
                "resources": list(_members(blueprint, batch)),
            },
        },
    }


def _name_of(blueprint: Blueprint, batch: _Batch) -> str:
    """A deployment's name has 64 characters; the same for the same place and number."""
    place = uuid.uuid5(uuid.NAMESPACE_URL, "/".join(batch.place).lower()).hex[:8]
    return f"cp-{blueprint.workspace[:40]}-{place}-{batch.number}"


def _id_of(blueprint: Blueprint, batch: _Batch) -> str:
    subscription, group = batch.place
    name = _name_of(blueprint, batch)
    return f"/subscriptions/{subscription}/resourceGroups/{group}/providers/{_DEPLOYMENT}/{name}"


def _members(blueprint: Blueprint, batch: _Batch) -> Iterator[JsonObject]:
    ids = {one.key: _arm_id(one) for one in batch.resources}
    last: dict[str, str] = {}
    for one in batch.resources:
        needs = [ids[key] for key in one.depends_on if key in ids]
        if one.type in _ONE_AT_A_TIME:
            parent = fold(ids[one.key] if one.type == k.VNET else parent_of(ids[one.key]) or "")
            if parent in last and last[parent] not in needs:
                needs.append(last[parent])
            last[parent] = ids[one.key]
        yield _member(blueprint, one, ids[one.key], needs)


def _arm_id(one: Resource) -> str:
    """A grant's name is any GUID, the same each time; ``reference`` may not stand in a name."""
    if not isinstance(one.id, RoleAssignmentId):
        return one.id
    return one.id.resolve(one.id.principal if isinstance(one.id.principal, str) else one.id.principal.key)


def _member(blueprint: Blueprint, one: Resource, arm_id: str, needs: list[str]) -> JsonObject:
    scope, _, tail = arm_id.rpartition("/providers/")
    found: JsonObject = {"type": one.type, "apiVersion": one.api_version, "name": "/".join(tail.split("/")[2::2])}
    if KINDS[one.type].listing in (Listing.GROUP_EXTENSION, Listing.SCOPE) and "/providers/" in scope:
        found = {**found, "scope": scope.rpartition("/providers/")[2]}
    if needs:
        found = {**found, "dependsOn": needs}
    return {**found, **_filled(blueprint, one.body)}


def _filled(blueprint: Blueprint, value: Any) -> Any:
    """With expressions where a body refers to what another resource answers."""
    if isinstance(value, Ref):
        target = blueprint.by_key[value.key]
        if value.path == "id":
            return _arm_id(target)
        return f"[reference('{_arm_id(target)}', '{target.api_version}', 'Full').{value.path}]"
    if isinstance(value, Mapping):
        return {name: _filled(blueprint, item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_filled(blueprint, item) for item in value]
    return _escaped(value)


def _escaped(value: Any) -> Any:
    """A text that begins with a bracket would be an expression."""
    return f"[{value}" if isinstance(value, str) and value.startswith("[") and value.endswith("]") else value


@dataclass(frozen=True, slots=True)
class Part:
    """One kind of thing at the top of a template, with the requirements that ask for it."""

    make: Callable[[Blueprint, list[_Batch]], Iterator[JsonObject]]
    requirements: tuple[str, ...] = ()


PARTS: dict[str, Part] = {"groups": Part(_groups, ("S1-25",)), "deployments": Part(_deployments, ("S1-25",))}
"""Name → part, in the template's order."""


class DeploymentTemplate(BaseModel):
    """A template at a subscription, as ``az deployment sub create --template-file`` takes it."""

    model_config = ConfigDict(populate_by_name=True)

    schema_: str = Field(alias="$schema", description="The schema of templates at a subscription.")
    content_version: str = Field(alias="contentVersion")
    metadata: dict[str, Any] = Field(
        description="Whose it is; `leftOut`: keys that no template can make, each with the reason; "
        "`grantedByAnAdministrator`: roles that the control plane's operator may not grant."
    )
    resources: list[dict[str, Any]] = Field(description="Resource groups, and a nested deployment into each.")
