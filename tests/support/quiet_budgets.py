"""Budgets of a product in virtual time, on the simulator's Azure: their service, their ticks, and what was spent."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from controlplane.audit.model import Kind
from controlplane.governance.budgets.model import Budget
from controlplane.governance.costs.model import Live, Spend
from controlplane.governance.costs.view import month_of
from controlplane.governance.deps import GovernanceDeps
from controlplane.governance.parts import parts
from controlplane.governance.scope import Scope, ScopeKind
from controlplane.governance.services import budgets
from controlplane.governance.services.deps import RuleDeps
from controlplane.objects.repository import Objects, put
from controlplane.objects.tick import Machines, tick_object
from controlplane.operations.preconditions import Preconditions
from tests.support.budget_world import RULE
from tests.support.quiet_monitors import CALLBACKS
from tests.support.quiet_product import ADMIN, NAME, QuietProduct
from tests.support.virtual_time import VirtualClock


class QuietBudgets:
    """Of the workspace with that name."""

    def __init__(self, product: QuietProduct, name: str = NAME) -> None:
        self.product, self.name, self.clock = product, name, VirtualClock()
        self.scope = Scope(ScopeKind.WORKSPACE, name)
        self.objects, told = Objects(product.store, Kind.GOVERNANCE), Objects(product.store, Kind.RETRAINING)
        self.deps = GovernanceDeps(
            objects=self.objects,
            notifications=told,
            workspaces=product.repository,
            projects=product.services.projects,
            reader=product.deps.reader,
            writer=product.deps.writer,
            clock=self.clock,
            queue=product.services.queue,
            callbacks=CALLBACKS,
        )
        self.machines = Machines(told, parts(self.deps), product.services.queue, self.clock, self.clock, "test")

    def put(self, **changes: Any) -> None:
        deps = RuleDeps(self.objects, self.product.services)
        self.product.run(budgets.put_budget(deps, ADMIN, self.scope, {**RULE, **changes}, Preconditions()))

    def delete(self) -> None:
        deps = RuleDeps(self.objects, self.product.services)
        self.product.run(budgets.delete_budget(deps, ADMIN, self.scope, Preconditions()))

    def spend(self, rows: str) -> None:
        """What the collector would have stored."""

        async def store() -> None:
            now, stored = self.clock.now(), await self.objects.get(Spend, self.scope.id)
            record = await self.product.repository.load(self.name)
            assert record is not None
            after = Spend(
                id=self.scope.id, workspace=self.name, incarnation=record.record.incarnation, project="churn",
                month=month_of(now), currency="USD", as_of=now, through=now.date(),
                days={now.date().isoformat(): Decimal(rows)},
                live=Live(at=now, since=now - timedelta(hours=8), amount=Decimal(0)),
            )  # fmt: skip
            await self.objects.commit(put(stored, after))

        self.product.run(store())

    def tick(self, hours: float = 0.0) -> Budget | None:
        if hours:
            self.product.advance(hours * 3600)
        self.product.run(tick_object(Budget.KIND, self.scope.id, self.machines))
        stored = self.product.run(self.objects.get(Budget, self.scope.id))
        return stored.value if stored else None

    def until(self, states: dict[str, str]) -> Budget:
        """Ticks until the steps are these; grants what was refused, where rights are granted."""
        for _ in range(60):
            budget = self.tick(hours=0.1)
            self.product.grant()
            assert budget is not None
            if {one.act.value: one.state.value for one in budget.steps} == states:
                return budget
        raise AssertionError([(one.act, one.state, one.said) for one in budget.steps])

    def gone(self) -> None:
        """Ticks until nothing is left of it."""
        for _ in range(60):
            if self.tick(hours=0.1) is None:
                return
            self.product.grant()
        raise AssertionError("it does not end")
