"""A thousand copies and reorderings of one breach in ten seconds, through the host's Event Grid webhook.

Beside each copy goes an event to a function that does nothing, on the same host and in the same seconds, so that what
else the machine does falls on both. Everything behind the webhook is at work meanwhile: the first copy is read back
from Azure, decided, and its training begun.
"""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from bench.creation import create, register
from bench.figures import Figure, percentile
from bench.load import Ask, Tally, paced
from controlplane.audit.model import Kind
from controlplane.objects.repository import Objects, of_workspace, put
from controlplane.retraining.known import by_name
from controlplane.retraining.model import Decision, ModelState, state_id
from controlplane.retraining.monitors.model import Monitor, MonitorSignal, MonitorSpec, monitor_id
from controlplane.retraining.policy import RetrainingPolicy
from controlplane.retraining.runs.model import Run
from controlplane.retraining.signal import Signal, SignalKind
from controlplane.retraining.signals.breach import BREACH_TAG
from controlplane.retraining.signals.evidence import SAMPLES_TAG
from controlplane.store.sqlite_store import SqliteStore
from controlplane.workspaces.repository import WorkspaceRepository
from tools.local import (
    ROOT,
    LocalStack,
    controlplane_environment,
    start_functions,
    start_simulator,
    stop,
)

COPIES, SECONDS = 1_000, 10.0
NAME, MODEL, MONITOR = "breach-a", "churn", "watch"
_PATIENCE = 60.0
#: The product's functions, and one of the same kind that is empty.
_APP = f'''
import importlib.util

import azure.functions as func

_spec = importlib.util.spec_from_file_location("product_functions", {str(ROOT / "function_app.py")!r})
_product = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_product)
app = _product.app


@app.function_name("empty")
@app.event_grid_trigger(arg_name="event")
async def empty(event: func.EventGridEvent) -> None:
    """Nothing."""
'''
_BREACH = (
    f"The signal '{MONITOR}_drift' has failed due to one or more features violating metric thresholds.\nThe feature "
    "names and their corresponding computed metric values violating the threshold are \n"
    '[\'{"metric_value":0.4,"metric_name":"PopulationStabilityIndex","threshold_value":0.2,"group":"AGE"}\']\n'
)


def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder, _stack(Path(folder)) as stack:
        client = register(stack)
        create(client, NAME)
        _settings(stack, timeScale=100)
        topic = asyncio.run(_topic(stack))
        run = _monitored(stack, topic)
        asyncio.run(_remember(stack))
        return asyncio.run(_measure(stack, topic, run))


@contextmanager
def _stack(directory: Path) -> Iterator[LocalStack]:
    app = directory / "app"
    app.mkdir()
    (app / "function_app.py").write_text(_APP)
    shutil.copy(ROOT / "host.json", app / "host.json")
    with ExitStack() as running:
        simulator, azure = start_simulator(directory, "--time-scale", "5000")
        running.callback(stop, simulator)
        options = ("--app", str(app), "--state", str(directory))
        functions, url = start_functions(directory, controlplane_environment(azure, directory), *options)
        running.callback(stop, functions)
        yield LocalStack(azure, url, directory, simulator.pid, functions.pid)


def _settings(stack: LocalStack, **values: Any) -> None:
    with httpx.Client(base_url=stack.azure["SIMULATOR_URL"], verify=stack.azure["SSL_CERT_FILE"], timeout=60) as http:
        http.patch("/simulator/settings", json=values).raise_for_status()


async def _topic(stack: LocalStack) -> str:
    """The Azure ML workspace of a workspace of the product."""
    store = SqliteStore(stack.directory / "store.db")
    found = await by_name(WorkspaceRepository(store), NAME)
    store.close()
    if found is None:
        raise RuntimeError(f"workspace {NAME} is not stored")
    return found.workspace_id


def _monitored(stack: LocalStack, topic: str) -> str:
    """A schedule called as the monitor is, which has started a run that tells of the breach; the run's name."""
    env = stack.azure
    form = {"grant_type": "client_credentials", "scope": "https://management.azure.com/.default"}
    who = {"client_id": env["AZURE_CLIENT_ID"], "client_secret": env["AZURE_CLIENT_SECRET"]}
    with httpx.Client(base_url=env["ARM_ENDPOINT"], verify=env["SSL_CERT_FILE"], timeout=60) as http:
        answer = http.post(f"{env['SIMULATOR_URL']}/{env['AZURE_TENANT_ID']}/oauth2/v2.0/token", data=form | who)
        http.headers["authorization"] = f"Bearer {answer.raise_for_status().json()['access_token']}"
        http.params = httpx.QueryParams({"api-version": "2024-01-01-preview"})
        tags = {BREACH_TAG: _BREACH, SAMPLES_TAG: "5000"}
        job = {"jobType": "Command", "command": "echo", "environmentId": "azureml:env:1", "tags": tags}
        trigger = {"triggerType": "Recurrence", "frequency": "Month", "interval": 1}
        action = {"actionType": "CreateJob", "jobDefinition": job}
        schedule = f"{topic}/schedules/{MONITOR}"
        http.put(schedule, json={"properties": {"trigger": trigger, "action": action}}).raise_for_status()
        deadline = time.monotonic() + _PATIENCE
        while http.get(schedule).json().get("properties", {}).get("provisioningState") != "Succeeded":
            if time.monotonic() > deadline:
                raise RuntimeError("the schedule is not made")
            time.sleep(0.05)
        started = http.post(f"{schedule}/trigger", json={"scheduleTime": datetime.now(UTC).isoformat()})
        return str(started.raise_for_status().json()["submissionId"])


async def _remember(stack: LocalStack) -> None:
    """The monitor and the policy, as their own requests would have left them."""
    now, store = datetime.now(UTC), SqliteStore(stack.directory / "store.db")
    shared: dict[str, Any] = {"workspace": NAME, "incarnation": 1, "project": "churn"}
    spec = MonitorSpec(
        model=MODEL,
        endpoint="ep",
        deployment="blue",
        signals=(MonitorSignal(name="drift", kind=SignalKind.DATA_DRIFT, thresholds={"psi": 0.2}),),
    )
    monitor = Monitor(
        id=monitor_id(NAME, MONITOR), name=MONITOR, spec=spec, last_modified_at=now, last_modified_by="bench", **shared
    )
    policy = {
        "pipeline": {"name": "retrain", "version": "1", "compute": "cpu"},
        "agreement": "none",
        "windows": {"period": "P1D", "breaches": 1, "of": 1, "minimumSeen": 1},
        "minimumSamples": 100,
        "approval": {"required": True},
    }
    state = ModelState(
        id=state_id(NAME, MODEL),
        model=MODEL,
        policy=RetrainingPolicy.model_validate(policy),
        policy_generation=1,
        **shared,
    )
    await Objects(store, Kind.RETRAINING).commit([*put(None, monitor), *put(None, state)])
    store.close()


async def _measure(stack: LocalStack, topic: str, run: str) -> list[Figure]:
    keys = json.loads((stack.directory / "keys.json").read_text())
    code = str(keys["systemKeys"]["eventgrid_extension"])
    where = urlsplit(stack.api_url)
    host, port = where.hostname or "", where.port or 0
    empty = [_ask("empty", code, event) for event in _copies(topic, "another-run")]
    for name in ("empty", "events"):  # the first second of each process, which nobody counts
        strange = [_ask(name, code, {**event, "topic": "/nobody"}) for event in _copies(topic, "warm")[:50]]
        await paced(host, port, strange, 50, 1.0)
    copies = [_ask("events", code, event) for event in _copies(topic, run)]
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


def _copies(topic: str, run: str) -> list[dict[str, Any]]:
    """Statuses, times and ids differ, as those of one step's events do; their order is chance (seeded)."""
    now, chance = datetime.now(UTC), random.Random(11)
    statuses = ("Queued", "Preparing", "Running", "Finalizing", "Completed")
    events = [
        {
            "topic": topic,
            "subject": f"experiments/{MONITOR}/runs/{run}",
            "eventType": "Microsoft.MachineLearningServices.RunStatusChanged",
            "eventTime": (now - timedelta(seconds=chance.uniform(0, 600))).isoformat(),
            "id": f"{run}-{number // 2}",
            "data": {
                "runId": run,
                "runTags": {BREACH_TAG: _BREACH, SAMPLES_TAG: "5000"},
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
