"""Examples of the OpenAPI document; a test holds that each of them is accepted."""

from __future__ import annotations

from typing import Any

REGISTRATION: dict[str, Any] = {
    "subscriptions": ["00000000-0000-0000-0000-000000000001"],
    "regions": ["westeurope"],
    "resourceGroupPrefix": "rg-churn-",
    "addressPools": ["10.40.0.0/16"],
    "members": {"contributors": ["00000000-0000-0000-0000-0000000000c1"]},
}

SPEC: dict[str, Any] = {
    "project": "churn",
    "environment": "dev",
    "subscriptionId": "00000000-0000-0000-0000-000000000001",
    "location": "westeurope",
    "owners": ["00000000-0000-0000-0000-0000000000a1"],
    "network": {"addressSpace": "10.40.0.0/22"},
    "compute": {"clusters": [{"name": "cpu", "size": "Standard_DS3_v2", "maxNodes": 4}]},
}

PATCH: dict[str, Any] = {"compute": {"clusters": [{"name": "cpu", "size": "Standard_DS3_v2", "maxNodes": 8}]}}

ACCESS: dict[str, Any] = {
    "dataScientists": ["00000000-0000-0000-0000-0000000000d1"],
    "projectLeads": ["00000000-0000-0000-0000-0000000000d5"],
}

JOB: dict[str, Any] = {
    "workspace": "churn-dev",
    "job": {
        "type": "command",
        "command": "python train.py --data ${{inputs.orders}}",
        "environment": "azureml:sklearn-1.5@latest",
        "compute": "azureml:cpu",
        "inputs": {"orders": {"type": "uri_folder", "path": "azureml://datastores/sales/paths/2026/"}},
        "identity": {"type": "user_identity"},
    },
}

POLICY: dict[str, Any] = {
    "kinds": ["dataDrift", "predictionDrift", "modelPerformance"],
    "windows": {"period": "P1D", "breaches": 2, "of": 5},
    "kpi": {"metric": "Accuracy", "limit": 0.85},
    "cooldown": "P7D",
    "quietHours": [{"days": [5, 6], "begin": "18:00", "end": "08:00", "timeZone": "Europe/Zurich"}],
    "pipeline": {
        "kind": "component",
        "name": "retrain-churn",
        "version": "3",
        "compute": "cpu",
        "fromSignal": {"begin": "windowBegin", "end": "windowEnd", "reason": "reason"},
    },
    "gate": {"metric": "accuracy", "minimum": 0.8, "minAbsoluteChange": 0.005},
}

SIMULATION: dict[str, Any] = {
    "from": "2026-10-01T00:00:00Z",
    "to": "2026-11-01T00:00:00Z",
    "policy": {**POLICY, "windows": {"period": "P1D", "breaches": 3, "of": 5}},
}

MONITOR: dict[str, Any] = {
    "model": "churn",
    "endpoint": "churn",
    "deployment": "blue",
    "period": "P1D",
    "emails": ["churn-team@contoso.example"],
    "signals": [
        {
            "name": "data-drift",
            "kind": "dataDrift",
            "thresholds": {"NormalizedWassersteinDistance": 0.1, "JensenShannonDistance": 0.1},
            "reference": {"asset": {"data": "azureml:churn-training:3"}},
        },
        {
            "name": "prediction-drift",
            "kind": "predictionDrift",
            "thresholds": {"PopulationStabilityIndex": 0.2},
            "reference": {"window": "P1D", "offset": "P2D"},
        },
        {"name": "quality", "kind": "dataQuality", "thresholds": {"NullValueRate": 0.05, "OutOfBoundsRate": 0.02}},
    ],
    "alerts": [
        {"name": "latency", "kind": "latency", "threshold": 500},
        {"name": "errors", "kind": "errors", "threshold": 10, "severity": 1},
        {"name": "sudden-errors", "kind": "suddenErrors", "window": "PT5M", "severity": 0},
        {"name": "throttling", "kind": "throttling", "threshold": 1000},
        {"name": "requests", "kind": "requests"},
        {"name": "utilisation", "kind": "utilisation", "threshold": 85},
    ],
    "watch": {
        "size": "medium",
        "latency": {"raiseAt": 500, "clearAt": 400},
        "errors": {"raiseAt": 0.02, "clearAt": 0.01, "minimum": 100},
        "unusedAfter": "P14D",
    },
}

LABELING: dict[str, Any] = {
    "annotation": "BoundingBox",
    "data": "azureml:parts:1",
    "categories": {"part": {"displayName": "Part", "classes": {"sound": "Sound", "broken": "Broken"}}},
    "instructions": "https://contoso.example/labelling/parts",
}

ALERT: dict[str, Any] = {
    "schemaId": "azureMonitorCommonAlertSchema",
    "data": {
        "essentials": {
            "alertId": "/providers/Microsoft.AlertsManagement/alerts/00000000-0000-0000-0000-0000000000e1",
            "alertRule": "latency",
            "severity": "Sev2",
            "signalType": "Metric",
            "monitorCondition": "Fired",
            "monitoringService": "Platform",
            "alertTargetIDs": ["/subscriptions/00000000-0000-0000-0000-000000000001/resourcegroups/rg-churn-churn-dev"],
            "firedDateTime": "2026-11-22T08:00:00Z",
        },
        "alertContext": {},
    },
}

WISH: dict[str, Any] = {"workspace": "churn-dev", "model": "churn", "reason": "The price list changed on Monday."}

PLAN: dict[str, Any] = {"spec": SPEC}

REMEDIATION: dict[str, Any] = {"maxInstances": 4, "maxNodes": 8, "step": 1, "cooldown": "PT1H"}

CLOSING: dict[str, Any] = {"cause": "upstreamChange", "note": "The feed sends prices in cents since Monday."}

EXPIRY: dict[str, Any] = {"expiresOn": "2027-06-30", "idleAfter": "P30D", "grace": "P14D", "action": "archive"}
EXTENSION: dict[str, Any] = {"until": "2027-09-30", "reason": "The pilot runs until the end of September."}
EXEMPTION: dict[str, Any] = {"until": "2027-01-31", "reason": "The team is on another project until then."}
RETIREMENT: dict[str, Any] = {"reason": "The project has ended."}
ARCHIVE: dict[str, Any] = {"reason": "Nobody works here until spring."}
BUDGET: dict[str, Any] = {
    "monthly": {"amount": 2000, "currency": "USD"},
    "tiers": [
        {"at": 50},
        {"at": 80, "act": "ask"},
        {"at": 100, "act": "blockComputes"},
        {"at": 120, "act": "blockJobs"},
        {"at": 100, "of": "forecast"},
    ],
    "recipients": ["businessStakeholders", "productOwners", "projectLeads"],
    "notice": "PT24H",
}

BUDGET_ANSWER: dict[str, Any] = {"answer": "accept", "reason": "The campaign ends on Friday."}
