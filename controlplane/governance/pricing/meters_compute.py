"""What machines are billed by: Azure ML's computes, and the hub's jump host and build agents."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from controlplane.arm import fold
from controlplane.governance.pricing.table import DAYS, HOURS
from controlplane.governance.pricing.usage import ASSUMPTIONS, Range
from controlplane.governance.pricing.uses import Found, Item, Scene, Unpriced, Use, assumed, fixed
from controlplane.json_types import JsonObject
from controlplane.workspaces.resolve import at

#: Nodes of a cluster that one load balancer serves. Source: "Plan to manage costs for Azure Machine Learning".
NODES_EACH_BALANCER = 50
_SIZE = re.compile(r"standard_([a-z0-9]+(?:_[a-z0-9]+)*)")
#: Disks by kind: smallest tier that holds an image of Ubuntu (30 GB).
_DISKS = {
    "standardssd_lrs": "disk.e4-lrs.month",
    "premium_lrs": "disk.p4-lrs.month",
    "standard_lrs": "disk.s4-lrs.month",
}
#: Of this many GB at most.
_DISK_GB = 32
#: What build agents are called in a blueprint.
AGENTS = re.compile(r"(vm/agent-\d+|scale-set/agents)")


def vm_meter(size: str, *, low_priority: bool = False) -> str | None:
    """``Standard_DS3_v2`` → ``vm.ds3-v2.linux.hour``. None for what is no size."""
    found = _SIZE.fullmatch(size.strip().lower())
    if found is None:
        return None
    return f"vm.{found[1].replace('_', '-')}.linux.{'low-priority.' if low_priority else ''}hour"


def compute(item: Item, scene: Scene) -> Found:
    """Clusters at expected and maximum use, instances as long as they run; a load balancer until they are deleted."""
    del scene
    kind, inner = fold(str(at(item.body, "properties.computeType") or "")), at(item.body, "properties.properties") or {}
    low = fold(str(inner.get("vmPriority") or "Dedicated")) == "lowpriority"
    meter = vm_meter(str(inner.get("vmSize") or ""), low_priority=low)
    if meter is None or kind not in ("amlcompute", "computeinstance"):
        return Unpriced(f"No price is known of computes of type {at(item.body, 'properties.computeType')!r}.")
    if kind == "computeinstance":
        return (
            assumed(meter, "instanceHours"),
            fixed("disk.p10-lrs.month", 1, "also while it is stopped"),
            fixed("ml.compute.load-balancer.day", DAYS, "until the instance is deleted"),
        )
    return _cluster(meter, inner)


def _cluster(meter: str, inner: JsonObject) -> Found:
    scale: Any = inner.get("scaleSettings") or {}
    least, most = int(scale.get("minNodeCount") or 0), int(scale.get("maxNodeCount") or 0)
    hours = Range.of(HOURS * least) + ASSUMPTIONS["nodeHours"].range.times(max(0, most - least))
    balancers = max(1, -(-most // NODES_EACH_BALANCER))
    nodes = Use(meter, hours, ("nodeHours",), note=f"{least} to {most} nodes")
    return (nodes, fixed("ml.compute.load-balancer.day", DAYS * balancers, "until the cluster is deleted"))


def machine(item: Item, scene: Scene) -> Found:
    """Runs all the time: nothing of ours stops it."""
    del scene
    profile = at(item.body, "properties.storageProfile.osDisk") or {}
    return _machines(item, str(at(item.body, "properties.hardwareProfile.vmSize") or ""), profile, 1)


def scale_set(item: Item, scene: Scene) -> Found:
    """As many machines as it has at first; Azure Pipelines makes them more or fewer."""
    del scene
    profile = at(item.body, "properties.virtualMachineProfile.storageProfile.osDisk") or {}
    return _machines(item, str(at(item.body, "sku.name") or ""), profile, int(at(item.body, "sku.capacity") or 0))


def _machines(item: Item, size: str, disk: JsonObject, count: int) -> Found:
    meter = vm_meter(size)
    if meter is None:
        return Unpriced(f"No price is known of machines of size {size!r}.")
    uses: tuple[Use, ...] = (fixed(meter, HOURS * count, f"{count} running all the time" if count != 1 else ""),)
    if AGENTS.fullmatch(item.key):
        # One job of the organization is free, and further ones are paid by the month (S1-56).
        uses += (assumed("devops.self-hosted-job.month", "parallelJobs", count),)
    kind = _DISKS.get(fold(str(at(disk, "managedDisk.storageAccountType") or "")))
    if kind is None or Decimal(str(disk.get("diskSizeGB") or _DISK_GB)) > _DISK_GB:
        return Unpriced("No price is known of disks of this kind and size.", uses)
    return (*uses, fixed(kind, count))
