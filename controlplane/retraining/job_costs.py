"""What one run is estimated to cost, where the policy does not say it: price of a node x nodes x hours (D26). Pure.

Prices are those of the price table: whoever decides asks nobody, so that the same signal is decided in the same way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from controlplane.governance.pricing.nodes import NodePrice, job_cost, node_price
from controlplane.governance.pricing.table import CURRENCY, Confidence, snapshot
from controlplane.json_types import JsonObject
from controlplane.retraining.policy import BudgetGuard, Pipeline


@dataclass(frozen=True, slots=True)
class Pool:
    """A cluster of the workspace's spec."""

    size: str
    most_nodes: int
    price: NodePrice | None
    """Of one node; None where no price is known."""


@dataclass(frozen=True, slots=True)
class JobCost:
    """``amount`` None: nobody knows; ``how`` says what it rests on, or what is missing."""

    amount: Decimal | None
    how: str


def pools_of(spec: JsonObject) -> Mapping[str, Pool]:
    """By the clusters' names in lower case; ``spec`` as it is stored."""
    region = str(spec.get("location") or "")
    clusters = (spec.get("compute") or {}).get("clusters") or ()
    return {str(one["name"]).lower(): _pool(one, region) for one in clusters}


def _pool(cluster: JsonObject, region: str) -> Pool:
    size, low = str(cluster["size"]), bool(cluster.get("lowPriority"))
    return Pool(size, int(cluster["maxNodes"]), node_price(snapshot(), size, region, low_priority=low))


def job_cost_of(guard: BudgetGuard, pipeline: Pipeline, pools: Mapping[str, Pool]) -> JobCost:
    """What the policy says, or what the cluster's nodes cost for as long as the run is expected to take; at the most,
    where neither is said: all nodes until the pipeline's timeout."""
    if guard.job_estimate is not None:
        return JobCost(Decimal(str(guard.job_estimate)), "as the policy says")
    pool = pools.get((pipeline.compute or "").lower())
    if pool is None:
        return JobCost(None, f"The workspace's spec has no cluster {pipeline.compute!r}, so nobody knows the nodes.")
    if pool.price is None or guard.currency != CURRENCY:
        return JobCost(None, f"No price of {pool.size} is known in {guard.currency}.")
    nodes, time = guard.nodes or pool.most_nodes, guard.expected or pipeline.timeout
    amount = job_cost(pool.price, nodes, time)
    sure = " (an uncertain price)" if pool.price.confidence is Confidence.UNCERTAIN else ""
    hours = f"{time.total_seconds() / 3600:g}"
    return JobCost(amount, f"{nodes} x {pool.size} for {hours} h at {pool.price.hour} {CURRENCY} an hour{sure}")
