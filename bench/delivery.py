"""From the delivery of a breach to the job's PUT, beside an empty round trip of the queue, in the same run.

One breach after the other, each of a model of its own: the event goes to the host's webhook, its signal is read back
from Azure and decided, and the run is sent through azure-ai-ml. The job's time of creation is Azure's own, to the
microsecond, on the same clock. An empty round trip is a message that a tick finds nothing for, from its insertion until
it is gone.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from bench.breach import copies_of
from bench.creation import create, register
from bench.figures import Figure, percentile
from bench.watched import NAME, breaching_run, owner_of, remember, settings_of, topic_of, watched_stack
from controlplane.objects.tick import message_of
from controlplane.store.messages import encode
from controlplane.store.sqlite_queue import SqliteQueue
from tools.local import LocalStack

#: As many as the intake admits in an hour. The first is not counted: its process imports azure-ai-ml.
BREACHES = 20
_PATIENCE = 90.0


def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder, watched_stack(Path(folder)) as stack:
        create(register(stack), NAME)
        settings_of(stack, timeScale=100)
        topic = asyncio.run(topic_of(stack))
        with owner_of(stack) as owner:
            _pipeline(owner, topic)
            runs = [breaching_run(stack, topic, f"watch-{number}") for number in range(BREACHES)]
            for number in range(BREACHES):
                asyncio.run(remember(stack, f"watch-{number}", f"model-{number}"))
            found = [_delivered(stack, owner, topic, run, number) for number, run in enumerate(runs)]
        empty = asyncio.run(_round_trips(stack))
    spent, floor = percentile(found[1:], 0.95), percentile(empty, 0.95)
    note = f"p95 {spent * 1000:.0f} ms / {floor * 1000:.0f} ms; p50 {percentile(found[1:], 0.5) * 1000:.0f} ms"
    return [
        Figure(
            "delivery of a breach to its job's PUT: p95 / an empty round trip of the queue",
            spent / floor,
            "×",
            10,
            note,
        )
    ]


def _pipeline(owner: httpx.Client, topic: str) -> None:
    step = {"step": {"type": "command", "componentId": f"{topic}/components/train/versions/1"}}
    train = {"name": "train", "version": "1", "type": "command", "command": "echo", "environment": "azureml:e:1"}
    graph = {"name": "retrain", "version": "1", "type": "pipeline", "jobs": step}
    for name, spec in (("train", train), ("retrain", graph)):
        body = {"properties": {"componentSpec": spec}}
        owner.put(f"{topic}/components/{name}/versions/1", json=body).raise_for_status()


def _delivered(stack: LocalStack, owner: httpx.Client, topic: str, run: str, number: int) -> float:
    """Seconds from the delivery to the job's creation."""
    keys = json.loads((stack.directory / "keys.json").read_text())
    where = urlsplit(stack.api_url)
    url = f"http://{where.netloc}/runtime/webhooks/EventGrid"
    query = {"functionName": "events", "code": str(keys["systemKeys"]["eventgrid_extension"])}
    event = copies_of(topic, run, f"watch-{number}")[0]
    known = _jobs(owner, topic)
    sent = datetime.now(UTC)
    httpx.post(url, params=query, json=[event], headers={"aeg-event-type": "Notification"}).raise_for_status()
    deadline = time.monotonic() + _PATIENCE
    while not (new := _jobs(owner, topic).keys() - known.keys()):
        if time.monotonic() > deadline:
            raise RuntimeError(f"no job came of {run}")
        time.sleep(0.05)
    return (_jobs(owner, topic)[new.pop()] - sent).total_seconds()


def _jobs(owner: httpx.Client, topic: str) -> dict[str, datetime]:
    """Our jobs, and when Azure made them."""
    found: list[dict[str, Any]] = owner.get(f"{topic}/jobs").raise_for_status().json()["value"]
    ours = (one for one in found if one["name"].startswith("rt-"))
    return {one["name"]: datetime.fromisoformat(one["systemData"]["createdAt"]) for one in ours}


async def _round_trips(stack: LocalStack) -> list[float]:
    path, spent = stack.directory / "queue.db", []
    queue, look = SqliteQueue(path, "ticks"), sqlite3.connect(path, isolation_level=None)
    for number in range(BREACHES):
        await asyncio.sleep(0.2)
        message = message_of("signal", f"{NAME}.nothing-{number}")
        begun = time.monotonic()
        await queue.send(message)
        # Of this one only: what the runs left waits for its time.
        while look.execute("SELECT count(*) FROM queue_messages WHERE body = ?", (encode(message),)).fetchone()[0]:
            await asyncio.sleep(0.001)
            if time.monotonic() - begun > _PATIENCE:
                raise RuntimeError("the message is still there")
        spent.append(time.monotonic() - begun)
    queue.close()
    look.close()
    return spent[1:]
