"""How a resource type is declared, as data. Adding a type is a table entry and, where it causes something else, a hook.

    VAULT = ResourceType(
        name="Microsoft.KeyVault/vaults",
        create=Lro(Style.RESOURCE, status=200, state="RegisteringDns", seconds=30),
        update=Lro(Style.SYNC, status=200),
        delete=Lro(Style.SYNC, status=200, body=Body.EMPTY),
        required=(Required("properties.tenantId", "BadRequest", "..."),),
        hooks=(Hook(Phase.VALIDATE, "vault-name-soft-deleted", refuse_soft_deleted_name),),
    )

A module in `simulator/types/` lists its types in `TYPES: tuple[ResourceType, ...]` and its other paths in
`ROUTES: tuple[Route, ...]`; `simulator/types/__init__.py` joins them to `ALL_TYPES` and `ALL_ROUTES`, which the
engine reads. Templates are `str.format` texts over: s (subscription), g (group), l (location), name, type (full),
namespace, id (the resource's), parent (the parent's or scope's id), parent_name, guid (operation GUID, fixed by seed),
b64 (see `Lro.operation_id`), location, api_version.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import lru_cache
from typing import Any

from simulator.engine.hooks import (
    Action,
    Answer,
    ArmError,
    Caller,
    EngineApi,
    Hook,
    HookContext,
    JsonObject,
    Phase,
    Resource,
    Route,
    RouteContext,
)

__all__ = [
    "Action", "Answer", "ArmError", "Body", "Caller", "EngineApi", "Etag", "Hook", "HookContext", "JsonObject",
    "ListContext",
    "Lro", "NameRule", "Patch", "Phase", "Poll", "Preconditions", "ReadOnly", "Required", "Resource", "ResourceType",
    "Route", "RouteContext", "Scope", "Style", "Variant", "Words", "canonical_id", "lower_group_and_provider_id",
    "lower_group_id", "lower_id",
]  # fmt: skip


class Scope(StrEnum):
    GROUP = "group"  # tracked or proxy resource in a resource group
    CHILD = "child"  # type has a parent: `name` has two or more segments after the namespace
    EXTENSION = "extension"  # {any id}/providers/{type}/{name}
    SUBSCRIPTION = "subscription"
    TENANT = "tenant"


class Style(StrEnum):
    """How a client learns that a long operation ended."""

    SYNC = "sync"  # the first answer is the last
    RESOURCE = "resource"  # no header at all: GET the resource until provisioningState is terminal
    ASYNC_OPERATION = "azure-asyncoperation"
    LOCATION = "location"
    BOTH = "both"


class Body(StrEnum):
    """What an answer carries."""

    RESOURCE = "resource"  # the whole resource as it is now
    EMPTY_OBJECT = "{}"
    EMPTY_TEXT = "text"  # no bytes, content-type text/plain; charset=utf-8
    EMPTY = "empty"  # no bytes
    NULL = "null"


class Preconditions(StrEnum):
    HONOUR = "honour"  # If-Match / If-None-Match: 412 at once
    FAIL_LATER = "fail-later"  # accepted; the operation ends Failed with PreconditionFailed (private DNS zones, links)
    IGNORE = "ignore"


class Patch(StrEnum):
    MERGE = "merge"  # JSON merge patch of tags and properties
    TAGS = "tags"  # only tags count, the rest is ignored (Microsoft.Network)
    NONE = "none"  # 405


@dataclass(frozen=True)
class Poll:
    """One answer at an operation's URL. `body` is a JSON object (strings in it are templates, with also {start} and
    {end} times) or a `Body`. `headers`: whether the operation headers are repeated."""

    status: int = 200
    body: JsonObject | Body = field(default_factory=lambda: {"status": "InProgress"})
    headers: bool = False


@dataclass(frozen=True)
class Lro:
    """How one verb answers and ends. Times in seconds at scale 1."""

    style: Style = Style.SYNC
    status: int = 200
    body: Body | JsonObject = Body.RESOURCE
    state: str = "Updating"  # provisioningState while it runs
    seconds: float | Callable[[HookContext], float] = 0.0
    operation_url: str = "/subscriptions/{s}/providers/{namespace}/locations/{l}/operations/{guid}"
    location_url: str = "/subscriptions/{s}/providers/{namespace}/locations/{l}/operationResults/{guid}"
    operation_id: str = (
        "{guid}"  # a template that becomes {b64} base64-encoded: "FrontEndAsyncOperation;Upsert...;{guid}"
    )
    url_query: str = ""  # further query of both URLs, before api-version: "monitor=true" goes in location_query
    location_query: str = ""
    running: Poll = field(default_factory=Poll)
    done: Poll = field(default_factory=lambda: Poll(body={"status": "Succeeded"}))
    location_running: Poll = field(default_factory=lambda: Poll(202, Body.EMPTY, headers=True))
    location_done: Poll = field(default_factory=lambda: Poll(200, Body.RESOURCE))
    failed_status: int = 200  # of the poll that reports {"status": "Failed", "error": {...}}
    retry_after: float = 10.0
    hidden: bool = False  # a GET answers 404 until a create has ended
    headers: Mapping[str, str] = field(default_factory=dict)  # of the first answer; templates, also {base}

    @property
    def is_long(self) -> bool:
        return self.style is not Style.SYNC


SYNC_DELETE = Lro(Style.SYNC, 200, Body.EMPTY, state="Deleting")


@dataclass(frozen=True)
class Words:
    """An error's text: `message` is a template."""

    status: int
    code: str
    message: str
    target: str | None = None


@dataclass(frozen=True)
class Required:
    """`path` is dotted (`properties.sku.name`). Absent or null in a PUT's body -> this error. `message` is a template
    with also {path} and {leaf}."""

    path: str
    code: str = "InvalidRequestContent"
    message: str = "The request content was invalid: required property '{leaf}' not found."
    status: int = 400
    target: str | None = None
    create_only: bool = False


@dataclass(frozen=True)
class ReadOnly:
    """A value the caller may not choose. Sent with another value than the stored one: `refuse` -> this error,
    otherwise dropped in silence as most providers do."""

    path: str
    refuse: bool = False
    code: str = "ReadOnlyPropertyChange"
    message: str = "The property '{path}' is read-only and cannot be changed."
    status: int = 400
    even_if_equal: bool = False  # refused whenever it is sent at all
    on_create_too: bool = True


@dataclass(frozen=True)
class NameRule:
    pattern: str  # re.fullmatch
    code: str
    message: str  # template
    status: int = 400

    def accepts(self, name: str) -> bool:
        return _compiled(self.pattern).fullmatch(name) is not None


@dataclass(frozen=True)
class Etag:
    """`form` is a template over {guid}: `W/"{guid}"` (Network), `{guid}` (private DNS zones), `"{guid}"`."""

    form: str = 'W/"{guid}"'
    in_body: bool = True
    in_header: bool = True  # of GET; Network sends none on PUT
    in_put_header: bool = False


@dataclass(frozen=True)
class Variant:
    """Another behaviour for some api-versions: `changes` are fields of ResourceType. First match wins."""

    versions: str  # re.fullmatch on the api-version, "2021-.*|2020-.*"
    changes: Mapping[str, Any]


def canonical_id(resource_id: str) -> str:
    """`/subscriptions/S/resourceGroups/G/providers/N/t/name`: keywords, namespace and types as declared."""
    return resource_id


def lower_group_id(resource_id: str) -> str:
    """User-assigned identities: `resourcegroups`."""
    return resource_id.replace("/resourceGroups/", "/resourcegroups/", 1)


def lower_group_and_provider_id(resource_id: str) -> str:
    """Log Analytics 2021-06-01: `resourcegroups` and a lower-case namespace (the last one)."""
    head, _, tail = lower_group_id(resource_id).rpartition("/providers/")
    namespace, _, rest = tail.partition("/")
    return f"{head}/providers/{namespace.lower()}/{rest}"


def lower_id(resource_id: str) -> str:
    """Diagnostic settings: all lower case except the last type segment (and the setting's name)."""
    head, _, tail = resource_id.rpartition("/providers/")
    namespace, _, rest = tail.partition("/")
    return f"{head.lower()}/providers/{namespace.lower()}/{rest}"


@dataclass(frozen=True)
class ListContext:
    """A GET of a collection: `scope` is the id under which is listed (a parent, a group, a subscription, any scope)."""

    engine: EngineApi
    type: ResourceType
    scope: str
    query: Mapping[str, str]
    caller: Caller


@dataclass(frozen=True)
class ResourceType:
    name: str  # full type in Azure's casing: Microsoft.Network/virtualNetworks/subnets
    create: Lro = field(default_factory=lambda: Lro(Style.SYNC, 201))
    update: Lro = field(default_factory=lambda: Lro(Style.SYNC, 200))
    patch: Lro | None = None  # None: as update
    delete: Lro = SYNC_DELETE
    delete_missing: int = 204  # status of DELETE where nothing is
    scope: Scope | None = None  # None: GROUP, or CHILD when the type has a parent
    api_versions: tuple[str, ...] = (r"20\d\d-\d\d-\d\d(-preview|-privatepreview)?",)  # re.fullmatch, any
    methods: frozenset[str] = frozenset({"GET", "HEAD", "PUT", "PATCH", "DELETE", "LIST"})  # others: 405
    location: str = "required"  # required (tracked) | global (must be global) | none | optional
    tags: bool = True  # tracked resources: `tags` accepted
    empty_tags: bool = False  # answers show `tags: {}` where none were sent
    top_level: tuple[str, ...] = ("sku", "kind", "identity", "zones", "plan", "managedBy", "extendedLocation")
    #   ^ top-level keys of the request that are stored, besides location, tags and properties
    keys: tuple[str, ...] = ("name", "id", "etag", "type", "location", "tags", "sku", "properties")  # order shown
    identity: bool = False  # fills principalId, tenantId, clientId of system and user-assigned identities
    required: tuple[Required, ...] = ()
    read_only: tuple[ReadOnly, ...] = ()
    known_properties: frozenset[str] | None = None  # leaves directly under properties; None: anything goes
    unknown_property: Words = Words(
        400, "InvalidRequestContent", "The request content was invalid: unknown property '{leaf}' on '{type}'."
    )
    name_rule: NameRule | None = None
    defaults: JsonObject | Callable[[HookContext], JsonObject] = field(default_factory=dict)
    #   ^ deep-merged under every PUT's body (lists are taken whole); may hold properties and top-level keys
    computed: JsonObject | Callable[[HookContext], JsonObject] = field(default_factory=dict)
    #   ^ server-made values: deep-merged OVER the body on create, and kept as they are on every update
    put_keeps: bool = False  # update PUT: True = what is not sent stays, False = goes back to its default
    keep_on_put: tuple[str, ...] = ()  # dotted paths that stay when an update PUT does not send them
    not_returned: tuple[str, ...] = ()  # accepted and forgotten
    write_only: tuple[str, ...] = ()  # accepted, kept in `resource.private` under the dotted path, never shown
    patch_style: Patch = Patch.MERGE
    provisioning_state: bool = True  # properties.provisioningState exists
    system_data: bool = False
    etag: Etag | None = None
    preconditions: Preconditions = Preconditions.HONOUR
    precondition_exists: Words = Words(412, "PreconditionFailed", "The resource '{name}' exists already.")
    precondition_changed: Words = Words(
        412, "PreconditionFailed", "Precondition failed: the etag of '{name}' does not match the one given."
    )
    busy: Words | None = Words(
        409, "AnotherOperationInProgress", "Another operation on this or dependent resource is in progress."
    )  # a write while an operation runs on the resource; None: writes are accepted (the newer wins)
    busy_scope: str = "self"  # self | children (self and its children) | parent (the parent and all its children)
    not_found: Words | None = None  # None: ARM's ResourceNotFound
    parent_not_found: Words | None = None  # None: ARM's ParentResourceNotFound
    error_envelope: bool = True  # False: errors of this type come without {"error": ...}
    list_by_subscription: bool = True  # tracked types only
    null_at_first: tuple[str, ...] = ()  # leaves of properties that a create's own answer shows as null
    parent_required: bool = True  # False: a PUT does not need the parent to exist (versions of assets bring theirs)
    lister: Callable[[ListContext], list[Resource]] | None = None  # None: what the collection holds
    collection: Callable[[ListContext], Answer] | None = None  # the whole answer where a collection is no list
    list_extra: JsonObject = field(default_factory=dict)  # further keys beside `value`
    id_format: Callable[[str], str] = canonical_id
    permission: str | None = None  # what RBAC actions begin with, when it is not the type's name
    type_shown: str | None = None  # when answers print the type in another way (PrivateEndpointConnections)
    json_type: str = "application/json; charset=utf-8"
    namespace_registered: bool = True  # False: 409 MissingSubscriptionRegistration until registered
    actions: tuple[Action, ...] = ()
    hooks: tuple[Hook, ...] = ()
    variants: tuple[Variant, ...] = ()

    @property
    def namespace(self) -> str:
        return self.name.partition("/")[0]

    @property
    def segments(self) -> tuple[str, ...]:
        """Type segments without the namespace."""
        return tuple(self.name.split("/")[1:])

    @property
    def kind(self) -> Scope:
        return self.scope or (Scope.CHILD if len(self.segments) > 1 else Scope.GROUP)

    @property
    def parent(self) -> str | None:
        """Full type of the parent, None for a top-level type."""
        return self.name.rpartition("/")[0] if len(self.segments) > 1 else None

    def accepts_version(self, version: str) -> bool:
        return any(_compiled(pattern).fullmatch(version) for pattern in self.api_versions)

    def for_version(self, version: str) -> ResourceType:
        """This type as that api-version shows it."""
        return self if not self.variants else _varied(self, version)


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


_VARIED: dict[tuple[int, str], ResourceType] = {}


def _varied(base: ResourceType, version: str) -> ResourceType:
    found = _VARIED.get((id(base), version))
    if found is None:
        found = base
        for variant in base.variants:
            if _compiled(variant.versions).fullmatch(version):
                found = replace(base, variants=(), **dict(variant.changes))
                break
        _VARIED[(id(base), version)] = found
    return found
