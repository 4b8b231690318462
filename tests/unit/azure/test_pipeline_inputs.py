"""Nothing of this process's own files becomes an input of a job."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from controlplane.azure._ml import Session
from controlplane.azure.pipeline_inputs import require_remote
from controlplane.errors import Rejected
from controlplane.ports.ml import Component, PipelineJob

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
