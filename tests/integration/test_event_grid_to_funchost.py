"""Event Grid of the simulator, and the webhook of a function host: the handshake, events, repetitions."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from tests.support.funchost import running_host
from tests.support.simulator import RunningSimulator, simulator, simulator_process  # noqa: F401 (fixtures)
from tests.support.waiting import PATIENCE_SECONDS

V = {"api-version": "2025-02-15"}
TYPE = "Microsoft.Resources.ResourceWriteSuccess"


@pytest.mark.parametrize("schema", ["EventGridSchema", "CloudEventSchemaV1_0"])
async def test_events_reach_a_function(tmp_path: Path, simulator: RunningSimulator, schema: str) -> None:  # noqa: F811
    """One that fails is delivered again, and counts as delivered when the function has taken it."""
    simulator.settings(timeScale=2000)
    group = f"{simulator.subscription}/resourceGroups/events"
    async with running_host(tmp_path) as host, simulator.arm() as arm:
        await arm.put(group, params={"api-version": "2021-04-01"}, json={"location": "westeurope"})
        key = json.loads((tmp_path / "keys.json").read_text())["systemKeys"]["eventgrid_extension"]
        url = f"{host.url}/runtime/webhooks/EventGrid?functionName=events&code={key}"
        body = {
            "destination": {"endpointType": "WebHook", "properties": {"endpointUrl": url}},
            "eventDeliverySchema": schema,
        }
        path = f"{group}/providers/Microsoft.EventGrid/eventSubscriptions/to-function"
        answer = await arm.put(path, params=V, json={"properties": body})
        async with asyncio.timeout(PATIENCE_SECONDS):
            ended = {"status": "InProgress"}
            while ended["status"] == "InProgress":
                await asyncio.sleep(0.02)
                ended = (await arm.get(answer.headers["azure-asyncoperation"])).json()
        assert ended["status"] == "Succeeded", ended
        for data in ({"n": 1}, {"fail": True}):
            simulator.inject(kind="event", topic=group, eventType=TYPE, subject="s", data=data)

        def delivered() -> list[object]:
            return [one["data"] for one in host.notes("delivered")]

        await host.until(lambda: delivered().count({"fail": True}) > 1 and {"n": 1} in delivered())
        # The function notes what came before its host answers.
        results = lambda: {one["result"] for one in simulator.control("GET", "eventgrid")["deliveries"]}  # noqa: E731
        await host.until(lambda: results() == {"Delivered", "Retried"})
        ids = {one["id"] for one in host.notes("delivered") if one["data"] == {"fail": True}}
        assert len(ids) == 1
