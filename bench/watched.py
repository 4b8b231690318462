"""A host and a simulator with a workspace whose models are watched, for measuring what becomes of breaches."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from controlplane.audit.model import Kind
from controlplane.objects.repository import Objects, put
from controlplane.retraining.declared import declared_id
from controlplane.retraining.known import by_name
from controlplane.retraining.model import ModelState, state_id
from controlplane.retraining.monitors.model import Monitor, MonitorSignal, MonitorSpec
from controlplane.retraining.policy import RetrainingPolicy
from controlplane.retraining.signal import SignalKind
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


def breach_of(monitor: str) -> str:
    """The message of its signal `drift`, in the words of Azure ML's component."""
    return (
        f"The signal '{monitor}_drift' has failed due to one or more features violating metric thresholds.\nThe "
        "feature names and their corresponding computed metric values violating the threshold are \n"
        '[\'{"metric_value":0.4,"metric_name":"PopulationStabilityIndex","threshold_value":0.2,"group":"AGE"}\']\n'
    )


@contextmanager
def watched_stack(directory: Path) -> Iterator[LocalStack]:
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


def settings_of(stack: LocalStack, **values: Any) -> None:
    with httpx.Client(base_url=stack.azure["SIMULATOR_URL"], verify=stack.azure["SSL_CERT_FILE"], timeout=60) as http:
        http.patch("/simulator/settings", json=values).raise_for_status()


async def topic_of(stack: LocalStack) -> str:
    """The Azure ML workspace of a workspace of the product."""
    store = SqliteStore(stack.directory / "store.db")
    found = await by_name(WorkspaceRepository(store), NAME)
    store.close()
    if found is None:
        raise RuntimeError(f"workspace {NAME} is not stored")
    return found.workspace_id


@contextmanager
def owner_of(stack: LocalStack) -> Iterator[httpx.Client]:
    """ARM as the subscription's owner."""
    env = stack.azure
    form = {"grant_type": "client_credentials", "scope": "https://management.azure.com/.default"}
    who = {"client_id": env["AZURE_CLIENT_ID"], "client_secret": env["AZURE_CLIENT_SECRET"]}
    with httpx.Client(base_url=env["ARM_ENDPOINT"], verify=env["SSL_CERT_FILE"], timeout=60) as http:
        answer = http.post(f"{env['SIMULATOR_URL']}/{env['AZURE_TENANT_ID']}/oauth2/v2.0/token", data=form | who)
        http.headers["authorization"] = f"Bearer {answer.raise_for_status().json()['access_token']}"
        http.params = httpx.QueryParams({"api-version": "2024-01-01-preview"})
        yield http


def breaching_run(stack: LocalStack, topic: str, monitor: str = MONITOR) -> str:
    """A schedule called as the monitor is, which has started a run that tells of the breach; the run's name."""
    with owner_of(stack) as http:
        tags = {BREACH_TAG: breach_of(monitor), SAMPLES_TAG: "5000"}
        job = {"jobType": "Command", "command": "echo", "environmentId": "azureml:env:1", "tags": tags}
        trigger = {"triggerType": "Recurrence", "frequency": "Month", "interval": 1}
        action = {"actionType": "CreateJob", "jobDefinition": job}
        schedule = f"{topic}/schedules/{monitor}"
        http.put(schedule, json={"properties": {"trigger": trigger, "action": action}}).raise_for_status()
        deadline = time.monotonic() + _PATIENCE
        while http.get(schedule).json().get("properties", {}).get("provisioningState") != "Succeeded":
            if time.monotonic() > deadline:
                raise RuntimeError("the schedule is not made")
            time.sleep(0.05)
        started = http.post(f"{schedule}/trigger", json={"scheduleTime": datetime.now(UTC).isoformat()})
        return str(started.raise_for_status().json()["submissionId"])


async def remember(stack: LocalStack, monitor: str = MONITOR, model: str = MODEL, **policy: Any) -> None:
    """The monitor and the policy, as their own requests would have left them."""
    now, store = datetime.now(UTC), SqliteStore(stack.directory / "store.db")
    shared: dict[str, Any] = {"workspace": NAME, "incarnation": 1, "project": "churn"}
    spec = MonitorSpec(
        model=model,
        endpoint="ep",
        deployment="blue",
        signals=(MonitorSignal(name="drift", kind=SignalKind.DATA_DRIFT, thresholds={"psi": 0.2}),),
    )
    watching = Monitor(
        id=declared_id(NAME, monitor), name=monitor, spec=spec, last_modified_at=now, last_modified_by="bench", **shared
    )
    asked = {
        "pipeline": {"name": "retrain", "version": "1", "compute": "cpu"},
        "agreement": "none",
        "windows": {"period": "P1D", "breaches": 1, "of": 1, "minimumSeen": 1},
        "minimumSamples": 100,
        **policy,
    }
    state = ModelState(
        id=state_id(NAME, model),
        model=model,
        policy=RetrainingPolicy.model_validate(asked),
        policy_generation=1,
        **shared,
    )
    await Objects(store, Kind.RETRAINING).commit([*put(None, watching), *put(None, state)])
    store.close()
