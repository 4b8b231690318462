"""The anchor on append blobs, against Azurite: what only the service can promise."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator

import pytest

from controlplane.audit.checkpoints import take
from controlplane.audit.proof import prove_all
from controlplane.azure.checkpoints import BlobAnchor, anchor_connection
from controlplane.azure.storage_account import StorageAccount
from controlplane.azure.storage_connection import Identity, IdentityNames, from_connection_string
from controlplane.errors import Conflict, Fatal, Transient
from tests.support.audit import HOUR, NOW, fact, tell
from tests.support.azurite import ROOT, RunningAzurite
from tests.support.memory_store import MemoryStore

LOG = "audit-2026-11.jsonl"


@pytest.fixture
async def anchor(azurite: RunningAzurite) -> AsyncIterator[BlobAnchor]:
    account = StorageAccount(from_connection_string(azurite.connection_string))
    yield BlobAnchor(account, f"anchor-{secrets.token_hex(6)}")
    await account.close()


async def test_an_empty_anchor(anchor: BlobAnchor) -> None:
    assert await anchor.names() == ()
    assert await anchor.read(LOG) == b""


async def test_appending_takes_the_length_that_was_read(anchor: BlobAnchor) -> None:
    await anchor.append(LOG, b"one\n", 0)
    await anchor.append(LOG, b"two\n", 4)
    for at in (0, 4, 9):
        with pytest.raises(Conflict):
            await anchor.append(LOG, b"three\n", at)
    assert await anchor.read(LOG) == b"one\ntwo\n"
    assert await anchor.names() == (LOG,)


async def test_of_writers_at_once_one_appends(anchor: BlobAnchor) -> None:
    work = (anchor.append(LOG, f"{n}\n".encode(), 0) for n in range(4))
    results = await asyncio.gather(*work, return_exceptions=True)
    assert sorted(isinstance(result, Conflict) for result in results) == [False, True, True, True]
    assert len(await anchor.read(LOG)) == 2


async def test_checkpoints_and_their_verification(anchor: BlobAnchor) -> None:
    store = MemoryStore()
    await tell(store, fact("a"), fact("b"))
    taken = await asyncio.gather(*(take(store, anchor, NOW) for _ in range(3)))
    assert {checkpoint.number for checkpoint in taken} == {1}
    await tell(store, fact("b", 2))
    await take(store, anchor, NOW + HOUR)
    found = await prove_all(store, anchor)
    assert (found.consistent, found.anchored, found.unanchored_entries) == (True, True, 0)
    assert found.checkpoint is not None
    assert found.checkpoint.number == 2


async def test_an_anchor_that_is_away(azurite: RunningAzurite) -> None:
    text = azurite.connection_string.replace(azurite.blob_url, "http://127.0.0.1:1/devstoreaccount1")
    account = StorageAccount(from_connection_string(text))
    try:
        with pytest.raises(Transient):
            await BlobAnchor(account, "anchor").names()
    finally:
        await account.close()


def test_a_container_of_another_account_by_its_url() -> None:
    names = IdentityNames(client_id="me")
    connection, container = anchor_connection("https://proofs.blob.core.windows.net/audit", names, "AzureCloud", ())
    assert (connection.blob_url, container) == ("https://proofs.blob.core.windows.net", "audit")
    assert connection.credential == Identity("me")


@pytest.mark.parametrize(
    "url",
    [
        "http://proofs.blob.core.windows.net/audit",
        "https://proofs.blob.core.windows.net",
        "https://proofs.blob.core.windows.net/a/b",
        "https://proofs.example.test/audit",
        "https://proofs.blob.core.windows.net.example.test/audit",
    ],
)
def test_a_url_that_no_token_is_sent_to(url: str) -> None:
    with pytest.raises(Fatal) as caught:
        anchor_connection(url, IdentityNames(), "AzureCloud", ())
    assert caught.value.code in ("SettingInvalid", "UnexpectedHost")


_TAKE = """
import asyncio, json
from controlplane import bootstrap
from controlplane.triggers.checkpoints import take_checkpoint

async def main():
    taken = [await take_checkpoint(bootstrap.checkpoint_deps()) for _ in range(2)]
    await bootstrap.storage_account().close()
    return [checkpoint.number if checkpoint else None for checkpoint in taken]

print(json.dumps(asyncio.run(main())))
"""


@pytest.mark.parametrize("anchored", [True, False])
def test_what_the_settings_make_of_it(azurite: RunningAzurite, anchored: bool) -> None:
    """The timer's own dependencies, in a process of their own; store and anchor in one account."""
    environment = {
        "PATH": os.environ["PATH"],
        "CONTROLPLANE_STORE": "azure",
        "AzureWebJobsStorage": azurite.connection_string,
        "CONTROLPLANE_TABLE": f"audit{secrets.token_hex(4)}",
        "CONTROLPLANE_TENANT_IDS": '["t"]',
        "CONTROLPLANE_AUDIENCE": "a",
        "CONTROLPLANE_OBSERVER_CLIENT_ID": "o",
        "CONTROLPLANE_OPERATOR_CLIENT_ID": "w",
    }
    if anchored:
        environment["CONTROLPLANE_ANCHOR_CONTAINER"] = f"proofs-{secrets.token_hex(4)}"
    done = subprocess.run(
        [sys.executable, "-c", _TAKE], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout) == ([1, 1] if anchored else [None, None])
