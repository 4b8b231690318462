"""The engine: state, time, and what hooks may ask of it (`EngineApi`). Verbs are in writes.py and reads.py."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from simulator.engine import assets, operations, values, words
from simulator.engine.activity import Activity
from simulator.engine.arm_traffic import ArmTraffic
from simulator.engine.declaration import ResourceType
from simulator.engine.finishing import finish
from simulator.engine.hooks import Caller, Hook, HookContext, JsonObject, Phase, Resource, hooks_by_phase
from simulator.engine.operations import Operation, Operations
from simulator.engine.outbox import Event, Outbox, Row
from simulator.engine.registry import Registry
from simulator.engine.shape import settle_body, show
from simulator.engine.store import Store
from simulator.engine.switches import Switches

if TYPE_CHECKING:
    from simulator.billing.ledger import Ledger

AZURE = Caller("00000000-0000-0000-0000-000000000000", None, "Azure", "Application", service=True)


# Namespaces that exist in Azure and that no subscription has registered to begin with.
ROLE_DEFINITIONS = "/providers/microsoft.authorization/roledefinitions/"
UNREGISTERED = ["microsoft.openenergyplatform", "microsoft.quantum"]


class Authority(Protocol):
    """Who may do what: role assignments, as the authorization plane evaluates them."""

    def may(self, caller: Caller, permission: str, scope: str) -> bool: ...

    def require_subscription(self, caller: Caller, subscription: str) -> None:
        """Raises SubscriptionNotFound for one that does not exist or that the caller cannot see."""
        ...


class Directory(Protocol):
    """What the engine needs of Entra ID."""

    def create_identity(self, resource_id: str, client_id: str | None) -> tuple[str, str]: ...
    def delete_identity(self, resource_id: str) -> None: ...


class Engine:
    """One simulated Azure Resource Manager. Not thread-safe: everything runs on one event loop."""

    def __init__(self, registry: Registry, store: Store, *, seed: str, scale: float, tenant_id: str) -> None:
        self.registry, self.store = registry, store
        self.seed, self.scale, self.tenant_id = seed, scale, tenant_id
        self.base = "https://localhost:8443"
        self.locations: tuple[str, ...] = ()
        self.directory: Directory
        self.authority: Authority
        self.ledger: Ledger
        self.arm_traffic = ArmTraffic()
        self.page_size = 1000
        self.outbox = Outbox()
        self.switches = Switches(registry, store)
        self.clock: Callable[[], float] = time.time
        self._moment: float | None = None
        self._phases: dict[int, dict[Phase, tuple[Hook, ...]]] = {}
        self._rtypes: list[ResourceType] = []  # keeps varied types alive, so that their id() stays theirs
        self._heap: list[tuple[float, int]] = []
        self.load()

    def load(self) -> None:
        """Take operations and events up from the store."""
        self.operations, self.activity = Operations(self), Activity(self)
        self._heap = [(event["due"], int(key[6:])) for key, event in self.store.kv.items() if key.startswith("event:")]
        heapq.heapify(self._heap)

    # Time.

    def time(self) -> float:
        """Seconds since the epoch: while an event runs, the moment it was due."""
        return self._moment if self._moment is not None else self.clock()

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.time(), UTC)

    def settle(self) -> None:
        """Run everything that has come due, in order."""
        while self._heap and self._heap[0][0] <= self.clock():
            due, number = heapq.heappop(self._heap)
            event = self.store.kv.get(f"event:{number}")
            if event is None:
                continue
            self.store.unset(f"event:{number}")
            self._moment = due
            try:
                self._run_event(event)
            finally:
                self._moment = None

    def next_due(self) -> float | None:
        return self._heap[0][0] if self._heap else None

    def _run_event(self, event: JsonObject) -> None:
        if event["kind"] == "operation":
            operation = self.operations.get(event["id"])
            if operation is not None and operation.status == operations.RUNNING:
                finish(self, operation)
            return
        resource = self.get(event["resource"])
        if resource is None:
            return
        rtype = self.registry.type(resource.type)
        ctx = HookContext(self, resource, {}, resource.body, AZURE, "", method="EVENT", data=event["data"])
        for hook in self.hooks(rtype, Phase.EVENT):
            if hook.name == event["event"] and self.hook_on(hook.name):
                hook.run(ctx)
                if self.get(resource.id) is resource:
                    self.save(resource)

    def _push(self, due: float, event: JsonObject) -> None:
        number = self.count("events")
        self.store.set(f"event:{number}", {**event, "due": due})
        heapq.heappush(self._heap, (due, number))

    def schedule_end(self, operation: Operation) -> None:
        self._push(operation.due, {"kind": "operation", "id": operation.id})

    def schedule(self, seconds: float, event: str, resource_id: str, data: JsonObject | None = None) -> None:
        due = self.time() + seconds / self.scale
        self._push(due, {"kind": "hook", "event": event, "resource": resource_id, "data": data or {}})

    def retry_headers(self, seconds: float) -> dict[str, str]:
        """At scale 1 whole seconds in `Retry-After`, above it only the exact milliseconds."""
        if self.scale == 1:
            return {"retry-after": str(max(1, round(seconds)))}
        return {"x-ms-retry-after-ms": f"{seconds * 1000 / self.scale:g}"}

    # Events.

    def emit(self, topic: str, event_type: str, subject: str, data: JsonObject) -> None:
        event_id = self.guid("event", topic.lower(), event_type, str(self.count(f"emitted:{topic.lower()}")))
        self.outbox.events.append(Event(event_id, topic, event_type, subject, values.clone(data), self.now()))

    def record(self, resource_id: str, table: str, row: JsonObject) -> None:
        kept = {**values.clone(row), "_ResourceId": resource_id.lower()}
        self.outbox.rows.append(Row(resource_id, table, kept, self.now()))

    def handshake(self, subscription_id: str) -> None:
        self.outbox.handshakes.append(subscription_id)

    # Values that depend on the seed.

    def guid(self, *parts: str) -> str:
        return values.guid(self.seed, *parts)

    def digits(self, *parts: str, length: int = 16, alphabet: str = "0123456789abcdef") -> str:
        return values.digits(self.seed, *parts, length=length, alphabet=alphabet)

    def count(self, key: str) -> int:
        """1, 2, 3, ... per key, over restarts."""
        number = int(self.store.kv.get(f"count:{key}", 0)) + 1
        self.store.set(f"count:{key}", number)
        return number

    # Resources.

    def get(self, resource_id: str) -> Resource | None:
        key = resource_id.rstrip("/").lower()
        found = self.store.resources.get(key)
        if found is None and ROLE_DEFINITIONS in key:
            # Built-in roles live at the tenant and are found under every scope.
            return self.store.resources.get(ROLE_DEFINITIONS + key.rpartition("/")[2])
        return found

    def children(self, resource_id: str, resource_type: str | None = None) -> list[Resource]:
        wanted = resource_type.lower() if resource_type else None
        return [r for r in self.store.children(resource_id) if wanted is None or r.type.lower() == wanted]

    def extensions(self, scope_id: str, resource_type: str) -> list[Resource]:
        return self.children(scope_id, resource_type)

    def all_of(self, resource_type: str, under: str = "") -> list[Resource]:
        prefix = under.rstrip("/").lower()
        found = self.store.of_type(resource_type)
        return [r for r in found if r.key.startswith(prefix + "/") or r.key == prefix] if prefix else found

    def location_near(self, resource_id: str) -> str:
        """Location of the nearest ancestor that has one: operations of child resources live there."""
        current = resource_id
        while current:
            resource = self.get(current)
            if resource is not None and resource.location:
                return resource.location
            current = current.rpartition("/")[0]
        return ""

    def renew(self, resource: Resource) -> None:
        """New version and etag, written through."""
        resource.version += 1
        resource.etag = self.guid("etag", resource.key, str(self.count(f"etag:{resource.key}")))
        self.store.touch(resource)

    def save(self, resource: Resource) -> None:
        self.renew(resource)

    def put(
        self, resource_id: str, body: JsonObject, *, state: str = "Succeeded", as_request: bool = False
    ) -> Resource:
        target = self.registry.resolve(resource_id, "PUT", "", self.stored_id)
        rtype = target.type
        existing = self.get(target.id)
        previous = existing.body if existing is not None else None
        private = existing.private if existing is not None else {}
        resource = Resource(target.id, rtype.name, target.name, values.clone(body), private)
        ctx = HookContext(self, resource, body, previous, AZURE, "")
        settle_body(self, rtype, ctx)
        if rtype.identity:
            self.fill_identity(resource, previous)
        if as_request:
            self.run(Phase.VALIDATE, rtype, ctx)
        if rtype.provisioning_state:
            resource.properties["provisioningState"] = state
        if existing is not None:
            existing.body, existing.private = resource.body, resource.private
            ctx.resource = resource = existing
        self.store.add(resource, target.scope)
        if as_request:
            self.run(Phase.ACCEPTED, rtype, ctx)
            self.run(Phase.COMPLETED, rtype, ctx)
        self.renew(resource)
        return resource

    def stored_id(self, folded: str) -> str | None:
        found = self.store.resources.get(folded)
        return found.id if found is not None else None

    def delete(self, resource_id: str) -> None:
        resource = self.get(resource_id)
        if resource is not None:
            self.remove(resource, AZURE, "")

    def remove(self, resource: Resource, caller: Caller, version: str) -> None:
        """Take a resource and everything under it out, innermost first."""
        for below in self.store.children(resource.id):
            self.remove(below, caller, version)
        if self.store.remove(resource.key) is None:
            return
        rtype = self.registry.type(resource.type)
        if rtype.identity:
            self.delete_principal(resource.id)
        self.run(Phase.DELETED, rtype, HookContext(self, resource, {}, resource.body, caller, version, "DELETE"))

    # Hooks.

    def hooks(self, rtype: ResourceType, phase: Phase) -> tuple[Hook, ...]:
        found = self._phases.get(id(rtype))
        if found is None:
            found = self._phases[id(rtype)] = hooks_by_phase(rtype.hooks)
            self._rtypes.append(rtype)
        return found.get(phase, ())

    def run(self, phase: Phase, rtype: ResourceType, ctx: HookContext) -> None:
        for hook in self.hooks(rtype, phase):
            if self.hook_on(hook.name):
                hook.run(ctx)

    def hook_on(self, name: str) -> bool:
        return self.switches.on(name)

    def shown(self, resource: Resource, rtype: ResourceType) -> JsonObject:
        """What a GET prints, READ hooks applied."""
        body = show(resource, rtype)
        readers = self.hooks(rtype, Phase.READ)
        if readers:
            ctx = HookContext(self, resource, {}, resource.body, AZURE, "", "GET", body=body)
            for hook in readers:
                if self.hook_on(hook.name):
                    hook.run(ctx)
            return ctx.body
        return body

    # Addresses, identities, rights.

    def allocate_ip(self, subnet_id: str, owner: str) -> str:
        return assets.allocate_ip(self, subnet_id, owner)

    def release_ip(self, subnet_id: str, owner: str) -> None:
        assets.release_ip(self, subnet_id, owner)

    def create_principal(self, resource_id: str, *, client_id: str | None = None) -> tuple[str, str]:
        return self.directory.create_identity(resource_id, client_id)

    def delete_principal(self, resource_id: str) -> None:
        self.directory.delete_identity(resource_id)

    def grant(self, scope: str, role_definition_guid: str, principal_id: str, condition: str | None = None) -> None:
        assets.grant(self, scope, role_definition_guid, principal_id, condition)

    def fill_identity(self, resource: Resource, previous: JsonObject | None) -> None:
        assets.fill_identity(self, resource, previous)

    def may(self, caller: Caller, permission: str, scope: str) -> bool:
        return caller.service or self.authority.may(caller, permission, scope)

    def check_locks(self, resource_id: str, action: str) -> None:
        """Raises ScopeLocked when a lock forbids `delete` (any lock here, above or below) or `write` (a ReadOnly
        lock here or above)."""
        lowered = resource_id.lower()
        if "/providers/microsoft.authorization/locks/" in lowered:
            return
        for lock in self.store.of_type("Microsoft.Authorization/locks"):
            scope = lock.id.rpartition("/providers/")[0].lower()
            here = lowered == scope or lowered.startswith(scope + "/")
            if action == "delete":
                here = here or scope.startswith(lowered + "/")
            elif lock.properties.get("level") != "ReadOnly":
                continue
            if here:
                raise words.scope_locked(resource_id, action, scope)

    def is_registered(self, subscription: str, namespace: str) -> bool:
        """Whether a subscription may use a resource provider."""
        off = self.store.kv.get(f"unregistered:{subscription.lower()}", UNREGISTERED)
        return namespace.lower() not in off
