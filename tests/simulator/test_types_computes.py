"""Computes beyond their hooks: identities, what stays, what is switched."""

from __future__ import annotations

import pytest

from simulator.types.machinelearning import workspace_effects as ml
from tests.simulator import estate
from tests.simulator.effects_computes import INSTANCE, instance_body, state
from tests.simulator.effects_workspaces import roles, with_endpoint
from tests.simulator.estate import CLUSTER, LOCATION, REGISTRY, WORKSPACE
from tests.simulator.lab import Lab, provider

IDENTITIES = "Microsoft.ManagedIdentity/userAssignedIdentities"


def test_an_instance_with_a_given_identity_stops_by_the_first_one() -> None:
    lab = Lab()
    with_endpoint(lab)
    first, second = (provider(IDENTITIES, name) for name in ("first", "second"))
    for path in (first, second):
        lab.put(path, {"location": LOCATION})
    identity = {"type": "UserAssigned", "userAssignedIdentities": {second: {}, first: {}}}
    shown = lab.put(INSTANCE, instance_body(identity))["identity"]["userAssignedIdentities"]
    assert list(shown) == [second, first]
    lab.engine.grant(WORKSPACE, ml.CONTRIBUTOR, shown[first]["principalId"])
    lab.advance(4000)
    assert state(lab) == "Running"
    lab.engine.grant(WORKSPACE, ml.CONTRIBUTOR, shown[second]["principalId"])
    lab.advance(1900)
    assert state(lab) == "Stopped"


def test_what_an_instance_is_stays() -> None:
    """Size, sharing and idle time of a later PUT are as if they had not been sent; the action sets the idle time."""
    lab = Lab()
    with_endpoint(lab)
    before = lab.put(INSTANCE, instance_body())["properties"]["properties"]
    changed = {**instance_body(vmSize="STANDARD_D2_V3", idleTimeBeforeShutdown="PT2H"), "tags": {"a": "b"}}
    after = lab.put(INSTANCE, changed)
    assert after["properties"]["properties"] == before
    assert after["tags"] == {"a": "b"}
    lab.call("POST", f"{INSTANCE}/updateIdleShutdownSetting", {"idleTimeBeforeShutdown": "PT2H"})
    assert lab.get(INSTANCE)["properties"]["properties"]["idleTimeBeforeShutdown"] == "PT2H"
    lab.advance(4000)
    assert state(lab) == "Running"
    lab.advance(4000)
    assert state(lab) == "Stopped"
    assert lab.outcome(lab.call("POST", f"{INSTANCE}/start", {})) is None
    assert state(lab) == "Running"


def test_a_cluster_changes_its_kind_of_identity_in_place() -> None:
    """S2-36; and S2-76: what Azure grants a new cluster by itself, it does not grant one that is there."""
    lab = Lab()
    with_endpoint(lab)
    given = provider(IDENTITIES, "given")
    lab.put(given, {"location": LOCATION})
    lab.put(CLUSTER, estate.cluster_body())
    asked = {**estate.cluster_body(), "identity": {"type": "UserAssigned", "userAssignedIdentities": {given: {}}}}
    shown = lab.put(CLUSTER, asked)["identity"]
    assert (shown["type"], list(shown["userAssignedIdentities"])) == ("UserAssigned", [given])
    assert "principalId" not in shown
    own = lab.put(CLUSTER, estate.cluster_body())["identity"]["principalId"]
    assert roles(lab, own, REGISTRY) == set()


@pytest.mark.parametrize("action", ["start", "stop", "restart", "updateIdleShutdownSetting"])
def test_a_cluster_has_no_power_switch(action: str) -> None:
    lab = Lab()
    with_endpoint(lab)
    lab.put(CLUSTER, estate.cluster_body())
    assert lab.refused("POST", f"{CLUSTER}/{action}", {"idleTimeBeforeShutdown": "PT30M"})["code"] == "UserError"
