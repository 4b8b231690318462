"""From a request's JSON to a :class:`WorkspaceSpec`, or to every reason why not.

A field does what it says or is refused: what is documented and not built yet is ``FeatureNotAvailable`` unless it
equals its default (principle 7).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pydantic import ValidationError

from controlplane.errors import ErrorDetail, Rejected
from controlplane.field_words import code_of, words_of
from controlplane.json_types import JsonObject
from controlplane.operations.strictly import read_strictly
from controlplane.workspaces.spec_model import (
    Access,
    Catalog,
    Cluster,
    Compute,
    Encryption,
    Environment,
    Expiry,
    Hub,
    Identity,
    Network,
    NetworkMode,
    Registry,
    Storage,
    Workload,
    WorkspaceSpec,
)
from controlplane.workspaces.spec_rules import meaning
from controlplane.workspaces.spec_stand_ins import MOST, stand_in

__all__ = [
    "Access",
    "Catalog",
    "Cluster",
    "Compute",
    "Encryption",
    "Environment",
    "Expiry",
    "Hub",
    "Identity",
    "Network",
    "NetworkMode",
    "Registry",
    "Storage",
    "Workload",
    "WorkspaceSpec",
    "check_name",
    "parse_spec",
]

_NAME = re.compile(r"^[a-z](?:[a-z0-9]|-(?!-)){1,30}[a-z0-9]$")
#: Azure refuses names of things with an endpoint that hold one of these anywhere (ReservedResourceName). Other reserved
#: words are refused only as a whole name or at its beginning, where ours have a prefix.
#: Source: https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/error-reserved-resource-name.
_RESERVED = ("microsoft", "windows")
INVALID = "InvalidSpec"


def check_name(name: str) -> tuple[ErrorDetail, ...]:
    """It goes into names and tags of Azure resources: 3 to 32 characters of a-z, 0-9 and single hyphens, no trademarks.

    Storage accounts, vaults and registries are named after it without its hyphens.
    """
    if not _NAME.fullmatch(name):
        text = (
            f"'{name}' is not a workspace name: 3 to 32 characters, a-z, 0-9 and single hyphens, "
            "beginning with a letter and ending with a letter or digit."
        )
        return (ErrorDetail("InvalidName", text, "$.name"),)
    reserved = next((word for word in _RESERVED if word in name.replace("-", "")), None)
    if reserved is not None:
        text = f"'{name}' is not a workspace name: Azure refuses names of resources that contain '{reserved}'."
        return (ErrorDetail("InvalidName", text, "$.name"),)
    return ()


def parse_spec(data: JsonObject) -> WorkspaceSpec:
    """Raises ``Rejected("InvalidSpec")`` whose details name every bad field by its JSON path."""
    try:
        spec = read_strictly(WorkspaceSpec, data)
    except ValidationError as error:
        raise _rejected((*_from_pydantic(error), *_of_the_others(data, error))) from error
    if details := tuple(meaning(spec)):
        raise _rejected(details)
    return spec


def _of_the_others(data: JsonObject, error: ValidationError) -> Iterator[ErrorDetail]:
    """What is wrong with the fields whose shape is right; the others are stood in for and not judged twice."""
    items = error.errors(include_url=False, include_input=False)
    if len(items) > MOST:
        return
    # Only the last part may be a name that is no field's: the unknown field itself.
    places = [(*(p for p in item["loc"][:-1] if _is_part(p)), *item["loc"][-1:]) for item in items]
    named = {_path(item["loc"], unknown=item["type"] == "extra_forbidden") for item in items}
    try:
        spec = read_strictly(WorkspaceSpec, stand_in(data, places))
    except ValidationError:
        return
    yield from (detail for detail in meaning(spec) if detail.target not in named)


def _is_part(part: int | str) -> bool:
    return isinstance(part, int) or bool(_FIELD.fullmatch(part))


def _rejected(details: tuple[ErrorDetail, ...]) -> Rejected:
    one = details[0].message if len(details) == 1 else f"{len(details)} fields of the spec are not valid."
    return Rejected(INVALID, one, target=details[0].target, details=details)


def _from_pydantic(error: ValidationError) -> Iterator[ErrorDetail]:
    items = error.errors(include_url=False, include_input=False)
    # A set, because a hostile body has tens of thousands of errors, and comparing each with each takes minutes.
    outer = {item["loc"][:length] for item in items for length in range(len(item["loc"]))}
    for item in items:
        # A list whose only items are wrong is also reported as too short; the items say it better.
        if not (item["type"] == "too_short" and item["loc"] in outer):
            path = _path(item["loc"], unknown=item["type"] == "extra_forbidden")
            words = words_of(item, WorkspaceSpec, helpful=len(items) <= MOST)
            yield ErrorDetail(code_of(item), f"{path[2:]}: {words}{'' if words.endswith('?') else '.'}", path)


def _path(place: tuple[int | str, ...], *, unknown: bool) -> str:
    """JSON path of a location; the names that pydantic gives to the members of a union are not part of it."""
    path = "$"
    for index, part in enumerate(place):
        if isinstance(part, int):
            path += f"[{part}]"
        elif (unknown and index == len(place) - 1) or _FIELD.fullmatch(part):
            path += f".{part}"
    return path


_FIELD = re.compile(r"(?!int$)[a-z][A-Za-z0-9]*")
