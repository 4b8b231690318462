"""Nothing of this process's own files becomes an input of a job."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from controlplane.azure._ml import Session
from controlplane.azure.pipeline_inputs import require_remote, require_remote_data
from controlplane.errors import Rejected
from controlplane.ports.ml import Component, PipelineJob
from controlplane.ports.schedules import DataWindow, MonitorJob, MonitorRequest, PipelineSchedule, SignalRequest

TYPES = {"orders": "uri_folder", "model": "mlflow_model", "reason": "string", "rate": "number"}


@pytest.mark.parametrize(
    "value",
    [
        "azureml:orders:3",
        "azureml://datastores/sales/paths/2026/",
        "https://account.blob.core.windows.net/orders/",
        "abfss://orders@lake.dfs.core.windows.net/2026",
    ],
)
def test_data_in_azure_is_taken(value: str) -> None:
    require_remote(TYPES, {"orders": value, "model": value, "reason": "/proc/self/environ", "rate": "0.1"})


@pytest.mark.parametrize(
    "value",
    ["/proc/self/environ", "/home/site/wwwroot", "../secrets", ".", "", "file:///etc/passwd", "http://x/y", "azureml:",
     "/etc/passwd azureml:x", "C:\\\\secrets"],
)  # fmt: skip
@pytest.mark.parametrize("name", ["orders", "model", "unknown"])
def test_a_path_is_refused(name: str, value: str) -> None:
    with pytest.raises(Rejected) as refused:
        require_remote(TYPES, {name: value})
    assert (refused.value.code, refused.value.target) == ("PipelineInputNotAllowed", f"$.pipeline.inputs.{name}")


def test_a_policys_path_reaches_no_sdk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The component is read, and nothing is made of it."""
    made: list[Any] = []
    component = type("Component", (), {"inputs": {"orders": SimpleNamespace(type="uri_folder")}})()
    type(component).__call__ = lambda self, **inputs: made.append(inputs)
    client = SimpleNamespace(components=SimpleNamespace(get=lambda name, version: component))
    session = Session.__new__(Session)
    monkeypatch.setattr(session, "_client", lambda workspace_id: client, raising=False)
    job = PipelineJob(
        "rt-1", "decision", Component("azureml:retrain:3"), "retraining", inputs={"orders": str(tmp_path)}
    )
    with pytest.raises(Rejected) as refused:
        session.submit_pipeline("/subscriptions/s/resourceGroups/g", job, "azureml:retrain:3", {})
    assert (refused.value.code, made) == ("PipelineInputNotAllowed", [])


_BEGIN, _WINDOW = datetime(2026, 11, 2, tzinfo=UTC), DataWindow("P1D", "P0D")


def _asked(production: str, reference: str) -> MonitorRequest:
    signal = SignalRequest(
        "scores_drift", "DataDrift", {"JensenShannonDistance": 0.1}, {"model_inputs": production}, _WINDOW, reference,
        "uri_folder", "model_inputs",
    )  # fmt: skip
    return MonitorRequest(
        "scores", "day", 1, _BEGIN, "classification", "scores", "blue", "standard_e4s_v3", "3.4", (signal,)
    )


def _session(monkeypatch: pytest.MonkeyPatch, client: Any) -> Session:
    session = Session.__new__(Session)
    monkeypatch.setattr(session, "_client", lambda workspace_id: client, raising=False)
    return session


def test_a_monitors_pipeline_takes_no_path_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The schedule of `computedBy: pipeline` is refused before anything is sent."""
    sent: list[Any] = []
    component = SimpleNamespace(inputs={"orders": SimpleNamespace(type="uri_folder")})
    client = SimpleNamespace(
        components=SimpleNamespace(get=lambda name, version: component),
        schedules=SimpleNamespace(begin_create_or_update=sent.append),
    )
    job = MonitorJob("azureml:drift:3", "cpu", {"orders": str(tmp_path)})
    with pytest.raises(Rejected) as refused:
        _session(monkeypatch, client).put_schedule("/ws", PipelineSchedule("scores", "day", 1, _BEGIN, job))
    assert (refused.value.code, sent) == ("PipelineInputNotAllowed", [])


@pytest.mark.parametrize("place", ["production", "reference"])
def test_a_deployments_collected_data_is_no_path_of_ours(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever deploys says where data is collected; azure-ai-ml would upload a folder of that name."""
    sent: list[Any] = []
    client = SimpleNamespace(schedules=SimpleNamespace(begin_create_or_update=sent.append))
    data = {"production": "azureml:inputs:1", "reference": "azureml:inputs:1", place: str(tmp_path)}
    with pytest.raises(Rejected) as refused:
        _session(monkeypatch, client).put_schedule("/ws", _asked(**data))
    assert (refused.value.code, sent) == ("MonitorDataNotAllowed", [])


@pytest.mark.parametrize(
    "value",
    [
        "azureml:scores-blue-model_inputs:1",
        "azureml://datastores/workspaceblobstore/paths/modelDataCollector/scores",
        "/subscriptions/s-1/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/data/in/versions/1",
    ],
)
def test_collected_data_in_azure_is_taken(value: str) -> None:
    require_remote_data(_asked(value, value))
