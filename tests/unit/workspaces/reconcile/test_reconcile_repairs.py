"""Which steps a repair has: what can be put right in place, and nothing that would wait in vain."""

from __future__ import annotations

from typing import Any

from controlplane.operations.model import OperationKind
from controlplane.workspaces import kinds as k
from controlplane.workspaces.model import Blueprint, Observed
from controlplane.workspaces.plan import make_plan
from controlplane.workspaces.reconcile.planning import plan_steps
from tests.support.tick_world import BLOB, ENDPOINT, GROUP, ML, STORAGE, SUBSCRIPTION, VNET, resource, role

SUBNET = f"{VNET}/subnets/a"
PREFIX = {"properties": {"addressPrefix": "10.0.0.0/24"}}
CLUSTER: dict[str, Any] = {"tags": {"a": "1"}, "identity": {"type": "SystemAssigned"}, "properties": {}}
CLUSTER["properties"] = {"properties": {"vmSize": "small", "subnet": {"id": SUBNET}}}
BLUEPRINT = Blueprint(
    "ws",
    SUBSCRIPTION,
    "westeurope",
    (
        resource("subnet", k.SUBNET, SUBNET, (), body=PREFIX),
        resource("storage", k.STORAGE, STORAGE, (), body={"properties": {}}),
        resource(
            "endpoint", k.PRIVATE_ENDPOINT, ENDPOINT, ("subnet",), body={"properties": {"subnet": {"id": SUBNET}}}
        ),
        resource("cluster", k.COMPUTE, f"{ML}/computes/cpu", ("subnet",), body=CLUSTER),
        role("role/blob", "cluster", "storage", STORAGE, BLOB),
    ),
    (GROUP,),
)
PRINCIPAL = {"type": "SystemAssigned", "principalId": "00000000-0000-0000-0000-0000000000aa"}


def repair_of(cluster: dict[str, Any], prefix: str = "10.0.0.0/24", wishes: tuple[str, ...] = ()) -> dict[str, str]:
    """Key → action of a repair; the grant does not exist."""
    bodies: dict[str, Any] = {
        "subnet": {"id": SUBNET, "properties": {"addressPrefix": prefix}},
        "storage": {"id": STORAGE, "properties": {}},
        "endpoint": {"id": ENDPOINT, "properties": {"subnet": {"id": SUBNET}}},
        "cluster": {**CLUSTER, "id": f"{ML}/computes/cpu", **cluster},
    }
    observed = Observed(bodies)
    plan = make_plan(BLUEPRINT, observed, {})
    steps = plan_steps(OperationKind.REPAIR, plan, BLUEPRINT, observed, (wishes, ()))
    return {step.key: step.action for step in steps}


def test_what_only_something_else_would_replace_is_repaired_in_place() -> None:
    """The subnet would take its endpoint and its cluster with it, if it were replaced; a repair replaces nothing."""
    changed = {"identity": PRINCIPAL, "tags": {"a": "2"}}
    assert repair_of(changed, prefix="10.0.9.0/24") == {"cluster": "update", "role/blob": "create"}
    found = repair_of({"identity": PRINCIPAL}, prefix="10.0.9.0/24", wishes=("endpoint",))
    assert found == {"endpoint": "reapply", "role/blob": "create"}


def test_a_grant_waits_for_the_identity_that_the_repair_brings_back() -> None:
    assert repair_of({"identity": {"type": "None"}}) == {"cluster": "update", "role/blob": "create"}


def test_nothing_waits_for_an_identity_that_no_step_brings_back() -> None:
    inner = {"vmSize": "large", "subnet": {"id": SUBNET}}
    assert repair_of({"identity": {"type": "SystemAssigned"}, "properties": {"properties": inner}}) == {}


def test_what_can_be_put_right_is_although_something_else_would_need_a_replacement() -> None:
    inner = {"vmSize": "large", "subnet": {"id": SUBNET}}
    found = repair_of({"identity": {"type": "None"}, "properties": {"properties": inner}})
    assert found == {"cluster": "updateInPlace", "role/blob": "create"}
    found = repair_of({"identity": PRINCIPAL, "tags": {"a": "2"}, "properties": {"properties": inner}})
    assert found == {"cluster": "updateInPlace", "role/blob": "create"}
