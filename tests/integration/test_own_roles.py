"""The two identities' own roles (``infra/``): a right that is missing stops the main job, one that nobody uses is none.

The simulator enforces the files; here an empty role is filled up with what the product is refused, until everything
works. What was granted must be what the files say.
"""

from __future__ import annotations

import uuid
from contextlib import closing
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

from controlplane.arm import type_of
from controlplane.azure.reader import ArmReader
from controlplane.errors import Rejected
from controlplane.json_types import JsonObject
from controlplane.operations.model import Operation
from controlplane.retraining.known import WORKSPACE_TYPE
from controlplane.retraining.signals.alert_evidence import ALERTS_API, BUDGETS_API
from controlplane.retraining.signals.evidence import JOBS_API
from controlplane.workspaces import service
from controlplane.workspaces.access.powers import Can
from controlplane.workspaces.reconcile import tick
from tests.support.blueprints import example
from tests.support.own_roles import Rights, actions
from tests.support.quiet_budgets import QuietBudgets
from tests.support.quiet_monitors import BY_PIPELINE, WATCHED, QuietMonitors, watched
from tests.support.quiet_product import ADMIN, NAME, QuietClient, QuietProduct
from tests.support.role_lives import ISOLATED, JOINED, POOLED, begin, everything, job_checked, joined, target_unknown
from tests.support.worlds import with_assets


def route_elsewhere(product: QuietProduct) -> None:
    """Somebody takes the way out away and puts a route table of their own there, which a repair leaves."""
    group = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/theirs"
    table = f"{group}/providers/Microsoft.Network/routeTables/theirs"
    product.owner("PUT", group, {"location": "westeurope"})
    product.owner("PUT", table, {"location": "westeurope", "properties": {}})
    subnet = product.ids()["subnet/training"]
    body = product.body(subnet) or {}
    properties = {name: value for name, value in body["properties"].items() if name != "natGateway"}
    product.owner("PUT", subnet, {"properties": {**properties, "routeTable": {"id": table}}})


def life(product: QuietProduct) -> None:
    """Creation, drift and its repair, a change that takes away, deletion; each to its good end."""
    operations = [product.create(everything()), product.create(joined(), JOINED)]
    assert product.failing(JOINED) == set()
    operations.append(product.delete(JOINED))
    operations.append(product.create(example("hub-scale-set"), POOLED))
    assert product.failing(POOLED) == set()
    operations.append(product.delete(POOLED))
    activity = product.run(service.get_access(product.services, ADMIN, NAME, 30))[1].activity
    assert activity is not None
    assert activity.unreadable is None
    explained = product.run(service.explain_access(product.services, ADMIN, NAME, "storage", Can.READ))
    assert explained.unreadable is None
    with_assets(product)
    assert job_checked(product) == set()
    assert "AuthorizationFailed" not in target_unknown(product)
    product.owner("DELETE", product.ids()["dns-link/blob/ml"])
    route_elsewhere(product)
    assert product.failing() == {"dns-link/blob/ml", "subnet/training"}
    operations.append(product.repair())
    evidence(product)
    smaller = everything()
    smaller["compute"]["clusters"] = []
    operations.append(product.finish(product.put(smaller, consent=True)))
    assert product.failing() == set()
    operations.append(product.delete())
    operations += isolated(product)
    operations += monitored(product)
    operations += budgeted(product)
    assert [operation.status for operation in operations] == ["Succeeded"] * len(operations), operations


def evidence(product: QuietProduct) -> None:
    """What signals are read back by: a run, an alert, a budget; of this workspace there are none."""
    client: Any = QuietClient(product.azure, "operator")
    reader, group = ArmReader(client), product.ids()["resource-group"]
    (workspace,) = (one for one in product.ids().values() if type_of(one) == WORKSPACE_TYPE)
    subscription = group.partition("/resourceGroups/")[0]
    for path, version in (
        (f"{workspace}/jobs/none", JOBS_API),
        (f"{subscription}/providers/Microsoft.AlertsManagement/alerts/{uuid.uuid4()}", ALERTS_API),
        (f"{group}/providers/Microsoft.Consumption/budgets/none", BUDGETS_API),
    ):
        assert product.run(_read(product, reader, path, version)) is None


async def _read(product: QuietProduct, reader: ArmReader, path: str, version: str) -> JsonObject | None:
    """Again after what was refused has been granted, where rights are granted."""
    try:
        return await reader.get(path, version)
    except Rejected:
        if not isinstance(product, Filling):
            raise
        assert product.grant(), path
        return await reader.get(path, version)


def isolated(product: QuietProduct) -> list[Operation]:
    """As :func:`life`, of a workspace with a managed network."""
    name, asked = ISOLATED, example("managed-approved-catalog")
    box = {"name": "ada-box", "size": "Standard_DS3_v2", "assignedTo": "00000000-0000-0000-0000-0000000000a1"}
    asked.setdefault("compute", {})["instances"] = [box]
    operations = [product.create(asked, name=name)]
    assert product.failing(name) == set()
    asked["network"]["managed"]["outboundRules"].pop()
    box["idleShutdown"] = "PT30M"
    operations.append(product.finish(product.put(asked, consent=True, name=name), name))
    return [*operations, product.delete(name)]


def monitored(product: QuietProduct) -> list[Operation]:
    """As :func:`life`, of a workspace with a monitor of Azure ML's own and one that a pipeline computes."""
    operations = [product.create(watched(), name=WATCHED)]
    world = QuietMonitors(product)
    world.build()
    for name, asked in (("own", None), ("theirs", BY_PIPELINE)):
        world.put(name, asked)
        assert world.settle(name) is not None
    for name in ("own", "theirs"):
        world.delete(name)
        assert world.settle(name) is None
    return [*operations, product.delete(WATCHED)]


def budgeted(product: QuietProduct) -> list[Operation]:
    """As :func:`life`, of a workspace whose budget is used up, and raised."""
    name, asked = "spent", example()
    asked["network"]["addressSpace"] = "10.40.32.0/22"
    box = {"name": "ada-box", "size": "Standard_DS3_v2", "assignedTo": "00000000-0000-0000-0000-0000000000a1"}
    asked.setdefault("compute", {})["instances"] = [box]
    operations = [product.create(asked, name=name)]
    world = QuietBudgets(product, name)
    world.put(notice="PT10M")
    world.spend("1600")
    enforced = ("blockComputes", "blockJobs", "freeze")
    world.until(dict.fromkeys(enforced, "taken"))
    world.put(monthly={"amount": 5000, "currency": "USD"}, notice="PT10M")
    world.until({})
    world.delete()
    world.gone()
    return [*operations, product.delete(name)]


def test_the_product_uses_what_its_roles_hold_and_nothing_else() -> None:
    with closing(QuietProduct()) as product:
        begin(product)
        life(product)
        rights = Rights(product)
    for who in ("observer", "operator"):
        asked = rights.asked(who)
        assert asked["refused"] == frozenset()
        assert covering(asked["used"], actions(who)) == actions(who)


def covering(used: frozenset[str], held: frozenset[str]) -> frozenset[str]:
    """The actions of a role that were needed, wildcards for what only they allow, and whatever no action allows."""
    wild = {one for one in held if "*" in one}
    needed = set()
    for action in used:
        by = {one for one in wild if fnmatchcase(action.lower(), one.lower())} if action not in held else {action}
        needed |= by or {action}
    return frozenset(needed)


class Filling(QuietProduct):
    """Grants the operator, who begins with nothing, what it is refused: one tick after the refusal was seen."""

    def __init__(self) -> None:
        super().__init__()
        self.rights = Rights(self)
        self.granted: frozenset[str] = frozenset()
        self.rights.set("operator", self.granted)
        # A tick ends before a refused step is tried again, so that a step does not use up its attempts in one.
        self.deps = replace(self.deps, tick_seconds=10.0)

    def grant(self) -> frozenset[str]:
        """What was refused since the last time, and is granted now."""
        refused = self.rights.asked("operator")["refused"] - self.granted
        wanted = covering(refused, actions("operator")) - self.granted
        if wanted:
            self.granted |= wanted
            self.rights.set("operator", self.granted)
        return wanted

    async def _until_ended(self, operation_id: str, name: str) -> Operation:
        for _ in range(500):
            await tick(name, self.deps)
            found = await self.repository.load_operation(operation_id)
            assert found is not None
            wanted = self.grant()
            if found.operation.status.is_terminal:
                assert not wanted, f"{found.operation.kind} ended without {sorted(wanted)}"
                return found.operation
            stored = await self.repository.load(name)
            clock = self.services.clock
            due = stored.record.due_at if stored else None
            await clock.sleep(max(0.01, (due - clock.now()).total_seconds()) if due else 1.0)
        raise AssertionError(f"{found.operation.kind} does not end")


def test_nothing_works_before_the_operator_has_every_action_of_its_roles() -> None:
    with closing(Filling()) as product:
        begin(product)
        life(product)
    assert product.granted == actions("operator")
