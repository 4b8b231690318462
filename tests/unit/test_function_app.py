"""What the Functions host sees when it loads the app, and what loading it costs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import function_app

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("azure.mgmt", "azure.ai.ml", "azure.core", "azure.identity", "azure.monitor", "aiohttp", "jwt", "sqlite3")

INDEXED = {
    "api": [
        {"type": "httpTrigger", "direction": "IN", "name": "req", "route": "api/{*path}", "authLevel": "ANONYMOUS"},
        {"type": "http", "direction": "OUT", "name": "$return"},
    ],
    "ticks": [
        {
            "type": "queueTrigger",
            "direction": "IN",
            "name": "message",
            "queueName": "ticks",
            "connection": "AzureWebJobsStorage",
        }
    ],
    "poison": [
        {
            "type": "queueTrigger",
            "direction": "IN",
            "name": "message",
            "queueName": "ticks-poison",
            "connection": "AzureWebJobsStorage",
        }
    ],
    "events": [{"type": "eventGridTrigger", "direction": "IN", "name": "event"}],
    "wake": [
        {"type": "timerTrigger", "direction": "IN", "name": "timer", "schedule": "0 * * * * *", "runOnStartup": False}
    ],
    "checkpoint": [
        {"type": "timerTrigger", "direction": "IN", "name": "timer", "schedule": "0 0 * * * *", "runOnStartup": False}
    ],
    "monitors": [
        {
            "type": "timerTrigger",
            "direction": "IN",
            "name": "timer",
            "schedule": "0 3,18,33,48 * * * *",
            "runOnStartup": False,
        }
    ],
    "costs": [
        {
            "type": "timerTrigger",
            "direction": "IN",
            "name": "timer",
            "schedule": "0 10 */4 * * *",
            "runOnStartup": False,
        }
    ],
    "fleet": [
        {"type": "timerTrigger", "direction": "IN", "name": "timer", "schedule": "0 40 2 * * *", "runOnStartup": False}
    ],
    "live": [
        {"type": "timerTrigger", "direction": "IN", "name": "timer", "schedule": "0 */4 * * * *", "runOnStartup": False}
    ],
}


def test_the_host_indexes_its_functions_and_no_catch_all() -> None:
    indexed = {f.get_function_name(): json.loads(str(f))["bindings"] for f in function_app.app.get_functions()}
    assert set(indexed) == set(INDEXED)
    for name, bindings in INDEXED.items():
        for binding, wanted in zip(indexed[name], bindings, strict=True):
            plain = {key: str(value) if key in ("type", "direction") else value for key, value in binding.items()}
            assert wanted.items() <= plain.items()


def test_loading_the_app_loads_no_sdk() -> None:
    probe = "import sys, function_app; print('\\n'.join(sorted(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", probe], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    loaded = set(out.split())
    assert "azure.functions" in loaded
    assert [name for name in loaded if name.startswith(HEAVY)] == []


@pytest.mark.parametrize(
    "imports",
    [
        "from controlplane.http.app import create_app; create_app(lambda: None)",
        "import controlplane.triggers.sweeps",
        "import controlplane.triggers.events",
        "import controlplane.triggers.checkpoints",
    ],
)
def test_what_serves_and_listens_loads_no_sdk(imports: str) -> None:
    """A first request waits for its imports; the SDKs of retraining and monitoring take seconds and are ticks'."""
    probe = f"import sys, function_app; {imports}; print('\\n'.join(sorted(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", probe], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    loaded = set(out.split())
    assert "controlplane.retraining.model" in loaded or "checkpoints" in imports
    # Tokens are checked with PyJWT.
    assert [name for name in loaded if name.startswith(tuple(one for one in HEAVY if one != "jwt"))] == []
