"""What a resource type may do beyond its table: hooks, actions and routes, and the engine as they see it.

A hook is a plain function, registered by name in the `hooks` of a `ResourceType`. Names are unique in the whole
simulator and each can be switched off (`POST /simulator/hooks {"name": false}`), which is how a test shows that the
product notices. A hook never sleeps and does no I/O: what comes later is `engine.schedule`d.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

JsonObject = dict[str, Any]


class ArmError(Exception):
    """An error as Azure answers it. Raised by `validate` and `deleting` (refuses the call) and by `completed` (the
    operation ends Failed with it; the resource's provisioningState becomes Failed)."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        target: str | None = None,
        details: tuple[JsonObject, ...] = (),
        envelope: bool = True,
        headers: Mapping[str, str] | None = None,
        info: tuple[JsonObject, ...] = (),
    ) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status, self.code, self.message = status, code, message
        self.target, self.details, self.envelope = target, details, envelope
        self.headers = dict(headers or {})
        self.info = info

    def body(self) -> JsonObject:
        error: JsonObject = {"code": self.code, "message": self.message}
        if self.target is not None:
            error["target"] = self.target
        if self.details:
            error["details"] = list(self.details)
        if self.info:
            error["additionalInfo"] = list(self.info)
        return {"error": error} if self.envelope else error


@dataclass(frozen=True)
class Caller:
    """Who calls: Entra's `oid`, `appid`/`azp` and the kind as systemData and createdBy print them."""

    object_id: str
    client_id: str | None
    name: str
    kind: str  # User | Application | ManagedIdentity
    groups: tuple[str, ...] = ()
    service: bool = False  # the simulator acting as Azure itself: never refused


@dataclass
class Resource:
    """One resource as stored. `body` is what Azure shows: id, name, type, location, tags, properties, ... Change
    it in place only inside hooks, and call `engine.save(resource)` when it is not the hook's own resource.

    `private` is never shown: secrets, write-only properties, whatever a hook must remember. It is kept on update.
    """

    id: str
    type: str
    name: str
    body: JsonObject
    private: JsonObject = field(default_factory=dict)
    etag: str = ""
    version: int = 0
    operation: str | None = None  # the running operation's id
    hidden: bool = False  # accepted, but a GET says 404 until it is done

    @property
    def key(self) -> str:
        return self.id.lower()

    @property
    def properties(self) -> JsonObject:
        properties: JsonObject = self.body.setdefault("properties", {})
        return properties

    @property
    def location(self) -> str:
        return str(self.body.get("location") or "")


class KeyValues(Protocol):
    """JSON values under text keys, kept over restarts."""

    kv: dict[str, Any]

    def set(self, key: str, value: Any) -> None: ...


class EngineApi(Protocol):
    """What hooks may ask of the engine. Ids are matched without regard to case everywhere."""

    tenant_id: str
    seed: str
    scale: float
    base: str  # https://host:port of this process: data planes answer under it

    @property
    def store(self) -> KeyValues:
        """Small tables beside the resources."""
        ...

    def now(self) -> datetime: ...

    def get(self, resource_id: str) -> Resource | None:
        """The stored resource (also one that is still being created), not a copy."""
        ...

    def children(self, resource_id: str, resource_type: str | None = None) -> list[Resource]:
        """Direct children, in order of creation; `resource_type` is the full type (`Microsoft.Network/x/y`)."""
        ...

    def extensions(self, scope_id: str, resource_type: str) -> list[Resource]:
        """Extension resources set exactly at this scope."""
        ...

    def all_of(self, resource_type: str, under: str = "") -> list[Resource]:
        """Every resource of a type whose id starts with `under` (a subscription, a group)."""
        ...

    def put(
        self, resource_id: str, body: JsonObject, *, state: str = "Succeeded", as_request: bool = False
    ) -> Resource:
        """Create or replace at once, with no authorisation and no operation. Defaults, computed values, etag and
        `read` hooks apply. With `as_request` the hooks validate, accepted and completed run as well (all at once)."""
        ...

    def save(self, resource: Resource) -> None:
        """After changing another resource in place: new etag, written through."""
        ...

    def delete(self, resource_id: str) -> None:
        """Remove at once with everything under it; `deleted` hooks run for each. No error when absent."""
        ...

    def schedule(self, seconds: float, event: str, resource_id: str, data: JsonObject | None = None) -> None:
        """Run the hook of phase EVENT named `event` after `seconds` (at scale 1). Survives a restart. When the
        resource is gone by then `ctx.resource` is None-like: the hook is skipped."""
        ...

    def emit(self, topic: str, event_type: str, subject: str, data: JsonObject) -> None:
        """An event of a resource, for whoever subscribed to it. `topic` is the resource's id."""
        ...

    def record(self, resource_id: str, table: str, row: JsonObject) -> None:
        """A row of a resource's log, for the Log Analytics workspaces that its diagnostic settings name.
        `TimeGenerated` and `_ResourceId` are filled in."""
        ...

    def handshake(self, subscription_id: str) -> None:
        """Have the endpoint of an event subscription asked whether it wants its events."""
        ...

    def guid(self, *parts: str) -> str:
        """A GUID that depends on the seed and the parts only."""
        ...

    def digits(self, *parts: str, length: int = 16, alphabet: str = "0123456789abcdef") -> str: ...

    def allocate_ip(self, subnet_id: str, owner: str) -> str:
        """A free address of the subnet's first prefix, derived from (seed, subnet, owner); the same one until it is
        released. Where two owners want the same one, the second gets the next. Raises ArmError SubnetIsFull."""
        ...

    def release_ip(self, subnet_id: str, owner: str) -> None: ...

    def create_principal(self, resource_id: str, *, client_id: str | None = None) -> tuple[str, str]:
        """(principalId, clientId) of a new service principal for an identity; idempotent. It takes a few seconds
        to replicate: until then a role assignment for it answers PrincipalNotFound."""
        ...

    def delete_principal(self, resource_id: str) -> None: ...

    def grant(self, scope: str, role_definition_guid: str, principal_id: str) -> None:
        """A role assignment made by Azure itself (idempotent for the triple)."""
        ...

    def may(self, caller: Caller, permission: str, scope: str) -> bool:
        """Whether the caller's role assignments allow `permission` (a control-plane action) at `scope`. For linked
        access checks: a private endpoint asks `.../privateEndpointConnectionsApproval/action` on its target."""
        ...

    def hook_on(self, name: str) -> bool: ...


@dataclass
class HookContext:
    """`resource` is the stored state after the change (in `validate`: as it would become, not stored yet);
    `request` the body that was sent ({} for DELETE and events); `previous` the body before (None on create)."""

    engine: EngineApi
    resource: Resource
    request: JsonObject
    previous: JsonObject | None
    caller: Caller
    api_version: str
    method: str = "PUT"
    data: JsonObject = field(default_factory=dict)  # of an event
    body: JsonObject = field(default_factory=dict)  # phase READ: the answer, a copy of the two top levels
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)  # of a PUT or PATCH; names are lower-case

    @property
    def creating(self) -> bool:
        return self.previous is None


class Phase(StrEnum):
    VALIDATE = "validate"  # before PUT/PATCH is accepted: raise ArmError to refuse. Must not change anything
    ACCEPTED = "accepted"  # stored, operation started: may change ctx.resource, create children
    COMPLETED = "completed"  # the operation is about to succeed: may change ctx.resource, raise ArmError to fail it
    DELETING = "deleting"  # before DELETE is accepted: raise ArmError to refuse
    DELETE_ACCEPTED = "delete-accepted"  # the delete operation has started (synchronous deletes too)
    DELETED = "deleted"  # it is gone from the store; ctx.resource is what it was
    READ = "read"  # any GET, list item or PUT answer: change ctx.body. Properties is a shallow copy: do not
    #                mutate what lies deeper, replace it. Must be quick
    EVENT = "event"  # engine.schedule(...) came due; save is done by the engine


@dataclass(frozen=True)
class Hook:
    phase: Phase
    name: str  # kebab-case, unique: "peering-connects-when-twin-exists". One name may serve several phases
    run: Callable[[HookContext], None]


@dataclass(frozen=True)
class Answer:
    """Of an action or a route. `body` None = empty."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Action:
    """`POST {resource}/{name}` (listKeys, diagnose, ...) or, with method GET, a read-only sub-path that is no
    resource (privateLinkResources). `permission` defaults to `{type}/{name}/action` or `/read` for GET."""

    name: str
    run: Callable[[HookContext], Answer]
    method: str = "POST"
    permission: str | None = None
    long: Any = None  # an `Lro`: answered 202 in that style; `run`'s answer is what Location gives at the end


@dataclass(frozen=True)
class RouteContext:
    engine: EngineApi
    caller: Caller
    method: str
    path: str
    params: Mapping[str, str]  # the pattern's named groups
    query: Mapping[str, str]
    request: JsonObject
    api_version: str
    base: str = ""  # https://host:port as the caller wrote it


@dataclass(frozen=True)
class Route:
    """A path that is no resource and no action: `/subscriptions/{s}/providers/Microsoft.KeyVault/deletedVaults`.
    `pattern` is a template with {names}; one name is one path segment. Authorised at `scope` (a template)."""

    method: str
    pattern: str
    permission: str
    run: Callable[[RouteContext], Answer]
    scope: str = "/subscriptions/{s}"
    long: Any = None


def hooks_by_phase(hooks: Iterable[Hook]) -> dict[Phase, tuple[Hook, ...]]:
    found: dict[Phase, list[Hook]] = {}
    for hook in hooks:
        found.setdefault(hook.phase, []).append(hook)
    return {phase: tuple(some) for phase, some in found.items()}
