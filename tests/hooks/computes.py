"""Azure ML: compute instances."""

from __future__ import annotations

from tests.hooks.people import Az
from tests.hooks.scenarios import noticed, sent, spec, succeeded
from tests.support.blueprints import with_instance
from tests.support.quiet_product import QuietProduct


@noticed("compute-keeps-its-type")
def a_cluster_does_not_become_an_instance(product: QuietProduct) -> None:
    arm_id, body = sent(product, "cluster/cpu")
    product.owner("PUT", arm_id, {**body, "properties": {**body["properties"], "computeType": "ComputeInstance"}})
    assert product.failing() == set()


@noticed("compute-deletion-says-how")
def nobody_deletes_a_cluster_without_saying_how(product: QuietProduct) -> None:
    """Ours say it: an archive, and each workspace that is deleted."""
    arm_id = product.ids()["cluster/cpu"]
    assert product.azure.call("owner", "DELETE", f"{arm_id}?api-version=2024-10-01").status == 400
    product.settle()
    assert product.failing() == set()


@noticed("instance-rules", world="empty")
def an_instance_cannot_stop_after_a_minute(product: QuietProduct) -> None:
    succeeded(product.create(spec(**with_instance())))
    arm_id, body = sent(product, "instance/ada-box")
    inner = {**body["properties"]["properties"], "idleTimeBeforeShutdown": "PT1M"}
    product.owner("DELETE", arm_id)
    product.owner("PUT", arm_id, {**body, "properties": {"computeType": "ComputeInstance", "properties": inner}})
    found = [f for f in product.validate().report.findings if f.status == "Fail" and f.key == "instance/ada-box"]
    assert [(f.path, f.observed) for f in found] == [("$", None)]


@noticed("instance-settles-in", world="empty")
def an_instance_holds_its_subnet(product: QuietProduct) -> None:
    succeeded(product.create(spec(**with_instance())))
    product.owner("DELETE", product.ids()["subnet/training"])
    assert product.failing() == set()


@noticed("instance-stops-when-idle", world="empty")
def an_instance_stops_because_its_identity_may_stop_it(product: QuietProduct) -> None:
    """S2-52: the product grants the right; without it the instance runs on."""
    succeeded(product.create(spec(**with_instance(idleShutdown="PT30M", identity={"type": "systemAssigned"}))))
    box = product.ids()["instance/ada-box"]
    product.advance(3600)
    assert Az(product).show(box)["properties"]["properties"]["state"] == "Stopped"
    product.owner("DELETE", product.ids()["role/instance/ada-box/workspace/contributor"])
    product.owner("POST", f"{box}/start", {}, "2025-12-01")
    product.advance(3600)
    assert product.failing() == {"role/instance/ada-box/workspace/contributor"}
    assert Az(product).show(box)["properties"]["properties"]["state"] == "Running"
    succeeded(product.repair())
    product.advance(3600)
    assert Az(product).show(box)["properties"]["properties"]["state"] == "Stopped"
