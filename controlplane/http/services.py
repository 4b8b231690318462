"""What the API needs from the rest of the house; ``bootstrap`` fills it in, on the first request."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from controlplane.audit.service import AuditDeps
from controlplane.errors import Fatal
from controlplane.governance.expiry.storing import standing
from controlplane.governance.services.alerts import BudgetAlerts
from controlplane.governance.services.deps import RuleDeps
from controlplane.objects.repository import Objects
from controlplane.operations.service import OperationDeps
from controlplane.ports.activity import ActivityLog
from controlplane.ports.clock import Clock
from controlplane.ports.directory import Directory
from controlplane.ports.prices import RetailPrices
from controlplane.ports.reader import Catalog, ResourceReader
from controlplane.ports.store import Store, WorkQueue
from controlplane.projects.repository import ProjectRepository
from controlplane.projects.service import ProjectDeps
from controlplane.retraining.monitors.callbacks import Callbacks
from controlplane.retraining.services.deps import ModelDeps
from controlplane.retraining.signals.intake import IntakeDeps
from controlplane.settings import Settings, callbacks_of
from controlplane.workspaces.repository import WorkspaceRepository
from controlplane.workspaces.service import ServiceDeps


@dataclass(frozen=True, slots=True)
class HttpServices:
    """Readers and stores only: nothing here can write to Azure."""

    repository: WorkspaceRepository
    projects: ProjectRepository
    reader: ResourceReader
    catalog: Catalog
    clock: Clock
    queue: WorkQueue
    settings: Settings
    durations: Store | None = None
    """Where ticks keep how long steps took; None plans with estimates."""
    audit: AuditDeps | None = None
    directory: Directory | None = None
    activity: ActivityLog | None = None
    prices: RetailPrices | None = None
    """Who is asked for prices; None: nobody, the price table has them."""
    objects: Objects | None = None
    """Signals, decisions, runs, promotions: what happens to models."""
    governed: Objects | None = None
    """Budgets, costs, expiries."""

    def for_audit(self) -> AuditDeps:
        """Raises ``Fatal`` where the API was made without it."""
        if self.audit is None:
            raise Fatal("SettingMissing", "This API was made without its audit.")
        return self.audit

    def for_models(self) -> ModelDeps:
        """Raises ``Fatal`` where the API was made without them."""
        if self.objects is None:
            raise Fatal("SettingMissing", "This API was made without its signals and runs.")
        return ModelDeps(self.objects, self.for_workspaces())

    def for_governance(self) -> RuleDeps:
        """Raises ``Fatal`` where the API was made without them."""
        if self.governed is None:
            raise Fatal("SettingMissing", "This API was made without its budgets and expiries.")
        return RuleDeps(self.governed, self.for_workspaces())

    def callbacks(self) -> Callbacks:
        """Whom Azure tells of what monitors find."""
        return callbacks_of(self.settings)

    def for_intake(self) -> IntakeDeps:
        """Raises ``Fatal`` where the API was made without it."""
        if self.objects is None:
            raise Fatal("SettingMissing", "This API was made without its signals and runs.")
        budgets = None if self.governed is None else BudgetAlerts(self.governed, self.queue, self.clock)
        return IntakeDeps(self.objects, self.repository, self.queue, self.clock, budgets=budgets)

    def for_projects(self) -> ProjectDeps:
        return ProjectDeps(self.projects, self.repository, self.clock)

    def for_operations(self) -> OperationDeps:
        return OperationDeps(self.repository, self.projects, self.queue, self.clock)

    def for_workspaces(self) -> ServiceDeps:
        """Resources live in the first tenant of the settings; the others only bring callers."""
        return ServiceDeps(
            repository=self.repository,
            projects=self.projects,
            reader=self.reader,
            catalog=self.catalog,
            queue=self.queue,
            clock=self.clock,
            tenant_id=self.settings.tenant_ids[0],
            cloud=self.settings.cloud,
            administrators=self.settings.administrators,
            directory=self.directory,
            activity=self.activity,
            own_apps=frozenset(one.lower() for one in self.settings.identities),
            durations=self.durations,
            prices=self.prices,
            governed=self.governed,
            standing=None if self.governed is None else partial(standing, self.governed),
        )
