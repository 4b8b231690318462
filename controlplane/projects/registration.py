"""What a registration must look like; every bad field is named by its JSON path. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Sequence

from pydantic import BaseModel, ValidationError

from controlplane.errors import ErrorDetail, Rejected
from controlplane.field_words import code_of, words_of
from controlplane.json_types import JsonObject
from controlplane.operations.strictly import read_strictly
from controlplane.projects.model import Registration

_NAME = re.compile(r"[a-z][a-z0-9-]{0,38}[a-z0-9]")
_MOST = 100
"""A body with more bad fields than that is no slip: nothing is looked up for it."""
_GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_REGION = re.compile(r"[a-z0-9]+")
_ARM_ID = re.compile(r"/subscriptions/[^/]+/resourceGroups/[^/]+/providers/[^/]+(?:/[^/]+/[^/]+)+", re.IGNORECASE)


def is_project_name(name: str) -> bool:
    """As in a spec: 2 to 40 lower-case letters, digits and inner hyphens, beginning with a letter."""
    return bool(_NAME.fullmatch(name))


def check_project_name(name: str) -> None:
    """Raises ``Rejected("InvalidResourceName")``."""
    if not is_project_name(name):
        raise Rejected(
            "InvalidResourceName",
            "A project's name has 2 to 40 lower-case letters, digits and inner hyphens, beginning with a letter.",
            target="name",
        )


def parse_registration(data: JsonObject) -> Registration:
    """Raises ``Rejected("InvalidRegistration")`` with all bad fields."""
    try:
        registration = read_strictly(Registration, data)
    except ValidationError as error:
        raise _rejected(details_of(error, Registration)) from error
    details = tuple(_problems(registration))
    if details:
        raise _rejected(details)
    return registration


def details_of(error: ValidationError, model: type[BaseModel]) -> tuple[ErrorDetail, ...]:
    """Pydantic's findings about a body of ``model`` as details whose targets are JSON paths."""
    items = error.errors(include_url=False, include_input=False)
    inside = {item["loc"][:-1] for item in items}
    return tuple(
        ErrorDetail(code_of(item), words_of(item, model, helpful=len(items) <= _MOST), json_path(item["loc"]))
        for item in items
        # A list is too short then because its items are wrong, and each of them says so.
        if not (item["type"] == "too_short" and item["loc"] in inside)
    )


def json_path(location: Sequence[int | str]) -> str:
    """``("limits", "maxNodes")`` → ``$.limits.maxNodes``; numbers are list indices."""
    return "$" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)


def _rejected(details: tuple[ErrorDetail, ...]) -> Rejected:
    return Rejected("InvalidRegistration", "The registration has fields that are not valid.", details=details)


def _problems(registration: Registration) -> Iterator[ErrorDetail]:
    members = registration.members
    guid: Callable[[str], object] = _GUID.fullmatch
    yield from _each("subscriptions", registration.subscriptions, guid, "is not a subscription id")
    yield from _each("regions", registration.regions, _REGION.fullmatch, "is not a region name such as westeurope")
    yield from _each(
        "addressPools", registration.address_pools, _is_network, "is not an IPv4 range such as 10.40.0.0/16"
    )
    for field, ids in (
        ("hubs", registration.hubs),
        ("dnsZones", registration.dns_zones),
        ("gateways", registration.gateways),
        ("circuits", registration.circuits),
        ("registries", registration.registries),
        ("storageAccounts", registration.storage_accounts),
        ("identities", registration.identities),
    ):
        yield from _each(field, ids, _ARM_ID.fullmatch, "is not the id of an Azure resource")
    yield from _each("keys", registration.keys, _is_key, "is not the id of a Key Vault key")
    yield from _each("agentPrincipals", registration.agent_principals, guid, "is not the object id of an identity")
    for field, groups in (
        ("entraGroups", registration.entra_groups),
        ("members.contributors", members.contributors),
        ("members.readers", members.readers),
        ("members.approvers", members.approvers),
    ):
        yield from _each(field, groups, guid, "is not the object id of an Entra group")
    processes = registration.service_principals
    yield from _each("servicePrincipals", processes, guid, "is not the object id of a service principal")


def _each(field: str, values: Sequence[str], valid: Callable[[str], object], message: str) -> Iterator[ErrorDetail]:
    for index, value in enumerate(values):
        if not valid(value):
            yield ErrorDetail("InvalidValue", f"{value!r} {message}.", f"$.{field}[{index}]")


def _is_network(value: str) -> bool:
    try:
        ipaddress.IPv4Network(value)
    except ValueError:
        return False
    return True


def _is_key(value: str) -> bool:
    return value.startswith("https://") or bool(_ARM_ID.fullmatch(value))
