"""What a job reaches by URL, by asset and by compute: found, or said to be unknown, and never taken for good."""

from __future__ import annotations

from typing import Any

import pytest

from controlplane.workspaces.jobs import JobCheck, JobQuestion, Level, check_job
from controlplane.workspaces.jobs.granted import readers
from controlplane.workspaces.jobs.model import Asset, JobFacts
from tests.support.blueprints import compiled, spec, with_data

Job = dict[str, Any]
HOME = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w"
LIES = "azureml://subscriptions/s/resourcegroups/g/workspaces/W/datastores/sales/paths/x/"
FACTS = JobFacts(
    datastores={"sales": {"credentials": {"credentialsType": "None"}}},
    home=HOME,
    assets={
        Asset("data", "orders", "3", None): LIES,
        Asset("data", "orders", None, "latest"): LIES,
        Asset("data", "web", "1", None): "https://stknown.blob.core.windows.net/raw/x",
        Asset("data", "round", "1", None): "azureml:round:1",
        Asset("data", "gone", "9", None): None,
    },
    computes=frozenset({"cpu", "gpu"}),
    readers={"stknown": frozenset({"cpu"})},
)
AS_USER: Job = {"identity": {"type": "user_identity"}}
KNOWN, STRANGE = "https://stknown.blob.core.windows.net/raw/x", "https://ststrange.blob.core.windows.net/raw/x"


def ask(where: Any, facts: JobFacts = FACTS, **more: Any) -> JobCheck:
    job = {"command": "x", "compute": "azureml:cpu", "inputs": {"data": {"path": where}}, **more}
    return check_job(JobQuestion(workspace="churn-dev", job=job), facts)


def said(found: JobCheck) -> set[tuple[str, Level]]:
    return {(one.code, one.level) for one in found.findings if one.requirements == ()}


def readers_named(found: JobCheck) -> set[str]:
    return {one.identity for one in found.reads}


#: Path → identity of the step, finding of its reach, who reads.
BY_URL: dict[str, tuple[str, Job, tuple[str, Level], str]] = {
    "a compute that may": (KNOWN, {}, ("AccountByUrl", Level.INFO), "computeIdentity"),
    "a compute that may not": (KNOWN, {"compute": "gpu"}, ("AccountByUrl", Level.ERROR), "computeIdentity"),
    "no compute": (KNOWN, {"compute": None}, ("AccountByUrl", Level.UNKNOWN), "unknown"),
    "nobody knows": (STRANGE, {}, ("AccountByUrl", Level.UNKNOWN), "unknown"),
    "a person": (STRANGE, AS_USER, ("AccountByUrl", Level.INFO), "userIdentity"),
    "signed": (f"{KNOWN}?sv=1&sig=abc", {}, ("AccountByUrl", Level.WARNING), "storedCredential"),
    "signed for a person": (f"{KNOWN}?sig=abc", AS_USER, ("AccountByUrl", Level.ERROR), "storedCredential"),
    "wasbs": ("wasbs://raw@stknown.blob.core.windows.net/x", {}, ("AccountByUrl", Level.INFO), "computeIdentity"),
    "abfss": ("abfss://raw@stknown.dfs.core.windows.net/x", {}, ("AccountByUrl", Level.INFO), "computeIdentity"),
    "another cloud": ("https://st.blob.core.chinacloudapi.cn/x", {}, ("DataPathUnknown", Level.UNKNOWN), "unknown"),
    "anywhere": ("http://example.com/x.csv", {}, ("DataPathUnknown", Level.UNKNOWN), "unknown"),
    "no host": ("https://[x", {}, ("DataPathUnknown", Level.ERROR), "unknown"),
    "through an asset": ("azureml:web:1", {}, ("AccountByUrl", Level.INFO), "computeIdentity"),
    "not read": ("azureml:orders:8", {}, ("DataAssetNotFound", Level.UNKNOWN), "unknown"),
    "not there": ("azureml:gone:9", {}, ("DataAssetNotFound", Level.ERROR), "unknown"),
    "in a circle": ("azureml:round:1", {}, ("DataPathUnknown", Level.UNKNOWN), "unknown"),
    "a registry": ("azureml://registries/r/data/d/versions/1", {}, ("DataPathUnknown", Level.UNKNOWN), "unknown"),
    "another workspace": (
        "azureml://subscriptions/s/resourcegroups/g/workspaces/other/datastores/sales/paths/x",
        {},
        ("DataPathUnknown", Level.UNKNOWN),
        "unknown",
    ),
}


@pytest.mark.parametrize("name", BY_URL)
def test_who_reads_there_or_that_nobody_knows(name: str) -> None:
    where, more, finding, who = BY_URL[name]
    found = ask(where, **more)
    assert said(found) == {finding}
    assert readers_named(found) == {who}
    assert found.valid is (finding[1] not in (Level.ERROR, Level.UNKNOWN))


@pytest.mark.parametrize("where", ["azureml:orders:3", "azureml:orders@latest", LIES])
def test_an_asset_is_judged_as_the_datastore_that_it_leads_to(where: str) -> None:
    found = ask(where)
    assert found.valid
    assert {(one.datastore, one.identity) for one in found.reads} == {("sales", "computeIdentity")}
    kept = JobFacts(
        {"sales": {"credentials": {"credentialsType": "Sas"}}}, assets=FACTS.assets, computes=FACTS.computes
    )
    assert "StoredCredentialWins" in {one.code for one in ask(where, kept, **AS_USER).findings}


def test_a_signature_is_repeated_in_no_finding() -> None:
    found = ask(f"{KNOWN}?sv=1&sig=verysecret")
    assert "verysecret" not in " ".join(one.message for one in found.findings)


def test_an_input_of_a_pipeline_is_judged_at_the_step_that_reads_it() -> None:
    step = {"command": "x", "inputs": {"in": "${{parent.inputs.data}}", "rate": 0.1}}
    job = {
        "type": "pipeline",
        "settings": {"default_compute": "azureml:gpu"},
        "inputs": {"data": {"type": "uri_file", "path": KNOWN}},
        "jobs": {"one": step, "two": {**step, "compute": "azureml:cpu"}},
    }
    found = check_job(JobQuestion(workspace="churn-dev", job=job), FACTS)
    assert {(one.target, one.level) for one in found.findings if one.code == "AccountByUrl"} == {
        ("$.jobs.one.inputs.in", Level.ERROR),
        ("$.jobs.two.inputs.in", Level.INFO),
    }


#: What ``compute`` says → level of what is found; None for nothing.
COMPUTES: dict[str, tuple[Any, Level | None]] = {
    "there": ("azureml:cpu", None),
    "in capitals": ("azureml:CPU", None),
    "by its id": (f"azureml:{HOME}/computes/cpu", None),
    "not there": ("azureml:big", Level.ERROR),
    "of another workspace": (f"azureml:{HOME}2/computes/cpu", Level.ERROR),
    "bound": ("${{parent.inputs.compute}}", Level.UNKNOWN),
    "serverless": ("serverless", None),
    "none": (None, None),
}


@pytest.mark.parametrize("name", COMPUTES)
def test_a_compute_that_is_not_there_is_found(name: str) -> None:
    said_in_job, level = COMPUTES[name]
    found = ask("azureml:orders:3", compute=said_in_job)
    assert [one.level for one in found.findings if one.code == "ComputeNotFound"] == ([level] if level else [])
    assert found.valid is (level is None)


def test_computes_that_could_not_be_read_are_unknown() -> None:
    found = ask("azureml:orders:3", JobFacts(FACTS.datastores, assets=FACTS.assets, computes=None))
    assert said(found) == {("ComputeNotFound", Level.UNKNOWN)}
    assert not found.valid


def test_a_deployment_and_what_is_no_path_are_left_alone() -> None:
    assert check_job(JobQuestion(workspace="churn-dev", job={"endpoint_name": "e", "compute": "big"}), FACTS).valid
    assert ask("./local").reads == ()
    assert ask("${{parent.jobs.prep.outputs.out}}").reads == ()


def test_what_an_mltable_refers_to_is_said_not_to_be_looked_at() -> None:
    job = {"command": "x", "inputs": {"t": {"type": "mltable", "path": "azureml:orders:3"}}}
    found = check_job(JobQuestion(workspace="churn-dev", job=job), FACTS)
    assert [one.level for one in found.findings if one.code == "TableNotRead"] == [Level.WARNING]


def test_who_may_read_an_account_is_what_the_blueprint_grants() -> None:
    account = with_data()["datastores"][0]["account"].rpartition("/")[2].lower()
    cluster = {"name": "one", "size": "Standard_DS3_v2", "maxNodes": 1}
    # An instance works as the person who owns it unless it has an identity.
    box = {"name": "ada-box", "size": "Standard_DS3_v2", "assignedTo": "00000000-0000-0000-0000-0000000000a1"}
    changes = {**with_data(), "compute": {"clusters": [cluster], "instances": [box]}}
    found = readers(spec(**changes), compiled(**changes))
    assert found[account] == {"one"}
    assert all(names == {"one"} for names in found.values())
