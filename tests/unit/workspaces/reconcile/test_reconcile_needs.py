"""What stands on what, where the spec of today and the one that things were made under contradict each other."""

from __future__ import annotations

from graphlib import TopologicalSorter

import pytest

from controlplane.workspaces.model import Blueprint
from controlplane.workspaces.reconcile.decide import dependants_of
from controlplane.workspaces.reconcile.needs import needs_of
from controlplane.workspaces.reconcile.planning import deletion_steps
from controlplane.workspaces.records import Owned
from tests.support.azure_answers import create
from tests.support.blueprints import compiled_example

NEAR, FAR = "peering/ml-to-hub", "peering/hub-to-ml"
PLAIN, GATEWAY = (compiled_example(name) for name in ("hub-bastion", "hub-vpn"))


def made(blueprint: Blueprint) -> dict[str, Owned]:
    return {
        one.key: Owned(resource_id=f"/x/{one.key}", type=one.type, api_version="1", depends_on=one.depends_on)
        for one in blueprint.resources
    }


#: The inventory while an update goes on, or after it failed: all of it old, or either of the two already made anew.
HALFWAY = {
    "nothing yet": {},
    "one": {FAR: made(GATEWAY)[FAR]},
    "the other": {NEAR: made(GATEWAY)[NEAR]},
}


@pytest.mark.parametrize("anew", HALFWAY)
def test_peerings_whose_order_turns_round_lead_in_no_circle(anew: str) -> None:
    inventory = {**made(PLAIN), **HALFWAY[anew]}
    needs = needs_of(GATEWAY, inventory)
    TopologicalSorter(needs).prepare()
    assert not {NEAR, FAR} <= needs[NEAR] | needs[FAR]
    waits = dependants_of(GATEWAY, inventory)
    assert not (FAR in waits.get(NEAR, ()) and NEAR in waits.get(FAR, ()))


def test_what_was_made_stands_as_it_was_made() -> None:
    needs = needs_of(GATEWAY, made(PLAIN))
    assert NEAR in needs[FAR]
    assert FAR not in needs[NEAR]
    assert "gateway/vpn" in needs[NEAR]


def test_without_a_contradiction_both_orders_count() -> None:
    inventory = made(PLAIN) | {"vm/old": Owned(resource_id="/x", type="t", api_version="1", depends_on=("nic/old",))}
    needs = needs_of(PLAIN, inventory)
    assert needs["vm/old"] == {"nic/old"}
    assert all(needs[one.key] == set(one.depends_on) for one in PLAIN.resources)


@pytest.mark.parametrize("anew", HALFWAY)
def test_a_workspace_in_between_can_be_deleted(anew: str) -> None:
    steps, owned = deletion_steps(GATEWAY, create(PLAIN).observed(GATEWAY), {**made(PLAIN), **HALFWAY[anew]})
    assert {step.key for step in steps} == owned.keys()
    assert steps[-1].key == "resource-group"
