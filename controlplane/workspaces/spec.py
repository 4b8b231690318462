"""From a request's JSON to a :class:`WorkspaceSpec`, or to every reason why not.

A field does what it says or is refused: what is documented and not built yet is ``FeatureNotAvailable`` unless it
equals its default (principle 7).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator

from pydantic import ValidationError

from controlplane.errors import ErrorDetail, Rejected
from controlplane.json_types import JsonObject
from controlplane.workspaces.spec_hub import hub
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
NOT_AVAILABLE = "FeatureNotAvailable"
AUTO = "auto"
#: The Docker bridge of every compute node; AML refuses networks that use it ("How to secure a workspace with VNets").
_DOCKER_BRIDGE = ipaddress.IPv4Network("172.17.0.0/16")
_PRIVATE = tuple(map(ipaddress.IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))
#: Half for each network, of which the ML one holds a /27 of endpoints and a training subnet of at least that size.
SMALLEST_PREFIX = 25


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
        spec = WorkspaceSpec.model_validate(data)
    except ValidationError as error:
        raise _rejected((*_from_pydantic(error), *_of_the_others(data, error))) from error
    if details := tuple(_meaning(spec)):
        raise _rejected(details)
    return spec


def _meaning(spec: WorkspaceSpec) -> Iterator[ErrorDetail]:
    """What no single field's shape says."""
    yield from (*_unavailable(spec), *_address_space(spec), *hub(spec), *_clusters(spec), *_owners(spec))


def _of_the_others(data: JsonObject, error: ValidationError) -> Iterator[ErrorDetail]:
    """What is wrong with the fields whose shape is right; the others are stood in for and not judged twice."""
    items = error.errors(include_url=False, include_input=False)
    if len(items) > MOST:
        return
    # Only the last part may be a name that is no field's: the unknown field itself.
    places = [(*(p for p in item["loc"][:-1] if _is_part(p)), *item["loc"][-1:]) for item in items]
    named = {_path(item["loc"], unknown=item["type"] == "extra_forbidden") for item in items}
    try:
        spec = WorkspaceSpec.model_validate(stand_in(data, places))
    except ValidationError:
        return
    yield from (detail for detail in _meaning(spec) if detail.target not in named)


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
            code = _CODES.get(item["type"], "InvalidValue")
            yield ErrorDetail(code, f"{path[2:]}: {item['msg']}.", path)


_CODES = {"extra_forbidden": "UnknownField", "missing": "MissingField"}


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


#: Path, test for "asks for what is not built", what is built instead.
_Unbuilt = tuple[str, Callable[[WorkspaceSpec], bool], str]
_UNBUILT: tuple[_Unbuilt, ...] = (
    ("$.management", lambda s: s.management != "manage", "manage"),
    ("$.network.mode", lambda s: s.network.mode is not NetworkMode.PRIVATE_VNET, "privateVnet"),
    ("$.network.addressSpace", lambda s: s.network.address_space == AUTO, "a CIDR range"),
    ("$.network.hub.gateway", lambda s: s.network.hub.gateway != "none", "none"),
    ("$.network.hub.agents.runsOn", lambda s: s.network.hub.agents.runs_on == "scaleSet", "virtualMachine"),
    ("$.identity.type", lambda s: s.identity.type != "systemAssigned", "systemAssigned"),
    ("$.identity.ids", lambda s: bool(s.identity.ids), "[]"),
    ("$.identity.primary", lambda s: s.identity.primary is not None, "null"),
    ("$.encryption.customerManagedKey", lambda s: s.encryption.customer_managed_key is not None, "null"),
    ("$.compute.instances", lambda s: bool(s.compute.instances), "[]"),
    ("$.catalog.collections", lambda s: bool(s.catalog.collections), "[]"),
    ("$.access.dataScientists", lambda s: bool(s.access.data_scientists), "[]"),
    ("$.access.projectLeads", lambda s: bool(s.access.project_leads), "[]"),
    ("$.access.platformSupport", lambda s: bool(s.access.platform_support), "[]"),
    ("$.budget", lambda s: s.budget is not None, "null"),
    ("$.expiry.idleAfter", lambda s: s.expiry is not None and s.expiry.idle_after is not None, "null"),
    ("$.expiry.grace", lambda s: s.expiry is not None and s.expiry.grace is not None, "null"),
    ("$.expiry.action", lambda s: s.expiry is not None and s.expiry.action is not None, "null"),
)


def _unavailable(spec: WorkspaceSpec) -> Iterator[ErrorDetail]:
    for path, asks, built in _UNBUILT:
        if asks(spec):
            yield _not_available(path, built)
    for index, cluster in enumerate(spec.compute.clusters):
        # Nodes with public addresses need other rules and another order (X-17, S1-71).
        if cluster.public_ip:
            yield _not_available(f"$.compute.clusters[{index}].publicIp", "false")


def _not_available(path: str, built: str) -> ErrorDetail:
    return ErrorDetail(NOT_AVAILABLE, f"{path[2:]} is not available yet; the only value that is: {built}.", path)


def _address_space(spec: WorkspaceSpec) -> Iterator[ErrorDetail]:
    path, text = "$.network.addressSpace", spec.network.address_space
    if text == AUTO:
        return
    try:
        network = ipaddress.IPv4Network(text)
    except ValueError as error:
        yield ErrorDetail("InvalidValue", f"network.addressSpace: '{text}' is no IPv4 CIDR range: {error}.", path)
        return
    if not any(network.subnet_of(private) for private in _PRIVATE):
        yield ErrorDetail("InvalidValue", f"network.addressSpace: {text} is not inside a private range.", path)
    if network.overlaps(_DOCKER_BRIDGE):
        text = f"network.addressSpace: {text} overlaps 172.17.0.0/16, the Docker bridge of compute nodes."
        yield ErrorDetail("AddressSpaceOverlaps", text, path)
    if network.prefixlen > SMALLEST_PREFIX:
        text = f"network.addressSpace: /{network.prefixlen} is too small; two networks need a /{SMALLEST_PREFIX}."
        yield ErrorDetail("AddressSpaceTooSmall", text, path)


def _clusters(spec: WorkspaceSpec) -> Iterator[ErrorDetail]:
    seen: set[str] = set()
    for index, cluster in enumerate(spec.compute.clusters):
        path = f"$.compute.clusters[{index}]"
        if cluster.name.lower() in seen:
            yield ErrorDetail("DuplicateName", f"Two clusters are called '{cluster.name}'.", f"{path}.name")
        seen.add(cluster.name.lower())
        if cluster.min_nodes > cluster.max_nodes:
            text = f"minNodes {cluster.min_nodes} is more than maxNodes {cluster.max_nodes}."
            yield ErrorDetail("InvalidValue", text, f"{path}.minNodes")
        if not 30 <= duration_seconds(cluster.idle_before_scale_down) <= 7200:
            text = f"idleBeforeScaleDown {cluster.idle_before_scale_down} is not between PT30S and PT2H."
            yield ErrorDetail("InvalidValue", text, f"{path}.idleBeforeScaleDown")


def _owners(spec: WorkspaceSpec) -> Iterator[ErrorDetail]:
    for index, owner in enumerate(spec.owners):
        if owner in spec.owners[:index]:
            yield ErrorDetail("DuplicateName", f"Owner {owner} is named twice.", f"$.owners[{index}]")


def duration_seconds(text: str) -> int:
    """Seconds of an ISO 8601 duration of hours, minutes and seconds. Raises ``ValueError`` for any other."""
    found = _DURATION.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no duration of hours, minutes and seconds")
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return hours * 3600 + minutes * 60 + seconds


_DURATION = re.compile(r"PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?")
