"""Principle 7: a field does what it says or is refused. Every leaf is changed from its default, one at a time."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pytest
from pydantic import BaseModel

from controlplane.errors import Rejected
from controlplane.workspaces.blueprint import compile_blueprint
from controlplane.workspaces.spec import WorkspaceSpec, parse_spec
from tests.unit.workspaces.fake_azure import CONTEXT, request

GUID = "00000000-0000-0000-0000-0000000000bb"
ARM_ID = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers/Microsoft.X/y/z"

#: Leaf → another valid value than the base's. ``test_no_leaf_is_forgotten`` holds that it has every leaf.
OTHER: dict[str, Any] = {
    "project": "fraud",
    "environment": "prod",
    "workload": "nlp",
    "management": "observe",
    "subscriptionId": GUID,
    "location": "northeurope",
    "owners[]": GUID,
    "network.mode": "managedAllowInternetOutbound",
    "network.addressSpace": "10.44.0.0/22",
    "network.hub.kind": "existing",
    "network.hub.vnetId": ARM_ID,
    "network.hub.dnsZones[]": ARM_ID,
    "network.hub.bastion": True,
    "network.hub.jumpHost": True,
    "network.hub.buildAgents": 2,
    "network.hub.gateway": "vpn",
    "identity.type": "userAssigned",
    "identity.ids[]": ARM_ID,
    "identity.primary": ARM_ID,
    "storage.sharedKeyAccess": True,
    "registry.adminUser": True,
    "encryption.customerManagedKey": "https://v.vault.azure.net/keys/k",
    "compute.clusters[].name": "other",
    "compute.clusters[].size": "Standard_DS4_v2",
    "compute.clusters[].minNodes": 1,
    "compute.clusters[].maxNodes": 7,
    "compute.clusters[].idleBeforeScaleDown": "PT5M",
    "compute.clusters[].publicIp": True,
    "compute.instances[].name": "ada-box",
    "compute.instances[].size": "Standard_DS3_v2",
    "compute.instances[].assignedTo": GUID,
    "catalog.collections[]": "meta",
    "access.dataScientists[]": GUID,
    "access.projectLeads[]": GUID,
    "access.platformSupport[]": GUID,
    "budget.monthly.amount": 100.0,
    "budget.monthly.currency": "EUR",
    "budget.thresholds[]": 50,
    "budget.thresholds[].forecast": 100,
    "expiry.expiresOn": "2027-06-30",
    "expiry.idleAfter": "P30D",
    "expiry.grace": "P14D",
    "expiry.action": "archive",
    "legacyV1Mode": True,
}
#: What has to be there so that a leaf of an absent part can be set at all.
AROUND: dict[str, Any] = {
    "compute.instances[]": {"name": "box", "size": "Standard_DS3_v2"},
    "budget": {"monthly": {"amount": 5.0, "currency": "USD"}},
}
REFUSED = {
    "management",
    "network.mode",
    "network.hub",
    "identity",
    "encryption",
    "compute.clusters[].publicIp",
    "compute.instances",
    "catalog",
    "access",
    "budget",
    "expiry.idleAfter",
    "expiry.grace",
    "expiry.action",
}


def leaves(annotation: Any, path: str) -> Iterator[str]:
    """Paths of everything that can be set below a model's field."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        yield from leaves(inner[0], path)
    elif origin in (Union, UnionType):
        for option in inner:
            if option is not NoneType:
                yield from leaves(option, path)
    elif origin is tuple:
        yield from leaves(inner[0], f"{path}[]")
    elif origin is not Literal and isinstance(annotation, type) and issubclass(annotation, BaseModel):
        for field in annotation.model_fields.values():
            yield from leaves(field.rebuild_annotation(), f"{path}.{field.alias}".lstrip("."))
    else:
        yield path


ALL_LEAVES = sorted(set(leaves(WorkspaceSpec, "")))


def with_leaf(path: str) -> dict[str, Any]:
    """The base request with one leaf changed."""
    data = copy.deepcopy(request())
    current: Any = data
    walked = ""
    *parents, last = path.split(".")
    for part in parents:
        name, _, is_list = part.partition("[")
        walked = f"{walked}.{part}".lstrip(".")
        holder = current.setdefault(name, [] if is_list else copy.deepcopy(AROUND.get(walked, {})))
        if is_list and not holder:
            holder.append(copy.deepcopy(AROUND.get(walked, {})))
        current = holder[0] if is_list else holder
    if last.endswith("[]"):
        current[last[:-2]] = [OTHER[path]]
    else:
        current[last] = OTHER[path]
    return data


def test_no_leaf_is_forgotten() -> None:
    assert sorted(OTHER) == ALL_LEAVES


@pytest.mark.parametrize("path", ALL_LEAVES)
def test_a_changed_leaf_changes_the_blueprint_or_is_refused(path: str) -> None:
    base = compile_blueprint(parse_spec(request()), CONTEXT)
    refused = any(path == part or path.startswith((f"{part}.", f"{part}[")) for part in REFUSED)
    try:
        changed = parse_spec(with_leaf(path))
    except Rejected as error:
        assert refused, f"{path} is built and was refused: {error}"
        assert {detail.code for detail in error.details} == {"FeatureNotAvailable"}
    else:
        assert not refused, f"{path} is not built and was not refused"
        assert compile_blueprint(changed, CONTEXT) != base


def test_every_field_says_what_it_does() -> None:
    schema = WorkspaceSpec.model_json_schema()
    models = [schema, *schema["$defs"].values()]
    silent = [
        f"{model['title']}.{name}"
        for model in models
        for name, field in model.get("properties", {}).items()
        if not field.get("description")
    ]
    assert silent == []
