"""Microsoft.Consumption/budgets at a subscription or a resource group: they tell, and stop nothing.

Sources: API definition 2024-08-01 (shapes; five notifications, thresholds of 0 to 1000 percent, `and` of two filters at
least; its example of a PUT and its answer, ids without the first slash); hashicorp/terraform-provider-azurerm#12121 (a
monthly budget begins in this month or within a year), Azure/azure-quickstart-templates#7095 (begins with its period),
"Start date of budgets cannot be updated. …" as many quote it; Azure/bicep-types-az#1784 and azurerm (one of e-mails,
roles and groups is enough); Azure/terraform-azurerm-lz-vending#394 (`RBACAccessDenied` for what is no action group).
The other sentences are assumed. What is spent: budget_spend.py.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from simulator.billing import filters
from simulator.engine.declaration import (
    ArmError,
    Body,
    Hook,
    HookContext,
    JsonObject,
    Lro,
    Patch,
    Phase,
    Preconditions,
    ReadOnly,
    Required,
    Resource,
    ResourceType,
    Scope,
    Style,
)
from simulator.types import budget_spend
from simulator.types._shared import scope_of_extension, type_of

BUDGET = "Microsoft.Consumption/budgets"
CATEGORIES = ("Cost",)
OPERATORS = ("EqualTo", "GreaterThan", "GreaterThanOrEqualTo")
KINDS = ("Actual", "Forecasted")
MOST, HIGHEST = 5, 1000.0
ENDS_AFTER = timedelta(days=3653)  # ten years, where no end is sent


def _bad(message: str) -> ArmError:
    return ArmError(400, "400", message)


def _when(properties: JsonObject, name: str) -> datetime | None:
    text = (properties.get("timePeriod") or {}).get(name)
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError as error:
        raise _bad(f"Invalid {name} '{text}'.") from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def canonical(properties: JsonObject) -> JsonObject:
    """Words in Azure's casing, however they were sent: the Azure CLI sends `cost` and `monthly`."""

    def worded(held: JsonObject, name: str, known: tuple[str, ...]) -> JsonObject:
        found = next((one for one in known if one.lower() == str(held.get(name)).lower()), None)
        return {**held, name: found} if found is not None else held

    notifications = properties.get("notifications")
    if isinstance(notifications, dict):
        told = {
            name: worded(worded(one, "operator", OPERATORS), "thresholdType", KINDS) if isinstance(one, dict) else one
            for name, one in notifications.items()
        }
        properties = {**properties, "notifications": told}
    return worded(worded(properties, "category", CATEGORIES), "timeGrain", tuple(budget_spend.GRAINS))


def begin(ctx: HookContext) -> None:
    ctx.resource.body["properties"] = canonical(ctx.resource.properties)
    budget_spend.begin(ctx)


def check(ctx: HookContext) -> None:
    properties, before = canonical(ctx.resource.properties), (ctx.previous or {}).get("properties")
    if properties.get("category") not in CATEGORIES:
        raise _bad(f"Invalid budget category '{properties.get('category')}'; valid values: 'Cost'.")
    amount = properties.get("amount")
    if not isinstance(amount, int | float) or isinstance(amount, bool) or amount <= 0:
        raise _bad("Budget amount must be greater than 0.")
    if properties.get("timeGrain") not in budget_spend.GRAINS:
        raise _bad(f"Invalid timeGrain '{properties.get('timeGrain')}'; valid values: {','.join(budget_spend.GRAINS)}.")
    _check_period(ctx, properties, before)
    try:
        filters.parse(properties.get("filter"))
    except ArmError as error:
        raise _bad(error.message.replace("query definition", "budget configuration")) from error
    _check_notifications(ctx, properties.get("notifications"))


def _check_period(ctx: HookContext, properties: JsonObject, before: JsonObject | None) -> None:
    start, end = _when(properties, "startDate"), _when(properties, "endDate")
    if start is None:
        raise _bad("Budget start date is required.")
    if start.astimezone(UTC) != start.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0):
        raise _bad("Start date must be first of the month.")
    if before is not None and _when(before, "startDate") != start:
        raise _bad("Start date of budgets cannot be updated. Please delete and create a new budget.")
    if before is None:
        now = ctx.engine.now()
        if start < budget_spend.period(str(properties["timeGrain"]), now, now)[0]:
            raise _bad("Start date must not be prior to the current time grain period.")
        if start > now + timedelta(days=366):
            raise _bad("Start date must not be more than twelve months in the future.")
    if end is not None and end <= start:
        raise _bad("End date must be after the start date.")


def _check_notifications(ctx: HookContext, notifications: Any) -> None:
    if notifications is None:
        return
    if not isinstance(notifications, dict) or len(notifications) > MOST:
        raise _bad(f"Budget can have up to {MOST} notifications.")
    for name, one in notifications.items():
        if not isinstance(one, dict) or not isinstance(one.get("enabled"), bool):
            raise _bad(f"Notification '{name}': enabled is required.")
        if one.get("operator") not in OPERATORS:
            raise _bad(f"Notification '{name}': invalid operator '{one.get('operator')}'.")
        threshold = one.get("threshold")
        if not isinstance(threshold, int | float) or isinstance(threshold, bool) or not 0 <= threshold <= HIGHEST:
            raise _bad(f"Notification '{name}': threshold must be between 0 and {HIGHEST:g} percent.")
        if one.get("thresholdType", "Actual") not in KINDS:
            raise _bad(f"Notification '{name}': invalid thresholdType '{one.get('thresholdType')}'.")
        if not any(one.get(contacts) for contacts in ("contactEmails", "contactRoles", "contactGroups")):
            raise _bad(f"Notification '{name}': one of contactEmails, contactRoles and contactGroups is required.")
        for group in one.get("contactGroups") or ():
            if type_of(str(group)) != "microsoft.insights/actiongroups" or ctx.engine.get(str(group)) is None:
                raise ArmError(401, "RBACAccessDenied", f"The client has no access to action group '{group}'.")


def keeps_its_version(ctx: HookContext) -> None:
    """Whoever sends an eTag writes over that version only; whoever sends none, over any."""
    sent, held = ctx.request.get("eTag"), ctx.engine.get(ctx.resource.id)
    if sent is not None and held is not None and sent != _version(ctx, held):
        raise ArmError(412, "412", "The eTag of the budget does not match: it was changed by somebody else.")


def shows_its_version(ctx: HookContext) -> None:
    ctx.body["eTag"] = _version(ctx, ctx.resource)


def _version(ctx: HookContext, budget: Resource) -> str:
    """Of what was written; evaluations do not change it."""
    return f'"{ctx.engine.digits("budget", budget.key, str(budget.private.get("mark")), length=15)}"'


def _defaults(ctx: HookContext) -> JsonObject:
    start = _when(ctx.resource.properties, "startDate")
    ends = (start + ENDS_AFTER).strftime("%Y-%m-%dT00:00:00Z") if start is not None else None
    return {"properties": {"category": "Cost", "timePeriod": {"endDate": ends}, "notifications": {}}}


def _at_a_scope_with_costs(ctx: HookContext) -> None:
    scope = scope_of_extension(ctx.resource.id)
    if type_of(scope):
        raise _bad(f"Budgets are not supported at the scope '{scope}'.")


def _id(resource_id: str) -> str:
    return resource_id.lstrip("/")


def _required(path: str) -> Required:
    return Required(path, "400", "Invalid budget configuration: {leaf} is required.")


TYPES: tuple[ResourceType, ...] = (
    ResourceType(
        name=BUDGET,
        scope=Scope.EXTENSION,
        location="none",
        tags=False,
        top_level=("eTag",),
        provisioning_state=False,
        create=Lro(Style.SYNC, 201),
        update=Lro(Style.SYNC, 200),
        delete=Lro(Style.SYNC, 200, Body.EMPTY),
        patch_style=Patch.NONE,
        methods=frozenset({"GET", "PUT", "DELETE", "LIST"}),
        preconditions=Preconditions.IGNORE,
        id_format=_id,
        keys=("id", "name", "type", "eTag", "properties"),
        required=(
            _required("properties.amount"),
            _required("properties.timeGrain"),
            _required("properties.timePeriod"),
        ),
        read_only=(ReadOnly("properties.currentSpend"), ReadOnly("properties.forecastSpend")),
        defaults=_defaults,
        hooks=(
            Hook(Phase.VALIDATE, "budget-rules", _at_a_scope_with_costs),
            Hook(Phase.VALIDATE, "budget-rules", check),
            Hook(Phase.VALIDATE, "budget-keeps-its-version", keeps_its_version),
            Hook(Phase.READ, "budget-keeps-its-version", shows_its_version),
            Hook(Phase.ACCEPTED, budget_spend.EVALUATED, begin),
            Hook(Phase.EVENT, budget_spend.EVALUATED, budget_spend.evaluate),
            # Asked for by the usage ledger; hooks of their own so that they can be switched off.
            Hook(Phase.EVENT, "usage-is-metered", lambda ctx: None),
            Hook(Phase.EVENT, "cost-comes-late", lambda ctx: None),
        ),
    ),
)
