"""Storage without a key: tokens of a managed identity from the simulator, Azurite over TLS with ``--oauth basic``.

Azurite checks a token's audience, issuer and lifetime, and refuses it over plain HTTP; it knows no roles.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from controlplane.azure.storage_account import StorageAccount
from controlplane.azure.storage_connection import IdentityNames, from_identity
from controlplane.azure.storage_queue import AzureQueue
from controlplane.azure.tables import AzureTableStore
from controlplane.errors import Conflict, Fatal
from controlplane.ports.store import Check, Insert, Upsert
from tests.support.azurite import RunningAzurite, start_azurite
from tests.support.simulator import RunningSimulator, start_simulator


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSimulator]:
    with start_simulator(tmp_path_factory.mktemp("simulator")) as running:
        yield running


@pytest.fixture(scope="module")
def secured(simulator: RunningSimulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAzurite]:
    """Azurite with the simulator's certificate."""
    certificate = str(Path(simulator.env["SSL_CERT_FILE"]).parent / "simulator-server.pem")
    options = ("--oauth", "basic", "--cert", certificate, "--key", certificate)
    with start_azurite(tmp_path_factory.mktemp("azurite"), *options) as running:
        yield running


@pytest.fixture
def trusted(simulator: RunningSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "IDENTITY_ENDPOINT", "IDENTITY_HEADER"):
        monkeypatch.setenv(name, simulator.env[name])


def names(secured: RunningAzurite, client_id: str) -> IdentityNames:
    return IdentityNames(None, secured.table_url, secured.queue_url, secured.blob_url, "managedidentity", client_id)


def hosts(secured: RunningAzurite) -> list[str]:
    return [urlsplit(url).netloc for url in (secured.table_url, secured.queue_url, secured.blob_url)]


@pytest.fixture
async def account(simulator: RunningSimulator, secured: RunningAzurite, trusted: None) -> AsyncIterator[StorageAccount]:
    chosen = names(secured, simulator.env["OPERATOR_CLIENT_ID"])
    opened = StorageAccount(from_identity(chosen, "AzureCloud", hosts(secured)))
    yield opened
    await opened.close()


async def test_the_store_by_identity(account: StorageAccount) -> None:
    store = AzureTableStore(account, "byidentity")
    (lease,) = await store.commit("p", [Insert("lease", {"owner": "größe 😀"})])
    await store.commit("p", [Check("lease", str(lease)), Upsert("r", {"n": 1})])
    with pytest.raises(Conflict):
        await store.commit("p", [Insert("r", {"n": 2})])
    assert [entity.value for entity in (await store.query("p")).entities] == [{"owner": "größe 😀"}, {"n": 1}]


async def test_the_queue_by_identity(account: StorageAccount) -> None:
    await AzureQueue(account, "byidentity").send("hello")
    queue = (await account.clients()).queue("byidentity")
    assert [message.content for message in await queue.peek_messages()] == ["aGVsbG8="]


async def test_an_identity_that_is_not_ours_is_refused(secured: RunningAzurite, trusted: None) -> None:
    stranger = names(secured, "00000000-0000-0000-0000-000000000001")
    account = StorageAccount(from_identity(stranger, "AzureCloud", hosts(secured)))
    with pytest.raises(Fatal) as caught:
        await AzureTableStore(account, "byidentity").get("p", "r")
    await account.close()
    assert caught.value.code in ("ManagedIdentityRefused", "ManagedIdentityUnavailable")


async def test_the_client_sends_nothing_to_another_host(account: StorageAccount) -> None:
    from azure.core.rest import HttpRequest

    transport = (await account.clients()).transport
    for url in (
        "https://evil.example/devstoreaccount1",
        account.connection.table_url.replace("127.0.0.1", "localhost"),
    ):
        with pytest.raises(Fatal) as caught:
            await transport.send(HttpRequest("GET", url, headers={"Authorization": "Bearer x"}))
        assert caught.value.code == "UnexpectedHost"


async def test_a_challenge_does_not_choose_what_the_token_is_for(account: StorageAccount) -> None:
    credential = (await account.clients()).credential
    with pytest.raises(Fatal) as caught:
        await credential.get_token_info("https://management.azure.com/.default")
    assert caught.value.code == "UnexpectedScope"
    assert (await credential.get_token_info("https://storage.azure.com/.default")).token
