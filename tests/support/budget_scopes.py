"""Several budgets over several workspaces, on the Azure in memory of ``budget_world``."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from controlplane.arm import fold, group_id
from controlplane.governance.budgets.model import Budget
from controlplane.governance.budgets.rules import parse_budget
from controlplane.governance.costs.model import Live, Spend
from controlplane.governance.costs.view import month_of
from controlplane.governance.scope import Scope, ScopeKind
from controlplane.objects.repository import Stored, put
from controlplane.objects.tick import tick_object
from controlplane.ports.store import Insert, Remove
from controlplane.projects.model import ProjectRecord, Registration
from controlplane.projects.repository import ProjectRepository
from controlplane.retraining.known import known
from controlplane.workspaces.records import WorkspaceRecord
from controlplane.workspaces.repository import dump
from controlplane.workspaces.rows import PARTITION
from tests.support.budget_world import CALLBACKS, RULE, SUBSCRIPTION, BudgetWorld
from tests.support.clock import START
from tests.support.fake_quotas import planted, sizes

SHARED = group_id(SUBSCRIPTION, "rg-shared")
#: By family: of the first the workspace has a share of its own, of the second the whole of the subscription's.
LIMITS = {"standardDSv2Family": 16, "standardFSv2Family": 24, "standardNCSv3Family": 0}
SIZES = (("Standard_DS3_v2", "standardDSv2Family", 4), ("Standard_A2_v2", "standardAv2Family", 2))
#: Everything is blocked at once it is reached.
HARD = {"tiers": [{"at": 50}, {"at": 100, "act": "freeze"}], "notice": "PT10M"}


class BudgetScopes(BudgetWorld):
    """``churn`` is a project of the department ``lab``."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.azure.latency = 0.0
        self.deps = replace(self.deps, callbacks=replace(CALLBACKS, shared_group=SHARED))
        self.remake()

    async def start(self, *scopes: str) -> None:
        """Budgets of these scopes; the project of the workspaces is registered."""
        self.azure.plant(f"/subscriptions/{SUBSCRIPTION}")
        self.azure.plant(SHARED)
        await self.register("lab")
        for one in scopes:
            await self.set(one)

    async def register(self, department: str | None, name: str = "churn") -> None:
        projects = ProjectRepository(self.store)
        registration = Registration.model_validate(
            {"subscriptions": [SUBSCRIPTION], "regions": ["westeurope"], "resourceGroupPrefix": "rg-",
             "department": department}
        )  # fmt: skip
        record = ProjectRecord(
            name=name, registration=registration, created_by="t/root", last_modified_by="t/root",
            created_at=START, last_modified_at=START,
        )  # fmt: skip
        await projects.save(record, await projects.load(name))

    async def unregister(self, name: str = "churn") -> None:
        projects = ProjectRepository(self.store)
        stored = await projects.load(name)
        assert stored is not None
        await projects.delete(stored, "t/root", START)

    async def set(self, scope: str, amount: float = 1000, **changes: Any) -> None:
        """As a PUT would."""
        kind, _, name = scope.partition(".")
        stored, now = await self.objects.get(Budget, scope), self.clock.now()
        rule = parse_budget({**RULE, **HARD, "monthly": {"amount": amount, "currency": "USD"}, **changes})
        if stored is not None:
            update = {"rule": rule, "generation": stored.value.generation + 1, "due_at": now}
            await self.objects.commit(put(stored, stored.value.model_copy(update=update)))
            return
        made = Budget(
            id=scope, kind=ScopeKind(kind), name=name, project="churn", due_at=now, rule=rule, born_at=now,
            incarnation=1 if kind == "workspace" else 0, last_modified_at=now, last_modified_by="t/ada",
        )  # fmt: skip
        await self.objects.commit(put(None, made))

    async def workspace(self, name: str, incarnation: int = 1, project: str = "churn") -> WorkspaceRecord:
        """With a cluster that no spec names, an instance that runs, and quotas."""
        record = self.record.model_copy(
            update={
                "name": name, "resource_group": f"rg-{name}", "project": project, "incarnation": incarnation,
                "spec": {**self.record.spec, "compute": {"clusters": []}, "project": project},
            }
        )  # fmt: skip
        await self.store.commit(
            PARTITION, [Insert(f"w!{name}", dump(record)), Insert(f"p!{project}!{name}", {"name": name})]
        )
        self.azure.plant(group_id(SUBSCRIPTION, record.resource_group))
        workspace = known(record).workspace_id
        self.azure.plant(workspace)
        scale = {"minNodeCount": 1, "maxNodeCount": 4, "nodeIdleTimeBeforeScaleDown": "PT2M"}
        cluster = {"scaleSettings": scale, "currentNodeCount": 0, "vmSize": "Standard_DS3_v2"}
        self.azure.resources.update(planted(SUBSCRIPTION, workspace, LIMITS))
        self.azure.resources.update(sizes(SUBSCRIPTION, "westeurope", *SIZES))
        self.azure.plant(
            f"{workspace}/computes/gpu",
            properties={"computeType": "AmlCompute", "provisioningState": "Succeeded", "properties": cluster},
        )
        self.azure.plant(
            f"{workspace}/computes/ada",
            properties={
                "computeType": "ComputeInstance", "provisioningState": "Succeeded",
                "properties": {"state": "Running", "vmSize": "STANDARD_A2_V2"},
            },
        )  # fmt: skip
        return record

    def workspace_id(self, record: WorkspaceRecord) -> str:
        return known(record).workspace_id

    async def change_of(self, stored: Stored[Budget], **changes: Any) -> None:
        await self.objects.commit(put(stored, stored.value.model_copy(update=changes)))

    async def vanish(self, name: str, project: str = "churn", *, with_group: bool = True) -> None:
        """As a deletion ends. Without its group: others have something in that, and it stays."""
        stored = await self.workspaces.load(name)
        assert stored is not None
        group = fold(group_id(SUBSCRIPTION, stored.record.resource_group))
        gone = group if with_group else fold(known(stored.record).workspace_id)
        for one in [one for one in self.azure.resources if one == gone or one.startswith(gone + "/")]:
            del self.azure.resources[one]
        await self.store.commit(
            PARTITION, [Remove(f"w!{name}", stored.record_etag), Remove(f"p!{project}!{name}", "*")]
        )

    async def spent(self, name: str, amount: str, incarnation: int = 1) -> None:
        now, scope = self.clock.now(), Scope(ScopeKind.WORKSPACE, name)
        after = Spend(
            id=scope.id, workspace=name, incarnation=incarnation, project="churn", month=month_of(now),
            currency="USD", as_of=now, through=now.date(), days={now.date().isoformat(): Decimal(amount)},
            live=Live(at=now, since=now - timedelta(hours=8), amount=Decimal(0)),
        )  # fmt: skip
        await self.objects.commit(put(await self.objects.get(Spend, scope.id), after))

    async def look(self, scope: str, minutes: float = 0.0) -> Budget | None:
        self.clock.advance(minutes * 60)
        await tick_object(Budget.KIND, scope, self.machines)
        stored = await self.objects.get(Budget, scope)
        return stored.value if stored else None

    async def settle(self, *scopes: str, rounds: int = 5) -> None:
        for _ in range(rounds):
            for one in scopes:
                await self.look(one, minutes=11)

    async def stands(self, name: str) -> dict[str, Any]:
        """Everything of a workspace that a budget may change."""
        stored = await self.workspaces.load(name)
        assert stored is not None
        group, workspace = group_id(SUBSCRIPTION, stored.record.resource_group), known(stored.record).workspace_id
        marks = [one for one in self.azure.resources if one.startswith(fold(group)) and "/policyassignments/" in one]
        return {
            "policies": sorted(one.rpartition("-")[2] for one in marks),
            "nodes": self._inner(f"{workspace}/computes/gpu")["scaleSettings"]["maxNodeCount"],
            "least": self._inner(f"{workspace}/computes/gpu")["scaleSettings"]["minNodeCount"],
            "instance": self._inner(f"{workspace}/computes/ada")["state"],
            "limits": dict(stored.record.node_limits),
            "frozen": stored.record.frozen,
            "quotas": self.quotas(workspace),
        }

    def quotas(self, workspace_id: str) -> dict[str, int]:
        """Limits by family."""
        mine = f"{fold(workspace_id)}/quotas/"
        found = (one for key, one in self.azure.resources.items() if key.startswith(mine))
        return {str(one["id"]).rpartition("/")[2]: int(one["limit"]) for one in found}

    def _inner(self, arm_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.azure.body(arm_id)["properties"]["properties"]
        return found


FREE = {"policies": [], "nodes": 4, "least": 1, "instance": "Running", "limits": {}, "frozen": False, "quotas": LIMITS}
HELD = {
    "policies": ["computes", "deployments", "endpoints"], "nodes": 0, "least": 0, "instance": "Stopped",
    "limits": {"gpu": 0}, "frozen": True, "quotas": dict.fromkeys(LIMITS, 0),
}  # fmt: skip
