"""Azure in a dictionary: ``ResourceReader`` and ``ResourceWriter`` with long operations, errors and a kill switch.

Deterministic; time is the running loop's (``tests.support.virtual_time``). What it checks is what ticks rely on:
parents exist, one write per resource at a time, a grant once per (scope, role, principal), nothing polled too early.
"""

from __future__ import annotations

import asyncio
import builtins
import copy
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from controlplane.arm import fold, is_within, parent_of, type_of
from controlplane.errors import Conflict, ControlPlaneError, Fatal, Rejected, Transient
from controlplane.json_types import JsonObject
from controlplane.ports.reader import OperationReading
from controlplane.ports.writer import Accepted
from tests.support.fake_azure_parts import GROUP, NET, ROLES, STYLES, Call, Fault, RunningOperation, Style
from tests.support.fake_quotas import quotas_of, set_quota
from tests.support.kill_switch import KillSwitch


@dataclass
class FakeAzure:
    """Resources by folded id. ``retry_after`` seconds between polls, ``latency`` seconds per call."""

    switch: KillSwitch = field(default_factory=KillSwitch)
    retry_after: float = 10.0
    latency: float = 0.01
    replication: float = 0.0
    """Seconds until a new principal may be granted roles."""
    read_lag: float = 0.0
    """Seconds after its making during which a resource is not shown."""
    resources: dict[str, dict[str, Any]] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    created: Counter[str] = field(default_factory=Counter)
    early_polls: int = 0
    faults: list[Fault] = field(default_factory=list)
    doomed: list[tuple[str, str, str]] = field(default_factory=list)
    """(part of an id, code, message): the next operation on it fails so."""
    when_made: dict[str, Callable[[FakeAzure, dict[str, Any]], None]] = field(default_factory=dict)
    """Folded type → called when a resource of it is finished."""
    operations: dict[str, RunningOperation] = field(default_factory=dict)
    forget_operations: bool = False
    """Operation URLs answer 404."""
    _due: list[tuple[float, Callable[[], None]]] = field(default_factory=list)
    _born: dict[str, float] = field(default_factory=dict)
    _locks: dict[str, float] = field(default_factory=dict)
    _finished: dict[str, float] = field(default_factory=dict)

    # -- reading ---------------------------------------------------------------------------------------------------

    async def get(self, path: str, api_version: str) -> JsonObject | None:
        _require_path(path)
        await self._call("GET", path)
        return self._shown(fold(path))

    async def list(self, path: str, api_version: str, query: Sequence[tuple[str, str]] = ()) -> tuple[JsonObject, ...]:
        _require_path(path)
        await self._call("LIST", path)
        wanted = fold(path)
        scope, _, collection = wanted.rpartition("/")
        if collection == "resources" and "/providers/" not in wanted:
            found = [i for i in self.resources if is_within(i, scope) and fold(parent_of(i) or "") == scope]
            found = [i for i in found if fold(type_of(i)) != ROLES]
        elif wanted.endswith(ROLES):
            scope = wanted.removesuffix("/providers/" + ROLES)
            found = [i for i in self.resources if fold(type_of(i)) == ROLES and i.startswith(scope)]
        elif wanted.endswith("/quotas"):
            found = quotas_of(self.resources, wanted)
        else:
            found = [i for i in self.resources if i.rpartition("/")[0] == wanted]
        shown = (self._shown(arm_id) for arm_id in sorted(found))
        return tuple(body for body in shown if body is not None)

    async def first(self, path: str, api_version: str, query: Sequence[tuple[str, str]] = ()) -> tuple[JsonObject, ...]:
        """Of jobs: those that the schedule asked for has started (``schedule`` of what was planted)."""
        asked = dict(query).get("scheduleId")
        found = await self.list(path, api_version, query)
        return tuple(one for one in found if asked is None or one.get("schedule") == asked)

    async def operation(self, url: str) -> OperationReading:
        call = await self._call("POLL", url)
        running = self.operations.get(url)
        if running is None or self.forget_operations:
            return OperationReading("Gone")
        now = self._now()
        if now < running.next_poll - 1e-6:
            self.early_polls += 1
            call.status = "early"
        running.next_poll = now + self.retry_after
        if now < running.ends_at:
            return OperationReading("InProgress", retry_after=self.retry_after)
        if running.error is not None:
            return OperationReading("Failed", code=running.error[0], message=running.error[1], correlation_id="corr")
        return OperationReading("Succeeded")

    # -- writing ---------------------------------------------------------------------------------------------------

    async def put(self, arm_id: str, api_version: str, body: JsonObject) -> Accepted:
        call = await self._call("PUT", arm_id)
        try:
            async with self.switch.point(f"PUT {arm_id}"):
                answer = self._put(arm_id, body)
            self._fault("PUT", arm_id, after=True)
            return answer
        except ControlPlaneError as error:
            call.status = error.code
            raise

    async def patch(self, arm_id: str, api_version: str, body: JsonObject) -> Accepted:
        call = await self._call("PATCH", arm_id)
        try:
            async with self.switch.point(f"PATCH {arm_id}"):
                if fold(arm_id) not in self.resources:
                    raise Rejected("ResourceNotFound", arm_id, status=404)
                _merge(self.resources[fold(arm_id)], body)
            self._fault("PATCH", arm_id, after=True)
            return Accepted(200)
        except ControlPlaneError as error:
            call.status = error.code
            raise

    async def act(self, arm_id: str, action: str, api_version: str, body: JsonObject | None = None) -> Accepted:
        """``stop`` and ``start`` of a compute instance, quotas of a location; other actions change nothing."""
        call = await self._call("POST", f"{arm_id}/{action}")
        try:
            async with self.switch.point(f"POST {arm_id}/{action}"):
                if action == "updateQuotas":
                    value = [set_quota(self.resources, wish) for wish in (body or {})["value"]]
                    self._fault("POST", arm_id, after=True)
                    return Accepted(200, {"value": value})
                found = self.resources.get(fold(arm_id))
                if found is None:
                    raise Rejected("ResourceNotFound", arm_id, status=404)
                if action in ("stop", "start"):
                    state = "Stopped" if action == "stop" else "Running"
                    _merge(found, {"properties": {"properties": {"state": state}}})
            self._fault("POST", arm_id, after=True)
            return Accepted(202)
        except ControlPlaneError as error:
            call.status = error.code
            raise

    async def delete(self, arm_id: str, api_version: str) -> Accepted | None:
        call = await self._call("DELETE", arm_id)
        try:
            async with self.switch.point(f"DELETE {arm_id}"):
                answer = self._delete(arm_id)
            self._fault("DELETE", arm_id, after=True)
            return answer
        except ControlPlaneError as error:
            call.status = error.code
            raise

    # -- what tests do to it -----------------------------------------------------------------------------------------

    def fail(
        self, method: str, contains: str, error: Callable[[], ControlPlaneError], times: int = 1, *, after: bool = False
    ) -> None:
        """The next matching calls raise."""
        self.faults.append(Fault(method, contains.lower(), error, times, after))

    def lose_answer(self, method: str, contains: str) -> None:
        """The next matching write takes effect, and its answer is lost."""
        self.fail(method, contains, lambda: Transient("ConnectionLost", "gone", retry_after=1.0), after=True)

    def writes(self) -> builtins.list[str]:
        """``PUT <id>`` and ``DELETE <id>`` that took effect, in order."""
        return [f"{c.method} {c.path}" for c in self.calls if c.method in ("PUT", "DELETE") and c.status == "ok"]

    def body(self, contains: str) -> dict[str, Any]:
        """The one resource whose id ends so, to be looked at or changed behind the product's back."""
        self._settle()
        (found,) = [r for i, r in self.resources.items() if i.endswith(contains.lower())]
        return found

    def final(self) -> dict[str, dict[str, Any]]:
        """Every resource as shown when all is done; two runs can be compared."""
        self._settle()
        return {arm_id: copy.deepcopy(self.resources[arm_id]) for arm_id in sorted(self.resources)}

    def plant(self, arm_id: str, **body: Any) -> None:
        """Somebody else's resource."""
        self.resources[fold(arm_id)] = {"id": arm_id, "name": arm_id.rpartition("/")[2], **body}

    def later(self, seconds: float, effect: Callable[[], None]) -> None:
        """Something that Azure does by itself after a while."""
        self._due.append((self._now() + seconds, effect))

    # -- inside --------------------------------------------------------------------------------------------------------

    async def _call(self, method: str, path: str) -> Call:
        self.switch.check()
        await asyncio.sleep(self.latency)
        self.switch.check()
        call = Call(method, path, self._now())
        self.calls.append(call)
        self._settle()
        try:
            self._fault(method, path, after=False)
        except ControlPlaneError as error:
            call.status = error.code
            raise
        return call

    def _fault(self, method: str, path: str, *, after: bool) -> None:
        for fault in self.faults:
            if fault.after is after and fault.meets(method, path):
                fault.times -= 1
                raise fault.error()

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def _settle(self) -> None:
        """Does what is due by now, in order of time."""
        while True:
            due = [item for item in self._due if item[0] <= self._now() + 1e-9]
            if not due:
                return
            first = min(due, key=lambda item: item[0])
            self._due.remove(first)
            first[1]()

    def _shown(self, arm_id: str) -> dict[str, Any] | None:
        found = self.resources.get(arm_id)
        if found is None:
            return None
        if self._now() < self._finished.get(arm_id, 0.0) + self.read_lag:
            return None
        body = copy.deepcopy(found)
        if fold(type_of(arm_id)) == NET + "virtualnetworks":
            for child in ("subnets", "virtualNetworkPeerings"):
                inside = [i for i in self.resources if i.rpartition("/")[0] == f"{arm_id}/{child.lower()}"]
                body["properties"][child] = [copy.deepcopy(self.resources[i]) for i in sorted(inside)]
        return body

    def _put(self, arm_id: str, body: JsonObject) -> Accepted:
        key, kind = fold(arm_id), fold(type_of(arm_id))
        self._require_parent(key, kind)
        self._require_free(key)
        if kind == ROLES:
            self._require_grantable(key, body)
        new = key not in self.resources
        style = STYLES.get(kind, Style())
        if new:
            self.created[key] += 1
            self._born[key] = self._now()
        stored = self.resources.setdefault(key, {"id": arm_id, "name": arm_id.rpartition("/")[2], "type": kind})
        stored.update(copy.deepcopy(dict(body)))
        stored["properties"] = dict(stored.get("properties") or {})
        if (stored.get("identity") or {}).get("type") == "SystemAssigned":
            stored["identity"] = {"type": "SystemAssigned", "principalId": str(uuid.uuid5(uuid.NAMESPACE_URL, key))}
        if kind == ROLES:
            stored["properties"]["scope"] = arm_id.partition("/providers/Microsoft.Authorization")[0]
        seconds = style.create if new else style.update
        return self._begin(stored, style, seconds, lambda: self._made(stored), 201 if new else 200)

    def _begin(
        self, stored: dict[str, Any], style: Style, seconds: float, finish: Callable[[], None], status: int
    ) -> Accepted:
        key = fold(stored["id"])
        doom = next((d for d in self.doomed if d[0].lower() in key), None)
        if seconds == 0 and doom is None:
            finish()
            return Accepted(status, copy.deepcopy(stored))
        stored["properties"]["provisioningState"] = "Creating" if status == 201 else "Updating"
        self._locks[key] = self._now() + seconds
        if doom is not None:
            self.doomed.remove(doom)
            self.later(seconds, lambda: stored["properties"].update(provisioningState="Failed"))
        else:
            self.later(seconds, finish)
        if style.kind == "state":
            return Accepted(status, copy.deepcopy(stored))
        url = f"https://arm.test/operations/{len(self.operations) + 1}"
        now = self._now()
        error = (doom[1], doom[2]) if doom else None
        self.operations[url] = RunningOperation(key, now + seconds, now + self.retry_after, error)
        return Accepted(status, copy.deepcopy(stored), url, self.retry_after, "corr-1")

    def _made(self, stored: dict[str, Any]) -> None:
        key = fold(stored["id"])
        kind, properties = fold(type_of(key)), stored["properties"]
        self._finished.setdefault(key, self._now())
        if kind not in (ROLES, "microsoft.insights/diagnosticsettings"):
            properties["provisioningState"] = "Succeeded"
        if kind == NET + "privateendpoints":
            for connection in properties.get("privateLinkServiceConnections") or ():
                connection.setdefault("properties", {})["privateLinkServiceConnectionState"] = {"status": "Approved"}
            properties["customDnsConfigs"] = [{"fqdn": "x.test", "ipAddresses": ["10.0.0.4"]}]
        if kind == NET + "privatednszones/virtualnetworklinks":
            properties["virtualNetworkLinkState"] = "Completed"
        if kind == NET + "virtualnetworks/virtualnetworkpeerings":
            self._peer(stored)
        if kind in self.when_made:
            self.when_made[kind](self, stored)

    def _peer(self, stored: dict[str, Any]) -> None:
        mine = fold(stored["id"]).rpartition("/virtualnetworkpeerings/")[0]
        far = fold(stored["properties"]["remoteVirtualNetwork"]["id"])
        twins = [
            r
            for i, r in self.resources.items()
            if i.startswith(far + "/virtualnetworkpeerings/")
            and fold(r["properties"]["remoteVirtualNetwork"]["id"]) == mine
        ]
        stored["properties"]["peeringState"] = "Connected" if twins else "Initiated"
        for twin in twins:
            twin["properties"]["peeringState"] = "Connected"

    def _delete(self, arm_id: str) -> Accepted | None:
        key, kind = fold(arm_id), fold(type_of(arm_id))
        if key not in self.resources:
            return None
        self._require_free(key)
        # "By deleting the endpoint, you also delete all its underlying deployments": deploy and score with an endpoint.
        nested = not kind.endswith("endpoints") or kind == NET + "privateendpoints"
        if nested and any(i.startswith(key + "/") and fold(type_of(i)).startswith(kind + "/") for i in self.resources):
            raise Conflict("CannotDeleteResource", "Nested resources exist.")
        seconds = STYLES.get(kind, Style()).delete

        def vanish() -> None:
            for inner in [i for i in self.resources if is_within(i, key)]:
                del self.resources[inner]

        if seconds == 0:
            vanish()
            return Accepted(200)
        self.resources[key].setdefault("properties", {})["provisioningState"] = "Deleting"
        self._locks[key] = self._now() + seconds
        self.later(seconds, vanish)
        url = f"https://arm.test/operations/{len(self.operations) + 1}"
        self.operations[url] = RunningOperation(key, self._now() + seconds, self._now() + self.retry_after)
        return Accepted(202, None, url, self.retry_after)

    def _require_parent(self, key: str, kind: str) -> None:
        parent = parent_of(key)
        if parent is not None and fold(parent).endswith("services/default"):
            # Blob and file services are there with their account.
            parent = parent_of(parent)
        if kind == GROUP or parent is None or fold(parent) in self.resources:
            return
        code = "ResourceGroupNotFound" if "/providers/" not in parent else "ParentResourceNotFound"
        raise Rejected(code, f"{parent} could not be found.", status=404)

    def _require_free(self, key: str) -> None:
        if self._locks.get(key, 0.0) > self._now() + 1e-9:
            raise Conflict("AnotherOperationInProgress", "Another operation on this resource is in progress.")

    def _require_grantable(self, key: str, body: JsonObject) -> None:
        properties = body["properties"]
        principal, role = properties["principalId"], fold(properties["roleDefinitionId"])
        scope = key.partition("/providers/microsoft.authorization")[0]
        for other, found in self.resources.items():
            if fold(type_of(other)) != ROLES or other == key:
                continue
            has = found["properties"]
            if (fold(has["scope"]), fold(has["roleDefinitionId"]), has["principalId"]) == (scope, role, principal):
                raise Conflict("RoleAssignmentExists", "The role assignment already exists.")
        holder = next((i for i in self._born if str(uuid.uuid5(uuid.NAMESPACE_URL, i)) == principal), None)
        if holder is None or self._now() < self._born[holder] + self.replication:
            raise Rejected("PrincipalNotFound", f"Principal {principal} does not exist.", status=400)


def _merge(found: dict[str, Any], changes: JsonObject) -> None:
    """RFC 7396, without removals."""
    for key, value in changes.items():
        if isinstance(value, dict) and isinstance(found.get(key), dict):
            _merge(found[key], value)
        else:
            found[key] = value


def _require_path(path: str) -> None:
    """As ``azure.arm_client``: what could reach anything but itself is not asked."""
    if not path.startswith("/") or {"", ".", ".."} & set(path[1:].rstrip("/").split("/")):
        raise Fatal("UnexpectedPath", f"Not an absolute resource path: {path!r}")
