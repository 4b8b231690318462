"""Values that stand in for fields of the wrong shape, so that what the other fields mean can be judged too. Pure.

A person who sends a wrong region and a wrong address range is told of both at once.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any

from controlplane.json_types import JsonObject

Place = tuple[int | str, ...]

#: A hostile body has tens of thousands of errors; nobody is helped by more than these.
MOST = 100
_ACCOUNT = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/stand"
#: Path of a required field, or of an item of a list → a value that no other check objects to; ``{}`` is the index.
_VALUES: Mapping[str, Any] = {
    "project": "stand-in",
    "environment": "dev",
    "subscriptionId": "00000000-0000-0000-0000-000000000000",
    "location": "westeurope",
    "owners": ["00000000-0000-0000-0000-000000000000"],
    "owners[]": "00000000-0000-0000-0000-{:012}",
    "network": {"addressSpace": "10.0.0.0/22"},
    "network.addressSpace": "10.0.0.0/22",
    "datastores[]": {"name": "stand_in", "account": _ACCOUNT, "container": "stand-in"},
    "datastores[].name": "stand_in_{}",
    "datastores[].account": _ACCOUNT,
    "datastores[].container": "stand-in",
    "compute.clusters[]": {"name": "stand-in", "size": "Standard_DS3_v2", "maxNodes": 1},
    "compute.clusters[].name": "stand-in-{}",
    "compute.clusters[].size": "Standard_DS3_v2",
    "compute.clusters[].maxNodes": 1000,
    "compute.instances[]": {
        "name": "stand-in-i",
        "size": "Standard_DS3_v2",
        "assignedTo": "00000000-0000-0000-0000-000000000000",
    },
    "compute.instances[].name": "stand-in-{}-i",
    "compute.instances[].size": "Standard_DS3_v2",
    "compute.instances[].assignedTo": "00000000-0000-0000-0000-000000000000",
}


def stand_in(data: JsonObject, places: Iterable[Place]) -> dict[str, Any]:
    """A copy of ``data`` in which each place has a valid value, or where the field has a default is not there."""
    patched: dict[str, Any] = copy.deepcopy(dict(data))
    for place in places:
        _replace(patched, place)
    return patched


def _replace(patched: dict[str, Any], place: Place) -> None:
    holder: Any = patched
    index = 0
    for part in place[:-1]:
        try:
            holder = holder[part]
        except (KeyError, IndexError, TypeError):
            return
        index = part if isinstance(part, int) else index
    last: Any = place[-1] if place else ""
    index = last if isinstance(last, int) else index
    path = ".".join("[]" if isinstance(part, int) else part for part in place).replace(".[]", "[]")
    if path in _VALUES and isinstance(holder, dict | list):
        value = _VALUES[path]
        holder[last] = value.format(index + 1) if isinstance(value, str) else copy.deepcopy(value)
    elif isinstance(holder, dict):
        holder.pop(last, None)
