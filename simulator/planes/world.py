"""One simulated tenant: the engine with its planes, and what stands in it when it starts."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from simulator import types as declared
from simulator.billing.ledger import Ledger
from simulator.engine import values
from simulator.engine.core import Engine
from simulator.engine.hooks import JsonObject
from simulator.engine.registry import Registry
from simulator.engine.store import Store
from simulator.planes import (
    activity,
    arm_traffic,
    assignments,
    elevation,
    groups,
    own_roles,
    permissions,
    roles,
    skus,
    subscriptions,
)
from simulator.planes.activity_feed import ActivityFeed
from simulator.planes.alerts import Alerts
from simulator.planes.authority import DEFINITIONS, Rights
from simulator.planes.directory import Directory
from simulator.planes.log_store import LogStore
from simulator.planes.policies import DEFINITIONS as DEFINITIONS_OF_POLICY
from simulator.planes.throttling import Buckets, Limits
from simulator.planes.tokens import Keys, Tokens
from simulator.types import policy

DEFAULT_SEED = "contoso"
ADMIN = "admin.by.hand"  # the human Owner through whom `inject` acts


AHEAD, FARTHEST_LEAP = "ahead", 366 * 86400.0
GROUPS = "/providers/Microsoft.Management/managementGroups"
PLATFORM = "contoso-platform"  # the management group that the subscriptions lie in, itself in the tenant's root group
#: Name → end of the object id, of Entra groups and of service principals.
_GROUPS = {
    "churn-data-scientists": 0xD1, "churn-data-analysts": 0xD2, "churn-model-testers": 0xD3,
    "churn-business-stakeholders": 0xD4, "churn-project-leads": 0xD5, "churn-product-owners": 0xD6,
    "platform-support": 0xD7, "churn-model-end-users": 0xD8,
}  # fmt: skip
_PROCESSES = {"release-pipeline": 0xE9, "model-monitoring": 0xEB, "data-governance": 0xEC, "agent-scale-set": 0xED}


def _object_id(number: int) -> str:
    return f"00000000-0000-0000-0000-{number:012x}"


@dataclass(frozen=True)
class Config:
    """What the command line says."""

    base: str  # https://localhost:port
    state: str = ":memory:"
    seed: str = DEFAULT_SEED
    scale: float = 100.0
    roles: Path = field(default=own_roles.FOLDER)  # folder of the product's own roles


class World:
    """Everything that answers. `reset` empties it and seeds it anew."""

    def __init__(self, config: Config) -> None:
        self.base = config.base
        self._roles = own_roles.read(config.roles)
        self.store = Store(config.state)
        known: JsonObject | None = self.store.kv.get("world")
        seed = str(known["seed"]) if known else config.seed
        planes = (activity, subscriptions, skus, permissions, elevation, arm_traffic)
        self.registry = Registry(
            (*groups.TYPES, *assignments.TYPES, *getattr(declared, "ALL_TYPES", ())),
            (*(route for plane in planes for route in plane.ROUTES), *getattr(declared, "ALL_ROUTES", ())),
        )
        self._compose(seed, config.scale)
        self.engine.ledger = Ledger(self.engine)
        if known is None:
            self._seed()
        self.store.flush()

    def _compose(self, seed: str, scale: float) -> None:
        tenant = values.guid(seed, "tenant")
        self.engine = Engine(self.registry, self.store, seed=seed, scale=scale, tenant_id=tenant)
        self.engine.locations, self.engine.base = subscriptions.NAMES, self.base
        self.engine.clock = self.azure_time
        self.directory = Directory(self.engine)
        self.engine.directory = self.directory
        self.rights = Rights(self.engine)
        self.engine.authority = self.rights
        keys: Keys | None = getattr(self, "keys", None)
        self.keys = keys.moved_to(self.engine) if keys is not None else Keys(self.engine)
        self.tokens = Tokens(self.engine, self.directory, self.keys, self.base)
        self.buckets = Buckets(scale)
        self.limits = Limits(self.buckets)
        self.logs = LogStore(self.engine)
        self.activity = ActivityFeed(self.engine, self.logs)
        self.alerts = Alerts(self)

    def reset(self, seed: str | None, scale: float | None) -> None:
        """Empty and seed anew. Signing keys stay, so tokens that are out stay valid for the same seed."""
        wanted = seed or self.engine.seed
        self.store.clear()
        self._compose(wanted, scale or self.engine.scale)
        self.engine.ledger = Ledger(self.engine)
        self._seed()
        self.store.flush()

    def _seed(self) -> None:
        engine = self.engine
        names = (("Platform", False), ("Workloads", False), ("Finance", True))
        # The same in every seed, so that examples and documents can name them.
        subs = [
            {
                "id": f"00000000-0000-0000-0000-{number:012d}",
                "name": name,
                "owner_only": only,
                "management_group": None if only else PLATFORM,
            }
            for number, (name, only) in enumerate(names, start=1)
        ]
        world: JsonObject = {
            "seed": engine.seed,
            "subscriptions": subs,
            "management_groups": {PLATFORM: engine.tenant_id, engine.tenant_id: None},
            "api_client_id": engine.guid("application", "control-plane-api"),
            "identity_header": engine.digits("identity-header", length=32),
        }
        engine.store.set("world", world)
        for name, parent in ((engine.tenant_id, None), (PLATFORM, engine.tenant_id)):
            details = {"parent": {"id": f"{GROUPS}/{parent}", "name": parent}} if parent else {}
            shown = {"tenantId": engine.tenant_id, "displayName": name, "details": details}
            engine.put(f"{GROUPS}/{name}", {"properties": shown})
        self._application("owner", secret=engine.digits("owner-secret", length=40))
        for name in ("observer", "operator", "archiver", "data-scientist"):
            self._identity(name)
        admin = self.directory.person(ADMIN)
        engine.store.set("world", {**world, "global_administrators": [admin["id"]]})
        self._people()
        for role in roles.BUILT_IN:
            engine.put(f"/providers/{DEFINITIONS}/{role.guid}", assignments.definition_body(role))
        for name, built_in in policy.BUILT_IN.items():
            engine.put(f"/providers/{DEFINITIONS_OF_POLICY}/{name}", {"properties": built_in})
        for sub in subs:
            engine.grant(f"/subscriptions/{sub['id']}", roles.OWNER, self.seeded("owner")["id"])
        self._grant_all([str(sub["id"]) for sub in subs if not sub["owner_only"]])

    def open_subscriptions(self, ids: Iterable[str]) -> None:
        """More of them, beside those that are seeded, with the same rights of the same principals."""
        known = self.store.kv["world"]
        new = [one for one in ids if one not in {sub["id"] for sub in known["subscriptions"]}]
        more = [
            {"id": one, "name": f"Fleet {one[-4:]}", "owner_only": False, "management_group": PLATFORM} for one in new
        ]
        self.store.set("world", {**known, "subscriptions": [*known["subscriptions"], *more]})
        for one in new:
            self.engine.grant(f"/subscriptions/{one}", roles.OWNER, self.seeded("owner")["id"])
        if new:
            self._grant_all([str(sub["id"]) for sub in (*known["subscriptions"], *more) if not sub["owner_only"]])

    def _grant_all(self, ids: list[str]) -> None:
        """What everybody but the owner has, on subscriptions that not only the owner sees."""
        admin, scopes = self.directory.person(ADMIN), [f"/subscriptions/{one}" for one in ids]
        for scope in scopes:
            self.engine.grant(scope, roles.OWNER, admin["id"])
            self.engine.grant(scope, roles.DATA_SCIENTIST, self.seeded("data-scientist")["id"])
        holders = {name: str(self.seeded(name)["id"]) for name in ("observer", "operator", "archiver")}
        self._grant_own_roles(scopes, holders)

    def _people(self) -> None:
        """Groups and processes that workspaces may give roles to; the same in every seed, as the subscriptions."""
        for name, number in _GROUPS.items():
            self.directory.add({"id": _object_id(number), "kind": "Group", "name": name})
        for name, number in _PROCESSES.items():
            client = self.engine.guid("client", name)
            self.directory.add(
                {"id": _object_id(number), "kind": "ServicePrincipal", "name": name, "client_id": client}
            )

    def _grant_own_roles(self, scopes: list[str], holders: dict[str, str]) -> None:
        """What `infra/README.md` tells whoever deploys the product to do."""
        engine = self.engine
        for role in self._roles:
            guid = engine.guid("own-role", role.name)
            engine.put(f"/providers/{DEFINITIONS}/{guid}", role.body(scopes))
            # The archiver holds nothing until somebody assigns it a role for a while.
            for scope in scopes if role.holder != "archiver" else ():
                engine.grant(scope, guid, holders[role.holder], condition=role.condition_for(holders))

    def _application(self, name: str, *, secret: str) -> JsonObject:
        engine = self.engine
        principal = {
            "id": engine.guid("principal", name), "kind": "ServicePrincipal", "name": name,
            "client_id": engine.guid("client", name), "secret": secret,
        }  # fmt: skip
        engine.store.set(f"seeded:{name}", principal["id"])
        return self.directory.add(principal)

    def _identity(self, name: str) -> JsonObject:
        """A user-assigned identity of the function app, as App Service would offer it."""
        engine = self.engine
        platform = engine.store.kv["world"]["subscriptions"][0]["id"]
        kind = "Microsoft.ManagedIdentity/userAssignedIdentities"
        path = f"/subscriptions/{platform}/resourcegroups/rg-control-plane/providers/{kind}/{name}"
        principal = {
            "id": engine.guid("principal", name), "kind": "ServicePrincipal", "name": name,
            "client_id": engine.guid("client", name), "resource_id": path, "available_at": 0,
        }  # fmt: skip
        engine.store.set(f"seeded:{name}", principal["id"])
        return self.directory.add(principal)

    def seeded(self, name: str) -> JsonObject:
        """A seeded principal: owner, observer, operator, archiver or data-scientist."""
        found = self.directory.get(self.store.kv[f"seeded:{name}"])
        assert found is not None
        return found

    @property
    def identity_header(self) -> str:
        return str(self.store.kv["world"]["identity_header"])

    def issue(self, principal: JsonObject, audience: str, *, seconds: int = 0) -> JsonObject:
        """A token for an application; ours when the audience is the control plane's API, v1.0 otherwise."""
        api = self.store.kv["world"]["api_client_id"]
        v2 = audience.removeprefix("api://") == api
        return self.tokens.for_application(principal, api if v2 else audience, v2=v2, seconds=seconds)

    def environment(self) -> dict[str, str]:
        """What clients need, without the paths of certificates."""
        world = self.store.kv["world"]
        ids = [sub["id"] for sub in world["subscriptions"] if not sub["owner_only"]]
        owner = self.seeded("owner")
        return {
            "ARM_ENDPOINT": self.base,
            "AZURE_AUTHORITY_HOST": self.base,
            "AZURE_TENANT_ID": self.engine.tenant_id,
            "AZURE_SUBSCRIPTION_ID": ids[0],
            "AZURE_SUBSCRIPTION_IDS": ",".join(ids),
            "AZURE_CLIENT_ID": owner["client_id"],
            "AZURE_CLIENT_SECRET": owner["secret"],
            "IDENTITY_ENDPOINT": f"{self.base}/msi/token",
            "IDENTITY_HEADER": self.identity_header,
            "ARM_CLOUD_METADATA_URL": f"{self.base}/metadata/endpoints?api-version=2019-05-01",
            "METRICS_ENDPOINT": f"{self.base}/metrics/{{region}}",
            "LOGS_ENDPOINT": self.base,
            "PRICES_ENDPOINT": self.base,
            "SIMULATOR_URL": self.base,
            "OBSERVER_CLIENT_ID": self.seeded("observer")["client_id"],
            "OPERATOR_CLIENT_ID": self.seeded("operator")["client_id"],
            "ARCHIVER_CLIENT_ID": self.seeded("archiver")["client_id"],
            "ARCHIVER_OBJECT_ID": self.seeded("archiver")["id"],
            "DATA_SCIENTIST_CLIENT_ID": self.seeded("data-scientist")["client_id"],
            "API_CLIENT_ID": world["api_client_id"],
            "HIDDEN_SUBSCRIPTION_ID": next(sub["id"] for sub in world["subscriptions"] if sub["owner_only"]),
        }

    def azure_time(self) -> float:
        """The machine's time, and what `leap` has put before it. Tokens and rate limits stay on the machine's."""
        return time.time() + float(self.store.kv.get(AHEAD, 0.0))

    def leap(self, seconds: float) -> None:
        """Azure's time goes on at once; what comes due on the way happens in its order, as of its moment."""
        if not 0 <= seconds < FARTHEST_LEAP:
            raise ValueError(f"Azure's time goes on by less than {FARTHEST_LEAP:.0f} seconds, and never back")
        self.store.set(AHEAD, float(self.store.kv.get(AHEAD, 0.0)) + seconds)
        self.settle()

    def settle(self) -> None:
        self.engine.settle()
        self.look()
        self.store.flush()

    def look(self) -> None:
        """What Azure Monitor notes of what has happened: settings, long changes, alert rules that are due."""
        self.logs.look()
        self.activity.look()
        self.alerts.work()

    def close(self) -> None:
        self.store.close()

    @staticmethod
    def moment() -> float:
        return time.time()
