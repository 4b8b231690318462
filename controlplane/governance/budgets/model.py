"""A budget as it is asked for and as it is stored. Pure data; what could never work is refused in ``rules``."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from hashlib import sha256
from typing import Any, ClassVar, Literal

from pydantic import Field

from controlplane.arm import fold
from controlplane.governance.costs.view import View
from controlplane.governance.scope import Scope, ScopeKind
from controlplane.objects.repository import Thing
from controlplane.operations.model import Condition, Model
from controlplane.workspaces.access.personas import Persona
from controlplane.workspaces.spec_model.lifetime import Money

#: An Azure budget has five notifications at most (Microsoft.Consumption/budgets, `notifications`).
MOST_TIERS = 5
#: Entries that a budget keeps to show; the audit keeps all.
MOST_HISTORY = 100
DAY = timedelta(days=1)
#: Condition of what Azure has of a budget, and its reason when that cannot be taken away.
STANDS, LEFT = "AzureBudgetStands", "CannotBeDeleted"


class Basis(StrEnum):
    """What a tier is measured by: what is spent (Azure's rows and what ran since), or what the month will have cost."""

    ACTUAL = "actual"
    FORECAST = "forecast"


class Act(StrEnum):
    """What a tier does, from the mildest on; each includes those before it."""

    NOTIFY = "notify"
    ASK = "ask"
    """The owner: stop, or accept the overspend of this month."""
    BLOCK_COMPUTES = "blockComputes"
    """No new compute: a policy that denies them."""
    BLOCK_JOBS = "blockJobs"
    """No new job: clusters keep their running nodes and get no others, instances are stopped, and jobs without a
    compute find no quota."""
    FREEZE = "freeze"
    """Nothing new that costs by the hour, endpoints and deployments included. What serves goes on serving."""


_ORDER = tuple(Act)


def rank(act: Act) -> int:
    """Milder acts first."""
    return _ORDER.index(act)


ENFORCED = (Act.BLOCK_COMPUTES, Act.BLOCK_JOBS, Act.FREEZE)
"""What changes something in Azure."""


class Tier(Model):
    """At so many per cent of the amount, something happens."""

    at: int = Field(gt=0, le=1000, description="Per cent of the amount.")
    of: Basis = Field(default=Basis.ACTUAL, description="What is spent, or what the month will have cost.")
    act: Act = Field(default=Act.NOTIFY, description="What happens; it includes everything milder.")


class BudgetRule(Model):
    """What ``PUT .../budget`` takes."""

    monthly: Money = Field(description="What may be spent in a calendar month (UTC).")
    tiers: tuple[Tier, ...] = Field(
        min_length=1, max_length=MOST_TIERS, description="Rising; two at least, so that people are warned in time."
    )
    recipients: tuple[Persona, ...] = Field(
        default=(Persona.BUSINESS_STAKEHOLDERS, Persona.PRODUCT_OWNERS, Persona.PROJECT_LEADS),
        min_length=1,
        max_length=12,
        description="Personas who are told.",
    )
    notice: timedelta = Field(
        default=DAY,
        ge=timedelta(minutes=10),
        le=timedelta(days=7),
        description="Between the announcement of an enforcement and the enforcement.",
    )


class StepState(StrEnum):
    """Of one enforcement."""

    ANNOUNCED = "announced"
    TAKING = "taking"
    TAKEN = "taken"
    RELEASING = "releasing"


class Undo(Model):
    """How one thing was before: stored before it is changed."""

    kind: Literal["policy", "cluster", "instance", "mark", "quota"]
    """``mark``: the workspace's own record says that it is frozen, so that nothing of ours scales it up. ``quota``: its
    limits by family of machines."""
    workspace: str
    incarnation: int
    """Of the workspace: what was made again under its name is not what was changed."""
    resource: str
    """ARM id."""
    before: dict[str, Any] = Field(default_factory=dict)
    """Of a cluster its scale settings, of an instance whether it ran; of a policy nothing: it was not there. Of a
    quota by family its ``limit``, whether that was the subscription's (``whole``), and what it was ``set`` to last."""
    done: bool = False
    """It stands as the step wants it."""


class Step(Model):
    """One enforcement of one month."""

    act: Act
    month: str
    state: StepState
    round: int = 0
    """Counts what its budget has announced; what is told of it is named by this."""
    figure: Decimal
    """What was spent when it was announced."""
    announced_at: datetime
    effective_at: datetime
    taken_at: datetime | None = None
    undo: tuple[Undo, ...] = ()
    said: tuple[str, ...] = ()
    """What it cannot block, and what Azure refused."""


class Crossing(Model):
    """A tier was reached."""

    tier: int
    """Its place in the rule."""
    generation: int
    month: str
    at: datetime
    figure: Decimal
    seen_by: Literal["azure", "live", "forecast"]
    """Azure's rows alone reached it, only with what ran since, or the forecast did."""


class Acceptance(Model):
    """The owner's word for the rest of a month."""

    month: str
    answer: Literal["accept", "stop"]
    """``accept``: nothing of what was reached is enforced this month. ``stop``: without a notice, the first enforcement
    of the rule now and each other when it is reached."""
    up_to: Decimal | None = None
    """Of ``accept``: the highest amount whose tier was reached; a tier above it asks and enforces anew."""
    by: str
    at: datetime
    reason: str


class Event(Model):
    """One line of the history that people read."""

    at: datetime
    what: str
    why: str
    by: str


class Budget(Thing):
    """``id`` is the scope's: ``workspace.{name}``, ``project.{name}``, ``department.{name}``."""

    KIND: ClassVar[str] = "budget"

    kind: ScopeKind
    name: str
    project: str
    """Whose readers may read it; empty for a department."""
    incarnation: int = 0
    """Of the workspace."""
    rule: BudgetRule
    born_at: datetime
    """Tells it from an earlier one of this scope, which may have told people of the same tier."""
    generation: int = 1
    deleting: bool = False
    made: tuple[str, ...] = ()
    """ARM ids of what may stand in Azure for it: stored before the first write of each."""
    looked_at: datetime | None = None
    """When Azure's budget was last compared."""
    observed_generation: int = 0
    conditions: tuple[Condition, ...] = ()
    view: View | None = None
    crossings: tuple[Crossing, ...] = ()
    """Of this month and generation."""
    steps: tuple[Step, ...] = ()
    rounds: int = 0
    """Announcements so far."""
    heard: tuple[str, ...] = ()
    """Digests of Azure's alerts that were heard, the last ones: a copy says nothing new."""
    acceptance: Acceptance | None = None
    history: tuple[Event, ...] = ()
    last_modified_at: datetime
    last_modified_by: str

    @property
    def scope(self) -> Scope:
        return Scope(self.kind, self.name)

    def index(self) -> tuple[str, ...]:
        return (f"bu!{self.project}!{self.id}", *(f"{of_azure(one)}{self.id}" for one in self.made))


def of_project(project: str) -> str:
    """The index of a project's budgets."""
    return f"bu!{project}!"


def of_azure(arm_id: str) -> str:
    """The index of the budget that made a resource in Azure; rows take no slashes."""
    return f"ba!{sha256(fold(arm_id).encode()).hexdigest()[:40]}!"
