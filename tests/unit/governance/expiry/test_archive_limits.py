"""What an archive does not keep, does not lose, and does not try for ever; what its deletion leaves to others."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import pytest

from controlplane.arm import fold
from controlplane.audit.model import Kind
from controlplane.governance.budgets.model import Budget
from controlplane.governance.expiry.archive import Archive, ArchiveState
from controlplane.governance.expiry.confidential import confidential
from controlplane.governance.expiry.ending import ended
from controlplane.governance.expiry.model import Rule, Stage
from controlplane.objects.repository import put
from controlplane.objects.tick import tick_object
from tests.support.expiry_lines import fresh
from tests.support.expiry_world import ID, ExpiryWorld, meaning
from tests.support.tick_world import ENDPOINT, GROUP
from tests.support.virtual_time import run
from tests.unit.governance.expiry.test_expiry_ticks import days, play, to_grace

DELETES = Rule(action="delete", idle_after="P30D", grace="P1D", retention="P1D")
SECRET = "hunter2-hunter2"
VAULT = "${{keyvault:https://kv.vault.azure.net/secrets/db/1}}"
KEY = "${{azureml://connections/openai/credentials/key}}"


def of(**variables: str) -> dict[str, Any]:
    return {"properties": {"environmentVariables": variables}}


def script(data: bytes | str) -> dict[str, Any]:
    text = data if isinstance(data, str) else data.decode()
    return {"properties": {"setupScripts": {"scripts": {"startupScript": {"scriptData": text}}}}}


@pytest.mark.parametrize(
    "body",
    [
        of(DB_PASSWORD=SECRET),
        of(OPENAI_API_KEY="0123456789abcdef"),
        of(STORE="DefaultEndpointsProtocol=https;AccountName=a;AccountKey=abc=="),
        of(BLOB_SAS="sv2022abcdef", DB="password=${{keyvault:https://kv/secrets/db}}"),
        of(URL="https://a.blob.core.windows.net/c?sv=2022&sig=abc%3D"),
        of(DATABASE="postgres://me:word@host/db"),
        of(PEM="-----BEGIN RSA PRIVATE KEY-----"),
        {"properties": {"properties": {"note": ["password = abc"]}}},
        {"tags": {"who": "ghp_0123456789abcdefghij"}},
        of(DB_PASSWORD=f"${{{{keyvault:a}}}}{SECRET}${{{{b}}}}"),
        of(DB_PASSWORD=f"@Microsoft.KeyVault(a){SECRET}@Microsoft.KeyVault(b)"),
        script(
            base64.encodebytes(
                b"#!/bin/bash\n" + 20 * b"apt-get install -y one\n" + b"export PASSWORD=" + SECRET.encode()
            )
        ),
        script(f"export PASSWORD={SECRET}"),
    ],
)
def test_what_looks_like_a_secret_is_told_by_its_path_alone(body: dict[str, Any]) -> None:
    (path,) = confidential(body)
    assert path.startswith(("properties.", "tags."))
    assert SECRET not in path


@pytest.mark.parametrize(
    "body",
    [
        of(DB_PASSWORD=VAULT, OPENAI_API_KEY=KEY),
        of(MAX_TOKENS="4096", TOKEN_LIMIT="1000000", TOKENIZERS_PARALLELISM="false", SECRET_NAME="db-password"),
        of(APPLICATIONINSIGHTS_CONNECTION_STRING="InstrumentationKey=00000000;IngestionEndpoint=https://x"),
        of(USE_TOKEN="true", MODEL_KEY="churn", AZUREML_MODEL_DIR="/var/azureml-app/models"),
        of(PWD="/var/azureml-app", OLDPWD="/var/azureml", GOOGLE_APPLICATION_CREDENTIALS="/var/secrets/key.json"),
        script("skript-ü.sh"),
        script(base64.encodebytes("echo ü\n".encode() * 20)),
        {"properties": {"environmentId": "azureml:sk-learn-environment-of-production:1"}},
        {"properties": {"model": "azureml:churn:1", "traffic": {"blue": 90}, "scoringUri": "https://x:443/score"}},
        {},
    ],
)
def test_references_and_settings_are_no_secrets(body: dict[str, Any]) -> None:
    assert confidential(body) == ()


def test_no_secret_is_stored_and_what_is_not_stored_is_not_taken_away() -> None:
    async def scene(world: ExpiryWorld) -> None:
        arm_id = world.endpoint()
        blue = world.world.azure.resources[fold(f"{arm_id}/deployments/blue")]
        blue["properties"]["environmentVariables"] = {"DB_PASSWORD": SECRET}
        await world.wish(ArchiveState.STORING)
        for _ in range(5):
            await tick_object(Archive.KIND, ID, world.machines)
            await asyncio.sleep(1000)
        archive = await world.archive()
        assert (archive.state, archive.kept) == (ArchiveState.STORING, ())
        assert archive.problem is not None and archive.problem.code == "SecretInDeployment"
        assert "blue: properties.environmentVariables.DB_PASSWORD" in archive.problem.message
        assert fold(arm_id) in world.world.azure.resources
        rows = (await world.world.store.query(Kind.GOVERNANCE, limit=1000)).entities
        assert SECRET not in json.dumps([dict(one.value) for one in rows], default=str)
        blue["properties"]["environmentVariables"] = {"DB_PASSWORD": VAULT}
        await world.settle()
        await world.wish(ArchiveState.REFILLING)
        await world.settle()
        found = world.world.azure.body("/deployments/blue")
        assert found["properties"]["environmentVariables"] == {"DB_PASSWORD": VAULT}

    play(scene, rule=None)


def test_what_wakes_up_while_endpoints_are_removed_gets_them_back() -> None:
    async def scene(world: ExpiryWorld) -> None:
        arm_id = world.endpoint()
        await to_grace(world)
        assert (await days(world, 3)).stage is Stage.ARCHIVING
        while (await world.archive()).state is not ArchiveState.REMOVING:
            await tick_object(Archive.KIND, ID, world.machines)
            await asyncio.sleep(1)
        await tick_object(Archive.KIND, ID, world.machines)
        await asyncio.sleep(3600)
        assert fold(arm_id) not in world.world.azure.final()
        world.endpoint("new", requests=3.0)
        await world.settle()
        archive = await world.archive()
        assert (archive.state, archive.kept) == (ArchiveState.RESTORED, ())
        there = world.world.azure.final()
        assert {fold(arm_id), fold(f"{arm_id}/deployments/blue")} <= set(there)
        assert any(one.endswith("/onlineendpoints/new") for one in there)
        assert (await world.look()).stage is Stage.ACTIVE
        assert not (await world.record()).archived

    play(scene)


def test_what_azure_cannot_make_again_is_told_and_not_tried_without_a_pause() -> None:
    async def scene(world: ExpiryWorld) -> None:
        arm_id = world.endpoint()
        await world.wish(ArchiveState.STORING)
        await world.settle()
        await world.wish(ArchiveState.REFILLING)
        while (await world.archive()).state is not ArchiveState.SERVING:
            await tick_object(Archive.KIND, ID, world.machines)
            if (await world.record()).active_operation is not None:
                await world.settle_workspace()
            await asyncio.sleep(10)
        while fold(f"{arm_id}/deployments/blue") not in world.world.azure.final():
            await tick_object(Archive.KIND, ID, world.machines)
            await asyncio.sleep(10)
        for _ in range(5):
            world.world.azure.body("/deployments/blue")["properties"]["provisioningState"] = "Failed"
            await tick_object(Archive.KIND, ID, world.machines)
        archive = await world.archive()
        assert archive.problem is not None and archive.problem.code == "RestoreFailed"
        assert archive.due_at is not None and (archive.due_at - world.now).total_seconds() > 600
        await world.settle()
        assert (await world.archive()).state is ArchiveState.RESTORED

    play(scene, rule=None)


def test_the_archiver_leaves_a_group_that_holds_what_is_somebody_elses() -> None:
    """As the deletion by people does: the group goes as a whole."""

    async def scene(world: ExpiryWorld) -> None:
        azure, expiry = world.world.azure, fresh(DELETES, world.now)
        for one in [each for each in azure.resources if "/computes/" in each]:
            del azure.resources[one]

        async def said() -> tuple[str, str]:
            space = await world.world.repository.load("ws")
            assert space is not None
            (told,) = (await ended(world.deps, expiry, space)).conditions
            return told.reason, told.message

        assert (await said())[0] == "ArchiverMissing"
        interface = f"{ENDPOINT.replace('privateEndpoints', 'networkInterfaces')}.nic.1"
        azure.plant(interface)
        actions = f"{GROUP}/providers/Microsoft.Insights/actionGroups/cp-budget"
        azure.plant(actions)
        theirs = f"{GROUP}/providers/Microsoft.Compute/virtualMachines/theirs"
        azure.plant(theirs)
        reason, message = await said()
        assert reason == "UnmanagedResourcesLeft"
        assert "theirs" in message and "cp-budget" in message and ".nic." not in message
        await budget(world, actions)
        assert "cp-budget" not in (await said())[1]
        del azure.resources[fold(theirs)]
        assert (await said())[0] == "ArchiverMissing"
        azure.plant(f"{world.workspace}/batchEndpoints/nightly")
        assert (await said())[0] == "InUseAgain"

    made = ExpiryWorld(rule=None)

    async def begin() -> None:
        with meaning(made):
            await made.begin()
            await scene(made)

    run(begin())


async def budget(world: ExpiryWorld, arm_id: str) -> None:
    stored = Budget.model_validate(
        {
            "id": ID, "kind": "workspace", "name": "ws", "project": "churn", "incarnation": 1, "made": [fold(arm_id)],
            "rule": {"monthly": {"amount": 1, "currency": "USD"}, "tiers": [{"at": 50}, {"at": 90}]},
            "bornAt": world.now, "lastModifiedAt": world.now, "lastModifiedBy": "t/ada",
        }
    )  # fmt: skip
    await world.objects.commit(put(None, stored))
