"""What jobs and nodes depend on, noticed by the job client: with a hook switched off its scenario is red.

Over HTTPS, because ``azure-ai-ml`` speaks nothing else. One workspace for the module; every scenario leaves it whole.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from controlplane.azure.job_request import JobRequest
from controlplane.azure.jobs import JobClient
from controlplane.errors import Rejected
from tests.support.product import Product, running_product

ENVIRONMENT = "azureml://registries/azureml/environments/sklearn-1.5/versions/1"
#: Of Azure's clock: hours at the scale of these tests. A job with everything it needs is over, any other is stuck.
LEAP_SECONDS = 10
ENDED = ("Completed", "Failed", "Canceled")

pytestmark = pytest.mark.filterwarnings("ignore::marshmallow.warnings.Marshmallow4Warning")


@dataclass
class Lab:
    """The example workspace and a job client; jobs are numbered, because a name is taken for ever."""

    product: Product
    jobs: JobClient
    ids: dict[str, str]
    number: int = 0
    _nodes: list[int] = field(default_factory=list)

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.product.run(work)

    async def submit(self, compute: str = "cpu") -> str:
        self.number += 1
        name = f"job-{self.number}"
        request = JobRequest(name, "test", "python train.py", ENVIRONMENT, compute)
        await self.jobs.submit(self.ids["workspace"], request)
        return name

    def leap(self) -> None:
        """Azure's time goes on by hours: what is going to happen has happened then."""
        self.product.simulator.control("PUT", "clock", json={"advanceSeconds": LEAP_SECONDS, "azure": True})

    async def ending(self, name: str) -> str:
        """The job's status when it has ended, or is never going to."""
        self.leap()
        state = await self.jobs.state(self.ids["workspace"], name)
        assert state is not None
        return state.status

    async def nothing_is_left(self) -> None:
        """No job that waits, and no node. A job that waited asks for nodes again when a repair has let it: one that
        was left would bring a node to the next scenario. The end of a job is when a cluster looks for idle nodes."""
        for name in (f"job-{number}" for number in range(1, self.number + 1)):
            state = await self.jobs.state(self.ids["workspace"], name)
            if state is not None and state.status not in ENDED:
                await self.jobs.cancel(self.ids["workspace"], name)
                assert await self.ending(name) in ENDED
        if self.nodes():
            assert await self.ending(await self.submit()) in ENDED
            self.leap()
        assert self.nodes() == 0

    def nodes(self) -> int:
        body = self.product.owner.get(self.ids["cluster/cpu"]) or {}
        return int(body["properties"]["properties"].get("currentNodeCount", 0))


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with running_product(tmp_path_factory.mktemp("product")) as product:
        operation = product.finish(product.put())
        assert operation.status == "Succeeded", operation.error
        jobs = JobClient(product.settings, product.simulator.env["DATA_SCIENTIST_CLIENT_ID"])
        yield Lab(product, jobs, product.ids())
        product.run(jobs.close())


@pytest.fixture(autouse=True)
def whole(lab: Lab) -> Iterator[None]:
    """Every hook is on again, nothing is broken, waits or runs when a test ends."""
    yield
    lab.product.simulator.hooks(dict.fromkeys(SCENARIOS, True))
    if lab.product.failing():
        assert lab.product.repair().status == "Succeeded"
    lab.run(lab.nothing_is_left())


async def a_job_runs_to_its_end(lab: Lab) -> None:
    assert await lab.ending(await lab.submit()) == "Completed"


async def a_job_on_a_cluster_that_is_not_there_is_refused(lab: Lab) -> None:
    with pytest.raises(Rejected):
        await lab.submit("gone")


async def nodes_come_for_a_job_and_leave_after_it(lab: Lab) -> None:
    await lab.ending(await lab.submit())
    lab.leap()
    assert lab.nodes() == 0


def detached(lab: Lab) -> None:
    """Somebody takes the way out away."""
    arm_id = lab.ids["subnet/training"]
    body = lab.product.owner.get(arm_id) or {}
    properties = {name: value for name, value in body["properties"].items() if name != "natGateway"}
    lab.product.owner.put(arm_id, {"properties": properties}).raise_for_status()


async def without_a_way_out_a_job_waits(lab: Lab) -> None:
    await asyncio.to_thread(detached, lab)
    assert await lab.ending(await lab.submit()) == "Queued"


async def without_the_workspace_s_name_a_job_waits(lab: Lab) -> None:
    answer = await asyncio.to_thread(lab.product.owner.delete, lab.ids["dns-link/api/ml"])
    answer.raise_for_status()
    assert await lab.ending(await lab.submit()) == "Queued"


SCENARIOS: dict[str, Callable[[Lab], Coroutine[Any, Any, None]]] = {
    "job-runs": a_job_runs_to_its_end,
    "job-compute": a_job_on_a_cluster_that_is_not_there_is_refused,
    "cluster-scales-down": nodes_come_for_a_job_and_leave_after_it,
    "nodes-need-endpoint-and-egress": without_a_way_out_a_job_waits,
    "nodes-resolve-workspace": without_the_workspace_s_name_a_job_waits,
}


@pytest.mark.parametrize("hook", SCENARIOS)
def test_the_scenario_holds(lab: Lab, hook: str) -> None:
    lab.run(SCENARIOS[hook](lab))


@pytest.mark.parametrize("hook", SCENARIOS)
def test_without_the_hook_it_is_red(lab: Lab, hook: str) -> None:
    lab.product.simulator.hooks({hook: False})
    # A job client that finds no status says so by an error of its own.
    with pytest.raises((AssertionError, pytest.fail.Exception, AttributeError)):
        lab.run(SCENARIOS[hook](lab))
