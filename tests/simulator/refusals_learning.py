"""test_refusals.py's cases for Azure ML's models, schedules, endpoints and their deployments."""

from __future__ import annotations

from tests.simulator.estate import WORKSPACE
from tests.simulator.refusals import IGNORED, Case

PREFIX = "Microsoft.MachineLearningServices/workspaces"

CASES: dict[str, Case] = {
    f"{PREFIX}/models": Case(
        f"{WORKSPACE}/models/churn",
        {"properties": {}},
        None,
        "nothing is required: the API definition marks no property",
        ("properties.latestVersion", "9"),
        IGNORED + "latestVersion is readOnly in the API definition",
    ),
    f"{PREFIX}/models/versions": Case(
        f"{WORKSPACE}/models/churn/versions/1",
        {"properties": {"modelUri": "azureml://datastores/d/paths/m/"}},
        "properties.modelUri",
        ("UserError", "The property 'modelUri' of model"),
        ("properties.modelUri", "azureml://datastores/d/paths/other/"),
        ("UserError", "Asset paths cannot be updated."),
    ),
}
