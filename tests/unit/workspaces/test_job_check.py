"""A job is held against the rules of identities and images: one that keeps a rule, and one that breaks it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.workspaces.jobs import JobCheck, JobQuestion, Level, check_job
from controlplane.workspaces.jobs.model import JobFacts

Job = dict[str, Any]
FACTS = JobFacts(
    {"sales": {"credentials": {"credentialsType": "None"}}, "old": {"credentials": {"credentialsType": "AccountKey"}}},
    ("crimages",),
)
AS_USER: Job = {"identity": {"type": "user_identity"}}
AS_COMPUTE: Job = {"identity": {"type": "managed_identity"}}
IMAGE = "crimages.azurecr.io/base/torch:3"


def reading(store: str = "sales", **more: Any) -> Job:
    return {"command": "train", "inputs": {"data": {"path": f"azureml://datastores/{store}/paths/x"}}, **more}


def pipeline(*steps: Job, **more: Any) -> Job:
    return {"type": "pipeline", "jobs": {f"step{place}": step for place, step in enumerate(steps)}, **more}


def ask(job: Job, **more: Any) -> JobCheck:
    return check_job(JobQuestion(workspace="churn-dev", job=job, **more), FACTS)


def said(found: JobCheck, requirement: str) -> list[tuple[Level, str]]:
    return [(one.level, one.target) for one in found.findings if requirement in one.requirements]


#: Requirement → job that breaks the rule, what is found, job that keeps it.
VALIDATED: dict[str, tuple[Job, list[tuple[Level, str]], Job]] = {
    "S2-59": (
        pipeline(reading(), reading(**AS_COMPUTE), **AS_USER),
        [(Level.WARNING, "$.jobs.step0.identity"), (Level.WARNING, "$.jobs.step1.identity")],
        pipeline(reading(**AS_USER), reading(**AS_USER), **AS_USER),
    ),
    "S2-61": (
        reading("old", **AS_USER),
        [(Level.ERROR, "$.inputs.data")],
        reading("sales", **AS_USER),
    ),
    "S2-83": (
        {"command": "train", "environment": {"image": IMAGE, "conda_file": "env.yml"}},
        [(Level.ERROR, "$.environment")],
        {"command": "train", "environment": {"image": "mcr.microsoft.com/x:1", "conda_file": "env.yml"}},
    ),
}
ENFORCED: dict[str, tuple[Job, list[tuple[Level, str]], Job]] = {
    "S2-58": (
        pipeline(reading(**AS_USER), reading(**AS_COMPUTE)),
        [(Level.ERROR, "$.jobs.step1.identity")],
        pipeline(reading(**AS_COMPUTE), reading(**AS_COMPUTE)),
    ),
    "S2-60": (
        pipeline({"component": pipeline(reading()), **AS_USER}, **AS_USER),
        [(Level.ERROR, "$.identity"), (Level.ERROR, "$.jobs.step0.identity")],
        pipeline({"component": pipeline(reading(**AS_USER)), **AS_USER}, **AS_USER),
    ),
    "S2-82": (
        {"endpoint_name": "churn", "environment": {"image": IMAGE}},
        [(Level.ERROR, "$.environment")],
        {"command": "train", "environment": {"image": IMAGE}},
    ),
}
ADVISED: dict[str, tuple[Job, list[tuple[Level, str]], Job]] = {
    "S2-55": (reading(**AS_USER), [(Level.INFO, "$.identity")], reading()),
    "S2-62": (reading(), [(Level.INFO, "$.inputs.data")], reading("old")),
    "S2-64": (
        pipeline({"component": "azureml:prep:1", **AS_USER}),
        [(Level.INFO, "$.jobs.step0.component")],
        pipeline({"component": "azureml:prep:1"}),
    ),
}


def held(requirement: str, case: tuple[Job, list[tuple[Level, str]], Job]) -> None:
    broken, found, kept = case
    assert said(ask(broken), requirement) == found
    assert said(ask(kept), requirement) == []
    assert not (ask(broken).valid and Level.ERROR in {level for level, _ in found})


@pytest.mark.parametrize("requirement", [*VALIDATED, "S2-57"])
def test_validate(requirement: str) -> None:
    if requirement == "S2-57":
        assert said(ask(reading(**AS_USER), submitted_from="studio"), "S2-57") == [(Level.ERROR, "$.identity")]
        assert said(ask(reading(**AS_USER), submitted_from="cli"), "S2-57") == []
        assert said(ask(reading(), submitted_from="studio"), "S2-57") == []
        return
    held(requirement, VALIDATED[requirement])


@pytest.mark.parametrize("requirement", ENFORCED)
def test_enforce(requirement: str) -> None:
    held(requirement, ENFORCED[requirement])


@pytest.mark.parametrize("requirement", ADVISED)
def test_advise(requirement: str) -> None:
    held(requirement, ADVISED[requirement])


@pytest.mark.parametrize("requirement", ["S2-56"])
def test_report(requirement: str) -> None:
    """What to ask the storage account's logs."""
    (finding,) = (one for one in ask(reading(**AS_USER)).findings if requirement in one.requirements)
    assert "StorageBlobLogs" in finding.message and "RequesterObjectId" in finding.message
    assert said(ask(reading()), requirement) == []


#: Requirement → question, and the job that is answered.
MENDED: dict[str, tuple[Job, dict[str, Any], Job]] = {
    "S2-63": (
        pipeline({"component": pipeline(reading())}, reading(**AS_COMPUTE), **AS_USER),
        {"data_access": "userIdentity"},
        pipeline({"component": pipeline(reading(**AS_USER))}, reading(**AS_USER)),
    ),
    "S2-81": (
        {"command": "train", "environment": IMAGE},
        {},
        {"command": "train", "environment": {"image": IMAGE}},
    ),
}


@pytest.mark.parametrize("requirement", MENDED)
def test_create(requirement: str) -> None:
    job, more, wanted = MENDED[requirement]
    found = ask(job, **more)
    assert found.job == wanted
    assert found.valid


def test_who_reads_each_input_is_answered() -> None:
    both = {"a": {"path": "azureml://datastores/sales/paths/x"}, "b": "azureml:datastores/old/paths/y"}
    both["b"] = "azureml://subscriptions/s/resourcegroups/g/workspaces/w/datastores/old/paths/y"
    job = {"command": "x", "inputs": both, "outputs": {"c": {"path": "azureml://datastores/gone/paths/z"}}, **AS_USER}
    assert {(one.target, one.identity) for one in ask(job).reads} == {
        ("$.inputs.a", "userIdentity"),
        ("$.inputs.b", "storedCredential"),
        ("$.outputs.c", "unknown"),
    }


def test_what_could_not_be_read_is_unknown_and_so_not_valid() -> None:
    found = check_job(JobQuestion(workspace="churn-dev", job=reading(**AS_USER)), JobFacts(None))
    assert not found.valid
    assert [one.level for one in found.findings if one.code == "DatastoreNotFound"] == [Level.UNKNOWN]


def test_an_image_of_a_registry_that_nobody_granted_is_found() -> None:
    found = ask({"command": "x", "environment": {"image": "crother.azurecr.io/base:1"}})
    assert [one.code for one in found.findings] == ["ImageRegistryNotGranted"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just(IMAGE) | st.just("azureml:a:1"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["jobs", "component", "identity", "type", "inputs", "path", "environment", "image", "a"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=15,
)


@given(job=st.dictionaries(st.sampled_from(["jobs", "identity", "inputs", "environment", "component"]), JSON))
def test_a_job_of_any_shape_is_answered(job: Job) -> None:
    found = ask(job, data_access="userIdentity")
    assert found.valid is not any(one.level in (Level.ERROR, Level.UNKNOWN) for one in found.findings)
