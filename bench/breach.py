"""A thousand copies and reorderings of one breach in ten seconds, through the host's Event Grid webhook.

Beside each copy goes an event to a function that does nothing, on the same host and in the same seconds, so that what
else the machine does falls on both. Everything behind the webhook is at work meanwhile: the first copy is read back
from Azure, decided, and its training begun.
"""

from __future__ import annotations

import asyncio
import json
import random
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bench.creation import create, register
from bench.figures import Figure, percentile
from bench.load import Ask, Tally, paced
from bench.watched import (
    MONITOR,
    NAME,
    breach_of,
    breaching_run,
    remember,
    settings_of,
    topic_of,
    watched_stack,
)
from controlplane.audit.model import Kind
from controlplane.objects.repository import Objects, of_workspace
from controlplane.retraining.model import Decision
from controlplane.retraining.runs.model import Run
from controlplane.retraining.signal import Signal
from controlplane.retraining.signals.breach import BREACH_TAG
from controlplane.retraining.signals.evidence import SAMPLES_TAG
from controlplane.store.sqlite_store import SqliteStore
from tools.local import (
    LocalStack,
)

COPIES, SECONDS = 1_000, 10.0
_PATIENCE = 60.0


def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder, watched_stack(Path(folder)) as stack:
        client = register(stack)
        create(client, NAME)
        settings_of(stack, timeScale=100)
        topic = asyncio.run(topic_of(stack))
        run = breaching_run(stack, topic)
        asyncio.run(remember(stack, approval={"required": True}))
        return asyncio.run(_measure(stack, topic, run))


async def _measure(stack: LocalStack, topic: str, run: str) -> list[Figure]:
    keys = json.loads((stack.directory / "keys.json").read_text())
    code = str(keys["systemKeys"]["eventgrid_extension"])
    where = urlsplit(stack.api_url)
    host, port = where.hostname or "", where.port or 0
    empty = [_ask("empty", code, event) for event in copies_of(topic, "another-run")]
    for name in ("empty", "events"):  # the first second of each process, which nobody counts
        strange = [_ask(name, code, {**event, "topic": "/nobody"}) for event in copies_of(topic, "warm")[:50]]
        await paced(host, port, strange, 50, 1.0)
    copies = [_ask("events", code, event) for event in copies_of(topic, run)]
    rate = COPIES / SECONDS
    began = time.perf_counter()
    nothing, heard = await asyncio.gather(
        paced(host, port, empty, rate, SECONDS), paced(host, port, copies, rate, SECONDS)
    )
    return [_compared(nothing, heard, time.perf_counter() - began), _unanswered(heard), await _retrainings(stack)]


def _ask(function: str, code: str, event: dict[str, Any]) -> Ask:
    body = json.dumps([event]).encode()
    head = f"POST /runtime/webhooks/EventGrid?functionName={function}&code={code} HTTP/1.1\r\nhost: localhost\r\n"
    head += f"aeg-event-type: Notification\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    return Ask(function, head.encode() + body, frozenset({202}))


def copies_of(topic: str, run: str, monitor: str = MONITOR) -> list[dict[str, Any]]:
    """Statuses, times and ids differ, as those of one step's events do; their order is chance (seeded)."""
    now, chance = datetime.now(UTC), random.Random(11)
    statuses = ("Queued", "Preparing", "Running", "Finalizing", "Completed")
    events = [
        {
            "topic": topic,
            "subject": f"experiments/{monitor}/runs/{run}",
            "eventType": "Microsoft.MachineLearningServices.RunStatusChanged",
            "eventTime": (now - timedelta(seconds=chance.uniform(0, 600))).isoformat(),
            "id": f"{run}-{number // 2}",
            "data": {
                "runId": run,
                "runTags": {BREACH_TAG: breach_of(monitor), SAMPLES_TAG: "5000"},
                "runProperties": {},
                "runStatus": statuses[number % len(statuses)],
            },
            "dataVersion": "",
            "metadataVersion": "1",
        }
        for number in range(COPIES)
    ]
    chance.shuffle(events)
    return events


def _compared(nothing: Tally, heard: Tally, took: float) -> Figure:
    """Where the machine cannot send and answer them in their ten seconds, both wait in one line: the note says so."""
    floor, found = percentile(nothing.seconds, 0.99), percentile(heard.seconds, 0.99)
    note = (
        f"p99 {found * 1000:.1f} ms / {floor * 1000:.1f} ms; p50 {percentile(heard.seconds, 0.5) * 1000:.1f} ms / "
        f"{percentile(nothing.seconds, 0.5) * 1000:.1f} ms; all answered after {took:.1f} s"
    )
    name = f"{COPIES:,} copies of a breach in {SECONDS:.0f} s: p99 / p99 of an empty function"
    return Figure(name, found / floor, "×", 5, note)


def _unanswered(heard: Tally) -> Figure:
    answered = len(heard.seconds) - len(heard.errors)
    return Figure(
        "copies of a breach that were not answered 2xx", COPIES - answered, "", 0, "; ".join(heard.errors[:2])
    )


async def _retrainings(stack: LocalStack) -> Figure:
    store = SqliteStore(stack.directory / "store.db")
    objects, deadline = Objects(store, Kind.RETRAINING), time.monotonic() + _PATIENCE
    runs: tuple[Run, ...] = ()
    while not runs and time.monotonic() < deadline:
        await asyncio.sleep(0.2)
        runs = (await objects.page(Run, of_workspace(Run, NAME))).values
    await asyncio.sleep(2.0)  # whatever else would come of them
    runs = (await objects.page(Run, of_workspace(Run, NAME))).values
    signals = (await objects.page(Signal, of_workspace(Signal, NAME))).values
    decisions = (await objects.page(Decision, of_workspace(Decision, NAME))).values
    store.close()
    reasons = ", ".join(sorted({one.reason for one in decisions}))
    note = f"{len(runs)} retraining, {len(signals)} signal, {len(decisions)} decision: {reasons}"
    return Figure("retrainings of one breach beside the one", abs(len(runs) - 1) + abs(len(signals) - 1), "", 0, note)
