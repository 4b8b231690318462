"""Computes that no spec names: stored, taken away and made again; those that stay, and what does not come back."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from controlplane.arm import fold
from controlplane.computes import is_machine
from controlplane.errors import Rejected
from controlplane.governance.budgets.model import Budget
from controlplane.governance.expiry.archive import ArchiveState
from controlplane.governance.expiry.archive_computes import kept_compute, left, lost, strays
from controlplane.governance.expiry.confidential import confidential
from controlplane.objects.repository import put
from tests.support.expiry_world import ExpiryWorld
from tests.unit.governance.expiry.test_expiry_ticks import play

HERE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/computes"


def compute(kind: str, inner: dict[str, Any], **outer: Any) -> dict[str, Any]:
    properties = {"computeType": kind, "properties": inner, "provisioningState": "Succeeded", **outer}
    return {"id": f"{HERE}/one", "name": "one", "location": "westeurope", "properties": properties}


def test_a_cluster_is_written_again_as_it_was_set() -> None:
    counted = {"currentNodeCount": 2, "targetNodeCount": 2, "nodeStateCounts": {}, "allocationState": "Steady"}
    asked = {"vmSize": "Standard_DS3_v2", "scaleSettings": {"maxNodeCount": 4}, "enableNodePublicIp": False}
    shown = compute("AmlCompute", {**counted, **asked, "subnet": None}, createdOn="x", isAttachedCompute=False)
    kept = kept_compute(shown)
    assert kept.body["properties"] == {"computeType": "AmlCompute", "properties": asked}
    assert not kept.stopped


def test_an_instance_is_made_again_for_whom_it_was() -> None:
    ssh = {"sshPublicAccess": "Enabled", "adminUserName": "azureuser", "sshPort": 4001, "adminPublicKey": "ssh-rsa A"}
    entry = {"id": "1", "provisioningStatus": "Completed", "action": "Stop", "cron": {"expression": "0 18 * * *"}}
    inner = {
        "vmSize": "Standard_DS3_v2", "state": "Stopped", "applications": [], "sshSettings": ssh,
        "createdBy": {"userId": "ada", "userOrgId": "t"}, "schedules": {"computeStartStop": [entry]},
    }  # fmt: skip
    kept = kept_compute(compute("ComputeInstance", inner))
    assert kept.stopped
    assert kept.body["properties"]["properties"] == {
        "vmSize": "Standard_DS3_v2",
        "sshSettings": {"sshPublicAccess": "Enabled", "adminPublicKey": "ssh-rsa A"},
        "schedules": {"computeStartStop": [{"action": "Stop", "cron": {"expression": "0 18 * * *"}}]},
        "personalComputeInstanceSettings": {"assignedUser": {"objectId": "ada", "tenantId": "t"}},
    }
    eve = {"assignedUser": {"objectId": "eve", "tenantId": "t"}}
    kept = kept_compute(compute("ComputeInstance", {**inner, "personalComputeInstanceSettings": eve}))
    assert kept.body["properties"]["properties"]["personalComputeInstanceSettings"] == eve


def test_a_user_of_nodes_without_a_key_is_told_and_not_written() -> None:
    named = {"vmSize": "x", "userAccountCredentials": {"adminUserName": "root"}}
    shown = compute("AmlCompute", named)
    assert kept_compute(shown).body["properties"]["properties"] == {"vmSize": "x"}
    assert ["key" in one.why for one in lost(shown)] == [True]
    keyed = compute("AmlCompute", {"userAccountCredentials": {"adminUserName": "root", "adminUserSshPublicKey": "k"}})
    assert lost(keyed) == ()
    assert "userAccountCredentials" in kept_compute(keyed).body["properties"]["properties"]


@pytest.mark.parametrize(
    "shown",
    [
        compute("Kubernetes", {"namespace": "ml"}, isAttachedCompute=True, resourceId="/subscriptions/x"),
        compute("VirtualMachine", {"address": "10.0.0.4"}),
        compute("Databricks", {}),
        compute("AmlCompute", {}, isAttachedCompute=True),
        {"id": f"{HERE}/one", "properties": {}},
    ],
)
def test_what_is_attached_stays_and_is_told(shown: dict[str, Any]) -> None:
    assert not is_machine(shown)
    assert strays([shown], set()) == ()
    (told,) = left([shown])
    assert told.id == shown["id"] and "costs where it stands" in told.why


def test_a_compute_of_the_workspace_is_its_operations() -> None:
    assert strays([compute("AmlCompute", {})], {fold(f"{HERE}/ONE")}) == ()


@pytest.mark.parametrize(
    "inner",
    [
        {"customServices": [{"environmentVariables": {"DB_PASSWORD": {"type": "local", "value": "hunter2-hunter2"}}}]},
        {"setupScripts": {"scripts": {"startupScript": {
            "scriptSource": "inline", "scriptData": base64.b64encode(b"export DB_PASSWORD=hunter2").decode()}}}},
    ],
)  # fmt: skip
def test_no_secret_of_a_compute_is_stored_and_it_stays(inner: dict[str, Any]) -> None:
    (path,) = confidential(compute("ComputeInstance", inner))
    assert "hunter2" not in path

    async def scene(world: ExpiryWorld) -> None:
        arm_id = world.instance("Running", **inner)
        await world.wish(ArchiveState.STORING)
        await world.tick()
        archive = await world.archive()
        assert archive.problem is not None and archive.problem.code == "SecretInCompute"
        assert (archive.state, archive.kept) == (ArchiveState.STORING, ())
        assert fold(arm_id) in world.world.azure.resources

    play(scene, rule=None)


def test_a_script_that_is_a_file_of_the_share_is_none() -> None:
    inner = {"setupScripts": {"scripts": {"startupScript": {"scriptSource": "workspaceStorage", "scriptData": "a.sh"}}}}
    assert confidential(compute("ComputeInstance", inner)) == ()


def test_an_archive_leaves_nothing_that_costs_and_says_what_it_leaves_and_loses() -> None:
    async def scene(world: ExpiryWorld) -> None:
        azure = world.world.azure
        world.cluster(1, "mine")
        world.instance("Running")
        attached = f"{world.workspace}/computes/k8s"
        azure.plant(attached, properties={"computeType": "Kubernetes", "isAttachedCompute": True})
        await world.wish(ArchiveState.STORING)
        await world.settle()
        archive = await world.archive()
        there = [one for one in azure.final() if "/computes/" in one]
        assert there == [fold(attached)]
        assert [one.id for one in archive.left] == [attached]
        assert [one.id.rpartition("/")[2] for one in archive.lost] == ["ada"]
        await world.wish(ArchiveState.REFILLING)
        await world.settle()
        there = [one.rpartition("/")[2] for one in azure.final() if "/computes/" in one]
        assert sorted(there) == ["ada", "cpu", "k8s", "mine"]
        assert azure.body("/computes/ada")["properties"]["properties"]["state"] == "Running"

    play(scene, rule=None)


def test_what_is_made_while_computes_go_goes_too_and_comes_back() -> None:
    async def scene(world: ExpiryWorld) -> None:
        await world.wish(ArchiveState.STORING)
        while (await world.archive()).state is not ArchiveState.EMPTYING:
            await world.tick()
        world.instance("Running", "late")
        await world.settle()
        archive = await world.archive()
        assert archive.state is ArchiveState.ARCHIVED
        assert [one.id.rpartition("/")[2] for one in archive.kept] == ["late"]
        assert not any("/computes/" in one for one in world.world.azure.final())

    play(scene, rule=None)


def test_what_azure_refuses_of_one_keeps_no_other() -> None:
    def refused() -> Rejected:
        return Rejected("RequestDisallowedByPolicy", "No new computes.")

    async def scene(world: ExpiryWorld) -> None:
        azure = world.world.azure
        world.endpoint()
        world.cluster(0, "one")
        world.cluster(0, "two")
        await world.wish(ArchiveState.STORING)
        azure.fail("DELETE", "/computes/one", refused)
        await world.until(lambda one: one.problem is not None)
        archive = await world.archive()
        assert archive.problem is not None and archive.problem.code == "RemovalRefused"
        assert "one: RequestDisallowedByPolicy" in archive.problem.message
        await world.settle()
        azure.fail("PUT", "/computes/two", refused, times=3)
        await world.wish(ArchiveState.REFILLING)
        await world.until(lambda one: one.problem is not None)
        archive = await world.archive()
        assert archive.problem is not None and archive.problem.code == "RestoreRefused"
        assert archive.due_at is not None and (archive.due_at - world.now).total_seconds() > 600
        await world.settle()
        names = [one.rpartition("/")[2] for one in azure.final() if "/computes/" in one or "/deployments/" in one]
        assert sorted(names) == ["blue", "cpu", "green", "one", "two"]
        assert (await world.archive()).problem is None

    play(scene, rule=None)


def test_what_a_budget_held_comes_back_as_it_stood_before() -> None:
    async def scene(world: ExpiryWorld) -> None:
        azure = world.world.azure
        world.cluster(0, "mine")
        mine = azure.resources[fold(f"{world.workspace}/computes/mine")]
        mine["properties"]["properties"]["scaleSettings"] = {"maxNodeCount": 0, "minNodeCount": 0}
        box = world.instance("Stopped")
        asked = {"maxNodeCount": 4, "minNodeCount": 1}
        about = {"workspace": "ws", "incarnation": 1, "done": True}
        undo = [
            {**about, "kind": "cluster", "resource": mine["id"], "before": asked},
            {**about, "kind": "instance", "resource": box, "before": {"runs": True}},
        ]
        await held(world, undo)
        await world.wish(ArchiveState.STORING)
        await world.settle()
        await world.wish(ArchiveState.REFILLING)
        await world.settle()
        assert azure.body("/computes/mine")["properties"]["properties"]["scaleSettings"] == asked
        assert azure.body("/computes/ada")["properties"]["properties"]["state"] == "Running"

    play(scene, rule=None)


async def held(world: ExpiryWorld, undo: list[dict[str, Any]]) -> None:
    """By the project's budget."""
    step = {"act": "blockJobs", "month": "2026-11", "state": "taken", "figure": "1", "undo": undo}
    times = {"announcedAt": world.now, "effectiveAt": world.now}
    stored = Budget.model_validate(
        {
            "id": "project.churn", "kind": "project", "name": "churn", "project": "churn", "steps": [{**step, **times}],
            "rule": {"monthly": {"amount": 1, "currency": "USD"}, "tiers": [{"at": 50}, {"at": 90}]},
            "bornAt": world.now, "lastModifiedAt": world.now, "lastModifiedBy": "t/ada",
        }
    )  # fmt: skip
    await world.objects.commit(put(None, stored))


def test_a_restore_that_meets_a_budget_waits_without_operations_that_fail() -> None:
    async def scene(world: ExpiryWorld) -> None:
        await world.wish(ArchiveState.STORING)
        await world.settle()
        await held(world, [])
        stored = await world.world.repository.load("ws")
        assert stored is not None
        spec = {**stored.record.spec, "compute": {"clusters": [{"name": "cpu"}], "instances": []}}
        await world.world.repository.save_record(stored, stored.record.model_copy(update={"spec": spec}))
        before = (await world.record()).last_operation
        await world.wish(ArchiveState.REFILLING)
        await world.until(lambda archive: archive.problem is not None)
        problem = (await world.archive()).problem
        assert problem is not None
        assert problem.code == "BudgetHolds"
        assert "the budget of project churn (blockJobs) holds: Azure denies new computes" in problem.message
        assert (await world.record()).last_operation == before
        budget = await world.objects.require(Budget, "project.churn")
        await world.objects.commit(put(budget, budget.value.model_copy(update={"steps": ()})))
        await world.settle()
        assert (await world.archive()).state is ArchiveState.RESTORED

    play(scene, rule=None)


def test_an_endpoint_by_the_token_stays_and_is_told() -> None:
    async def scene(world: ExpiryWorld) -> None:
        llama = f"{world.workspace}/serverlessEndpoints/llama"
        world.world.azure.plant(llama, properties={"authMode": "Key"})
        await world.wish(ArchiveState.STORING)
        await world.settle()
        archive = await world.archive()
        assert archive.state is ArchiveState.ARCHIVED
        told = {fold(one.id): one.why for one in archive.left}
        assert "costs by the token" in told[fold(llama)]
        assert fold(llama) in world.world.azure.resources

    play(scene, rule=None)
