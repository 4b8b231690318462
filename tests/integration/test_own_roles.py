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
<<<<<<< HEAD
from tests.support.own_roles import Rights, actions
from tests.support.quiet_monitors import BY_PIPELINE, WATCHED, QuietMonitors, watched
from tests.support.quiet_product import ADMIN, NAME, QuietClient, QuietProduct
from tests.support.role_lives import ISOLATED, JOINED, POOLED, begin, everything, job_checked, joined, target_unknown
from tests.support.worlds import with_assets
=======
from tests.support.illegal import waiver
from tests.support.own_roles import INFRA, LABELING, ROLE_FILES, Rights, actions, role
from tests.support.quiet_monitors import BY_PIPELINE, WATCHED, QuietMonitors, watched
from tests.support.quiet_product import ADMIN, NAME, QuietClient, QuietProduct
from tests.support.worlds import (
    DATA_GROUP,
    an_initiative,
    existing_data,
    key_and_identities,
    landing_zone,
    registered,
    with_assets,
)

#: A workspace that joins what is somebody else's.
JOINED = "churn-joined"
#: One whose build agents stand on a scale set.
POOLED = "churn-pooled"
PUBLISHED = Path(__file__).parents[1] / "data" / "azure-provider-operations.txt"
#: The workspace that has a managed network.
ISOLATED = "isolated"
#: Wildcard → why no name will do.
WILDCARDS = {
    **dict.fromkeys(
        sorted(one for one in LABELING if "*" in one),
        "Azure publishes no action for labelingJobs; docs/adr/ADR-2026-11-labelling-projects.md",
    ),
    "Microsoft.Storage/locations/*/read": "Storage publishes no name for its locations/asyncoperations, and Azure "
    "refuses a role with an action that no provider publishes",
}


def condition() -> str:
    """Of the assignment of ``role-operator-access``."""
    return (INFRA / "operator-access-condition.txt").read_text()


# -- the files ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ROLE_FILES)
def test_a_role_is_what_azure_takes(name: str) -> None:
    """Source: "Steps to create a custom role" and "InvalidActionOrNotAction" of "Troubleshoot Azure RBAC"."""
    found = role(name)
    assert set(found) == {
        "Name", "IsCustom", "Description", "Actions", "NotActions", "DataActions", "NotDataActions", "AssignableScopes",
    }  # fmt: skip
    published = [line.lower() for line in PUBLISHED.read_text().splitlines() if line and not line.startswith("#")]
    for action in found["Actions"]:
        assert [one for one in published if fnmatchcase(one, action.lower())], f"{action} is published by no provider"
        assert "*" not in action or action in WILDCARDS
    assert found["Actions"] == sorted(set(found["Actions"]), key=str.lower)
    assert found["NotActions"] == found["DataActions"] == found["NotDataActions"] == []


def test_a_wildcard_that_no_role_has_needs_no_reason() -> None:
    assert set(WILDCARDS) <= {action for name in ROLE_FILES for action in role(name)["Actions"]}


def test_the_condition_names_the_roles_that_blueprints_grant() -> None:
    lists = re.findall(r"GuidEquals \{([^}]*)\}", condition())
    assert len(lists) == 2
    for guids in lists:
        assert sorted(guids.replace(" ", "").split(",")) == sorted(ROLES.values())
    privileged = {roles.OWNER, roles.RBAC_ADMINISTRATOR, "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9"}
    assert not privileged & set(ROLES.values())


def test_the_condition_excludes_both_identities_whichever_way() -> None:
    excluded = re.findall(r"@(\w+)\[[^]]*:PrincipalId\] ForAnyOfAllValues:GuidNotEquals \{([^}]*)\}", condition())
    both = "OPERATOR_OBJECT_ID, OBSERVER_OBJECT_ID"
    assert excluded == [("Request", both), ("Resource", both)]
    deploying = (INFRA / "README.md").read_text()
    for word in both.split(", "):
        assert f"s/{word}/" in deploying


def test_every_action_on_access_stands_in_the_role_with_the_condition() -> None:
    held = {name: set(role(name)["Actions"]) for name in ROLE_FILES}
    access = {action for found in held.values() for action in found if action.startswith("Microsoft.Authorization/")}
    policy = ("policyAssignments", "policyDefinitions", "policySetDefinitions")
    names = (
        "denyAssignments",
        "permissions",
        "roleDefinitions",
        "roleAssignments",
        "roleAssignmentScheduleInstances",
        "roleEligibilityScheduleInstances",
        *policy,
    )
    reads = {f"Microsoft.Authorization/{name}/read" for name in names}
    assert access - reads == held["role-operator-access"]


# -- the product with them ---------------------------------------------------------------------------------------------


def everything() -> dict[str, Any]:
    """A spec with whatever a workspace of its own can have."""
    spec, other = example("hub-build-agents"), example("hub-bastion")
    spec["network"]["hub"] |= {**other["network"]["hub"], **spec["network"]["hub"]}
    spec["network"]["hub"]["vpn"] = example("hub-vpn")["network"]["hub"]["vpn"]
    brought = example("customer-managed-key")["identity"]["ids"]
    spec["identity"] = {**example("user-assigned")["identity"], "type": "systemAndUserAssigned", "ids": brought}
    spec["access"] = example("personas")["access"]
    spec["datastores"] = example("datastores")["datastores"]
    # Of what policy says only this depends.
    spec |= {"registry": {"adminUser": True}, "waivers": [waiver(30)]}
    return spec


def joined() -> dict[str, Any]:
    """A spec with whatever a workspace of somebody else's hub can have."""
    spec = example("landing-zone")
    spec["network"]["egress"] = {"kind": "firewall", "nextHop": "10.10.1.4", "storageEndpointPolicy": True}
    return spec


def job_checked(product: QuietProduct) -> set[str]:
    """Codes of what nobody knows of a job that reads both."""
    inputs = {
        "rows": {"type": "uri_folder", "path": "azureml:orders@latest"},
        "model": {"type": "mlflow_model", "path": "azureml:churn@latest"},
    }
    asked = {"workspace": NAME, "job": {"command": "x", "inputs": inputs}}
    found = product.run(check_job(product.services, ADMIN, asked)).findings
    return {one.code for one in found if one.level is Level.UNKNOWN}


def target_unknown(product: QuietProduct) -> str:
    """Why nobody knows whether something is there that is of no type that Azure has."""
    asked = example("managed-approved-catalog")
    theirs = f"{DATA_GROUP}/providers/Microsoft.Storage/unheardOf/theirs"
    rule = {"name": "theirs", "type": "privateEndpoint", "destination": theirs, "subresource": "x"}
    asked["network"]["managed"]["outboundRules"].append(rule)
    found = product.plan(asked, ISOLATED).plan.warnings
    return next(one.message for one in found if one.code == "OutboundTargetUnknown")


def begin(product: QuietProduct) -> None:
    """The project, with all that its workspaces may have."""
    registered(product, outboundTargets=[DATA_GROUP])
    key_and_identities(product)
    landing_zone(product)
    existing_data(product)
    an_initiative(product)
>>>>>>> 7e7f408 (Labelling projects of CV and NLP workspaces: set, kept, repaired, deleted with consent)


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
