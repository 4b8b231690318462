"""The settings' names: those of the sample, of ``Settings``, of host.json and of the functions' bindings agree."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from controlplane.settings import Settings
from controlplane.store import messages
from simulator.planes.world import Config
from tests.simulator.lab import QuietWorld

ROOT = Path(__file__).resolve().parents[2]
SAMPLE: dict[str, str] = json.loads((ROOT / "local.settings.sample.json").read_text())["Values"]
HOST: dict[str, Any] = json.loads((ROOT / "host.json").read_text())
#: What the host itself reads (https://learn.microsoft.com/azure/azure-functions/functions-app-settings).
HOSTS_OWN = {"FUNCTIONS_WORKER_RUNTIME", "AzureWebJobsStorage"}
#: What libraries read: where an identity gets its tokens, and which certificates are trusted.
LIBRARIES = {"IDENTITY_ENDPOINT", "IDENTITY_HEADER", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"}
PLACEHOLDER = re.compile(r"<(\w+) of \.local/azure\.env>")
REQUIRED: dict[str, Any] = {
    "tenant_ids": ("t",), "audience": "a", "observer_client_id": "o", "operator_client_id": "p",
}  # fmt: skip


def names_of_settings() -> dict[str, bool]:
    """Name in the environment → whether it must be set."""
    return {
        str(field.validation_alias or f"CONTROLPLANE_{name.upper()}"): field.is_required()
        for name, field in Settings.model_fields.items()
    }


@pytest.fixture(scope="module")
def bindings() -> list[dict[str, Any]]:
    """As the host would index them; an app can be asked once in a process, so this is another one."""
    program = "import function_app as f; print('[', ','.join(map(str, f.app.get_functions())), ']')"
    answer = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True)
    return [binding for function in json.loads(answer.stdout) for binding in function["bindings"]]


def filled_in() -> dict[str, str]:
    """The sample with what the simulator's env file holds."""
    azure = {**QuietWorld(Config(base="https://localhost:8443")).environment(), "SSL_CERT_FILE": "ca.pem"}
    azure["REQUESTS_CA_BUNDLE"] = azure["SSL_CERT_FILE"]
    return {name: PLACEHOLDER.sub(lambda found: azure[found[1]], value) for name, value in SAMPLE.items()}


def test_the_sample_has_no_name_that_nobody_reads() -> None:
    assert set(SAMPLE) - set(names_of_settings()) - HOSTS_OWN - LIBRARIES == set()


def test_the_sample_misses_none_that_is_required() -> None:
    required = {name for name, must in names_of_settings().items() if must}
    assert required | HOSTS_OWN | LIBRARIES <= set(SAMPLE)


def test_every_connection_and_every_name_in_a_binding_is_in_the_sample(bindings: list[dict[str, Any]]) -> None:
    connections = {binding["connection"] for binding in bindings if "connection" in binding}
    assert connections == {"AzureWebJobsStorage"}
    percent = set(re.findall(r"%([^%]+)%", json.dumps([bindings, HOST])))
    assert connections | percent <= set(SAMPLE)


def test_the_queue_that_is_sent_to_is_the_one_that_is_listened_to(bindings: list[dict[str, Any]]) -> None:
    queues = [binding["queueName"] for binding in bindings if binding["type"] == "queueTrigger"]
    sent_to = SAMPLE.get("CONTROLPLANE_QUEUE_NAME", Settings.model_fields["queue_name"].default)
    assert sorted(queues) == [sent_to, f"{sent_to}-poison"]
    assert HOST["extensions"]["queues"]["messageEncoding"] == "base64"
    assert messages.encode("größe") == "Z3LDtsOfZQ=="


def test_every_placeholder_is_in_the_env_file_of_the_simulator(simulator_env: dict[str, str]) -> None:
    named = {name for value in SAMPLE.values() for name in PLACEHOLDER.findall(value)}
    assert named <= set(simulator_env)
    assert not any("<" in value for value in filled_in().values())


@pytest.fixture
def simulator_env() -> dict[str, str]:
    source = (ROOT / "simulator" / "server" / "run.py").read_text()
    written = {name: name for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE") if f'"{name}"' in source}
    return {**QuietWorld(Config(base="https://localhost:8443")).environment(), **written}


def test_the_sample_filled_in_is_the_emulators_table_and_queue(tmp_path: Path) -> None:
    program = """
import json
from controlplane import bootstrap
account = bootstrap.storage_account().connection
print(json.dumps([type(bootstrap.store()).__name__, type(bootstrap.queue()).__name__, account.table_url,
                  account.queue_url, account.blob_url, bootstrap.settings().arm_endpoint]))
"""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("CONTROLPLANE_", "AzureWeb"))}
    answer = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=clean | filled_in(), check=True, capture_output=True, text=True
    )
    account = [f"http://127.0.0.1:{port}/devstoreaccount1" for port in (10002, 10001, 10000)]
    assert json.loads(answer.stdout) == ["AzureTableStore", "AzureQueue", *account, "https://localhost:8443"]


# -- the values --------------------------------------------------------------------------------------------------------


def test_names_of_the_hosts_connection_are_read_as_the_host_spells_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AzureWebJobsStorage", "AccountName=a;AccountKey=c2VjcmV0")
    for name in ("accountName", "tableServiceUri", "queueServiceUri", "blobServiceUri", "credential", "clientId"):
        monkeypatch.setenv(f"AzureWebJobsStorage__{name}", f"value{name.lower()}"[:24])
    settings = Settings(**REQUIRED)
    assert settings.web_jobs_storage is not None
    assert settings.web_jobs_storage.get_secret_value() == "AccountName=a;AccountKey=c2VjcmV0"
    assert "c2VjcmV0" not in repr(settings) + str(settings.model_dump())
    found = (settings.web_jobs_account_name, settings.web_jobs_table_uri, settings.web_jobs_queue_uri)
    assert found == ("valueaccountname", "valuetableserviceuri", "valuequeueserviceuri")
    rest = (settings.web_jobs_blob_uri, settings.web_jobs_credential, settings.web_jobs_client_id)
    assert rest == ("valueblobserviceuri", "valuecredential", "valueclientid")


@pytest.mark.parametrize("bad", [{"table": "a-b"}, {"table": "1ab"}, {"queue_name": "Ticks"}, {"queue_name": "a--b"}])
def test_names_that_storage_refuses_are_refused_at_once(bad: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Settings(**REQUIRED, **bad)


@pytest.mark.parametrize(
    ("asked", "endpoint"),
    [
        ({}, "https://prices.azure.com"),
        ({"cloud": "AzureUSGovernment"}, "https://prices.azure.com"),
        ({"cloud": "AzureChinaCloud"}, "none"),  # there is no list of its prices
        ({"prices_endpoint": "none"}, "none"),
        ({"prices_endpoint": "https://localhost:8443/"}, "https://localhost:8443"),
    ],
)
def test_where_prices_are_asked_for(asked: dict[str, str], endpoint: str) -> None:
    assert Settings(**REQUIRED, **asked).prices_endpoint == endpoint


@pytest.mark.parametrize("bad", ["http://prices.azure.com", "prices.azure.com", "None"])
def test_prices_come_over_https(bad: str) -> None:
    with pytest.raises(ValidationError):
        Settings(**REQUIRED, prices_endpoint=bad)
