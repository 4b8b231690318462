"""Who may do what: role assignments evaluated for every call, with scope inheritance, wildcards and conditions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from simulator.engine import words
from simulator.engine.hooks import Caller, JsonObject, Resource
from simulator.planes.authority_scopes import above as above
from simulator.planes.authority_scopes import management_groups as management_groups
from simulator.planes.conditions import Facts, holds
from simulator.planes.denials import DENIALS, denied
from simulator.planes.extensions import scope_of
from simulator.planes.roles import BY_GUID, Role

if TYPE_CHECKING:
    from simulator.engine.core import Engine

ASSIGNMENTS = "Microsoft.Authorization/roleAssignments"
DEFINITIONS = "Microsoft.Authorization/roleDefinitions"
ELIGIBILITIES = "Microsoft.Authorization/roleEligibilityScheduleInstances"
ACTIVATES = "Microsoft.Authorization/roleAssignmentScheduleRequests/write"
GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class Grant:
    """One assignment, prepared: folded scope, its role, its condition."""

    __slots__ = ("condition", "role", "scope")

    def __init__(self, scope: str, role: Role, condition: str | None) -> None:
        self.scope, self.role, self.condition = scope, role, condition


#: What Azure publishes to everybody who signs in: built-in definitions and initiatives of Azure Policy.
BUILT_IN_POLICIES = (
    "/providers/microsoft.authorization/policydefinitions/",
    "/providers/microsoft.authorization/policysetdefinitions/",
)


class Rights:
    """The engine's `Authority`. Decisions are remembered until an assignment or definition changes."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._revision: tuple[int, ...] = ()
        self._grants: dict[str, list[Grant]] = {}
        self._decided: dict[tuple[str, tuple[str, ...], str, str], bool] = {}
        self._asked: dict[tuple[str, bool], set[str]] = {}

    def asked_for(self, principal: str) -> dict[str, frozenset[str]]:
        """Actions that a principal needed, `used` where it had them and `refused` where not: what its role is held
        against."""
        return {
            how: frozenset(self._asked.get((principal, allowed), ()))
            for how, allowed in (("used", True), ("refused", False))
        }

    def _record(self, caller: Caller, permission: str, allowed: bool) -> bool:
        self._asked.setdefault((caller.object_id, allowed), set()).add(permission)
        return allowed

    def _refresh(self) -> None:
        revision = tuple(self.engine.store.revision(one) for one in (ASSIGNMENTS, DEFINITIONS, DENIALS))
        if revision == self._revision:
            return
        self._revision = revision
        self._grants, self._decided = {}, {}
        for assignment in self.engine.store.of_type(ASSIGNMENTS):
            found = assignment.properties
            role = self.role(str(found.get("roleDefinitionId", "")))
            if role is not None:
                grant = Grant(scope_of(assignment.id).lower(), role, found.get("condition"))
                self._grants.setdefault(str(found.get("principalId")), []).append(grant)

    def role(self, definition_id: str) -> Role | None:
        """A built-in role, or a custom one that exists."""
        guid = definition_id.rpartition("/")[2].lower()
        if guid in BY_GUID:
            return BY_GUID[guid]
        for custom in self.engine.store.of_type(DEFINITIONS):
            if custom.name.lower() == guid:
                return _custom(custom.name, custom.properties)
        return None

    def grants(self, caller: Caller) -> list[Grant]:
        self._refresh()
        principals = (caller.object_id, *caller.groups)
        return [grant for principal in principals for grant in self._grants.get(principal, ())]

    def may(self, caller: Caller, permission: str, scope: str) -> bool:
        """Conditions are not looked at here: they speak of the request (see `may_assign`)."""
        self._refresh()
        if permission.endswith("/read") and scope.lower().startswith(BUILT_IN_POLICIES):
            return self._record(caller, permission, True)
        if permission == ACTIVATES and self.eligibility(caller, scope) is not None:
            return True  # PIM lets whoever is eligible activate: no role gives that right.
        key = (caller.object_id, caller.groups, permission, scope.lower())
        known = self._decided.get(key)
        if known is None:
            if len(self._decided) > 20000:
                self._decided.clear()
            folded = scope.rstrip("/").lower()
            known = any(self._holds(grant, folded) and grant.role.allows(permission) for grant in self.grants(caller))
            known = known and not denied(self.engine, caller, permission, folded)
            self._decided[key] = known
        return self._record(caller, permission, known)

    def may_assign(self, caller: Caller, permission: str, scope: str, facts: Facts) -> bool:
        """`may` for writing or deleting a role assignment, conditions included."""
        folded = scope.lower()
        allowed = caller.service or any(
            self._holds(grant, folded)
            and grant.role.allows(permission)
            and (not grant.condition or holds(grant.condition, permission, facts))
            for grant in self.grants(caller)
        )
        return self._record(caller, permission, allowed)

    def may_data(self, caller: Caller, permission: str, scope: str) -> bool:
        """Whether the caller's assignments allow a data action."""
        folded = scope.lower()
        return any(self._holds(grant, folded) and grant.role.allows_data(permission) for grant in self.grants(caller))

    def shows(self, caller: Caller, permission: str, scope: str) -> bool:
        """`may`, for who leaves out what may not be read instead of refusing it: only what is shown was needed."""
        folded = scope.rstrip("/").lower()
        self._refresh()
        allowed = any(self._holds(grant, folded) and grant.role.allows(permission) for grant in self.grants(caller))
        return self._record(caller, permission, True) if allowed else False

    def may_freely(self, caller: Caller, permission: str, scope: str) -> bool:
        """`may` by an assignment that has no condition."""
        folded = scope.lower()
        return any(
            not grant.condition and self._holds(grant, folded) and grant.role.allows(permission)
            for grant in self.grants(caller)
        )

    def _holds(self, grant: Grant, scope: str) -> bool:
        return above(self.engine, grant.scope, scope)

    def require_subscription(self, caller: Caller, subscription: str) -> None:
        if not GUID.fullmatch(subscription):
            raise words.invalid_subscription_id(subscription)
        if caller.service:
            return
        scope = f"/subscriptions/{subscription.lower()}"
        known = any(one["id"] == subscription.lower() for one in self.engine.store.kv["world"]["subscriptions"])
        if not known or not self.sees(caller, scope):
            raise words.subscription_not_found(subscription)

    def eligibility(self, caller: Caller, scope: str, role: str | None = None) -> Resource | None:
        """What makes a caller, or a group it is in, eligible at a scope or above it; of any role unless one is said."""
        principals, folded = {caller.object_id, *caller.groups}, scope.rstrip("/").lower()
        for one in self.engine.store.of_type(ELIGIBILITIES):
            at, found = scope_of(one.id).lower(), one.properties
            guid = str(found.get("roleDefinitionId")).rpartition("/")[2].lower()
            if found.get("principalId") in principals and role in (None, guid) and above(self.engine, at, folded):
                return one
        return None

    def sees(self, caller: Caller, scope: str) -> bool:
        """Whether the caller has any right at, above or below a scope, or may take one."""
        for one in self.engine.store.of_type(ELIGIBILITIES):
            below = one.id.lower().startswith(scope.lower() + "/")
            if below and one.properties.get("principalId") in (caller.object_id, *caller.groups):
                return True
        return any(
            self._holds(grant, scope) or grant.scope.startswith(scope + "/") or grant.scope == scope
            for grant in self.grants(caller)
        )


def _custom(name: str, properties: JsonObject) -> Role:
    permissions: list[JsonObject] = properties.get("permissions") or []

    def gathered(key: str) -> tuple[str, ...]:
        return tuple(one for permission in permissions for one in permission.get(key, ()))

    data = gathered("dataActions"), gathered("notDataActions")
    return Role(name, str(properties.get("roleName")), "", gathered("actions"), gathered("notActions"), *data)
