"""What the hooks of compute instances cause, one function a hook: passes with the hook on, fails with it off."""

from __future__ import annotations

from simulator.types.machinelearning import workspace_effects as ml
from tests.simulator import estate
from tests.simulator.effects_network import effect
from tests.simulator.effects_workspaces import with_endpoint
from tests.simulator.estate import CLUSTER, LOCATION, TRAINING, WORKSPACE
from tests.simulator.lab import Body, Lab

INSTANCE = f"{WORKSPACE}/computes/ada-box"
TABLE = True


def instance_body(identity: Body | None = None, **more: object) -> Body:
    return {
        "location": LOCATION,
        **({"identity": identity} if identity else {}),
        "properties": {
            "computeType": "ComputeInstance",
            "properties": {
                "vmSize": "STANDARD_DS3_V2",
                "subnet": {"id": TRAINING},
                "enableNodePublicIp": False,
                "idleTimeBeforeShutdown": "PT30M",
                **more,
            },
        },
    }


def state(lab: Lab) -> str:
    return str(lab.get(INSTANCE)["properties"]["properties"]["state"])


@effect("instance-rules")
def what_an_instance_may_be(lab: Lab) -> None:
    with_endpoint(lab)
    for idle in ("PT14M", "P4D", "soon"):
        assert (
            "idleTimeBeforeShutdown"
            in lab.refused("PUT", INSTANCE, instance_body(idleTimeBeforeShutdown=idle))["message"]
        )
    taken = lab.refused("PUT", f"{WORKSPACE}/computes/ada-2", instance_body())
    assert taken["message"].startswith("Compute name 'ada-2' is not available. Reason: Invalid.")
    lab.put(INSTANCE, instance_body())
    other = f"{WORKSPACE}2"
    lab.engine.put(other, {"location": LOCATION, "properties": {}})
    error = lab.refused("PUT", f"{other}/computes/ADA-BOX", instance_body(enableNodePublicIp=True))
    assert error["message"] == (
        "Compute name 'ADA-BOX' is not available. Reason: AlreadyExists. "
        "Message: The specified name ADA-BOX is already in use and is therefore unavailable"
    )
    error = lab.refused("PUT", INSTANCE, instance_body({"type": "SystemAssigned"}))
    assert error["message"] == "The identity of a compute instance cannot be changed."


@effect("compute-keeps-its-type")
def a_compute_stays_what_it_is(lab: Lab) -> None:
    """Neither becomes the other, with a body that would do for a new one; deleted, its name is free for either."""
    with_endpoint(lab)
    box, cluster = instance_body(), estate.cluster_body()
    for path, body, other in ((CLUSTER, cluster, box), (INSTANCE, box, cluster)):
        was, asked = (one["properties"]["computeType"] for one in (body, other))
        before = lab.put(path, body)
        error = lab.refused("PUT", path, other)
        name = path.rpartition("/")[2]
        assert (error["code"], error["message"]) == (
            "UserError",
            f"The compute type of '{name}' cannot be changed from '{was}' to '{asked}'.",
        )
        assert lab.get(path)["properties"] == before["properties"]
    lab.delete(f"{INSTANCE}?underlyingResourceAction=Delete")
    assert lab.put(INSTANCE, cluster)["properties"]["computeType"] == "AmlCompute"


@effect("compute-deletion-says-how")
def a_compute_goes_by_a_word_that_says_how(lab: Lab) -> None:
    with_endpoint(lab)
    lab.put(INSTANCE, instance_body())
    assert "underlyingResourceAction" in lab.refused("DELETE", INSTANCE)["message"]
    assert "underlyingResourceAction" in lab.refused("DELETE", f"{INSTANCE}?underlyingResourceAction=Maybe")["message"]
    lab.delete(f"{INSTANCE}?underlyingResourceAction=Delete")
    assert not lab.exists(INSTANCE)


@effect("instance-settles-in")
def an_instance_runs_in_its_subnet(lab: Lab) -> None:
    with_endpoint(lab)
    body = lab.put(INSTANCE, instance_body())["properties"]["properties"]
    assert body["state"] == "Running"
    assert body["connectivityEndpoints"]["privateIpAddress"].startswith("10.0.2.")
    assert lab.refused("DELETE", TRAINING)["code"] == "InUseSubnetCannotBeDeleted"
    lab.delete(f"{INSTANCE}?underlyingResourceAction=Delete")
    lab.delete(TRAINING)


@effect("instance-stops-when-idle")
def an_idle_instance_stops(lab: Lab) -> None:
    """Without an identity by itself; with one only when that is Contributor on the workspace."""
    with_endpoint(lab)
    lab.put(INSTANCE, instance_body())
    lab.advance(1900)
    assert state(lab) == "Stopped"
    lab.delete(f"{INSTANCE}?underlyingResourceAction=Delete")
    principal = lab.put(INSTANCE, instance_body({"type": "SystemAssigned"}))["identity"]["principalId"]
    lab.advance(4000)
    assert state(lab) == "Running"
    lab.engine.grant(WORKSPACE, ml.CONTRIBUTOR, principal)
    lab.advance(1900)
    assert state(lab) == "Stopped"
