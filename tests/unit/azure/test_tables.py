"""What is Azure's own in the store: answers that get lost, errors, how many requests a call takes, what is sent where.

What every backend must do is in ``tests/unit/store``.
"""

from __future__ import annotations

import asyncio
import random
import string
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web

from controlplane.azure.storage_account import StorageAccount
from controlplane.azure.storage_connection import from_connection_string
from controlplane.azure.tables import AzureTableStore
from controlplane.errors import Conflict, ControlPlaneError, Fatal, Rejected, Transient
from controlplane.ports.store import Check, Insert, Remove, Replace, Upsert, Write
from controlplane.store.limits import MAX_COMMIT_BYTES
from tests.support.azurite import RunningAzurite
from tests.support.storage_proxy import LOSE, PASS, REFUSE, Decision, StorageProxy, answers, storage_proxy
from tests.support.stores import new_name

BATCH = "$batch"


@pytest.fixture
def table() -> str:
    return new_name("table")


@pytest.fixture
async def other(azurite: RunningAzurite, table: str) -> AsyncIterator[AzureTableStore]:
    """Another process' view of the same table, without the proxy."""
    account = StorageAccount(from_connection_string(azurite.connection_string))
    yield AzureTableStore(account, table)
    await account.close()


@pytest.fixture
async def proxy(azurite: RunningAzurite) -> AsyncIterator[StorageProxy]:
    async with storage_proxy(azurite.table_url) as running:
        yield running


@pytest.fixture
async def store(azurite: RunningAzurite, proxy: StorageProxy, table: str) -> AsyncIterator[AzureTableStore]:
    """Through the proxy, with the table made."""
    connection = replace(from_connection_string(azurite.connection_string), table_url=proxy.url)
    account = StorageAccount(connection)
    opened = AzureTableStore(account, table)
    assert await opened.get("p", "nothing") is None
    proxy.seen.clear()
    yield opened
    await account.close()


def on_batch(*decisions: Decision) -> Callable[[web.Request], Decision]:
    """The first batches get these decisions; everything else passes."""
    left = list(decisions)
    return lambda request: left.pop(0) if left and request.path.endswith(BATCH) else PASS


async def value_of(store: AzureTableStore, row: str) -> Any:
    found = await store.get("p", row)
    return None if found is None else found.value


# -- how many requests -------------------------------------------------------------------------------------------------


async def test_the_table_is_made_once_and_a_read_is_one_request(
    azurite: RunningAzurite, proxy: StorageProxy, table: str
) -> None:
    account = StorageAccount(replace(from_connection_string(azurite.connection_string), table_url=proxy.url))
    store = AzureTableStore(account, table)
    await asyncio.gather(*(store.get("p", "r") for _ in range(5)))
    again = AzureTableStore(account, table)
    await again.commit("p", [Insert("r", {"n": 1})])
    assert await value_of(store, "r") == {"n": 1}
    await account.close()
    reading = f"GET {table}(PartitionKey='p',RowKey='r')"
    assert proxy.seen == ["POST Tables", *[reading] * 5, "POST Tables", f"POST {BATCH}", reading]


async def test_a_page_of_a_thousand_is_one_request(store: AzureTableStore, proxy: StorageProxy) -> None:
    for start in range(0, 1000, 100):
        await store.commit("p", [Insert(f"r{n:04d}", {"n": n}) for n in range(start, start + 100)])
    proxy.seen.clear()
    page = await store.query("p", limit=1000)
    assert [entity.value["n"] for entity in page.entities] == list(range(1000))
    assert len(proxy.seen) == 1


async def test_what_was_written_or_read_lately_is_not_read_again(
    store: AzureTableStore, other: AzureTableStore, proxy: StorageProxy
) -> None:
    first, lease = await store.commit("p", [Insert("r", {"n": 1}), Insert("lease", {})])
    second, _ = await store.commit("p", [Replace("r", {"n": 2}, str(first)), Check("lease", str(lease))])
    await store.commit("p", [Replace("r", {"n": 3}, str(second)), Check("lease", str(lease))])
    assert proxy.seen == [f"POST {BATCH}"] * 3
    (theirs,) = await other.commit("p", [Replace("r", {"n": 4}, "*")])
    found = await store.get("p", "r")
    assert found is not None
    assert found.etag == theirs
    proxy.seen.clear()
    await store.commit("p", [Remove("r", found.etag)])
    assert proxy.seen == [f"POST {BATCH}"]


async def test_rows_that_were_not_seen_are_read_at_once_before(
    store: AzureTableStore, other: AzureTableStore, proxy: StorageProxy
) -> None:
    etags = await other.commit("p", [Insert(f"r{n}", {}) for n in range(4)])
    await store.commit("p", [Replace(f"r{n}", {"n": n}, str(etag)) for n, etag in enumerate(etags)])
    assert len(proxy.seen) == 5
    assert proxy.seen[-1] == f"POST {BATCH}"


# -- checks and removals -----------------------------------------------------------------------------------------------


async def test_commits_fenced_by_one_lease_do_not_trip_over_each_other(
    store: AzureTableStore, other: AzureTableStore
) -> None:
    (lease,) = await store.commit("p", [Insert("lease", {"owner": "a"})])
    commits = [
        (store, other)[n % 2].commit("p", [Check("lease", str(lease)), Upsert(f"r{n}", {"n": n})]) for n in range(12)
    ]
    outcomes = await asyncio.gather(*commits)
    assert {outcome[0] for outcome in outcomes} == {lease}
    assert [await value_of(store, f"r{n}") for n in range(12)] == [{"n": n} for n in range(12)]


async def test_a_lease_lost_between_reading_and_writing_stops_the_commit(
    store: AzureTableStore, other: AzureTableStore, proxy: StorageProxy
) -> None:
    (lease,) = await store.commit("p", [Insert("lease", {"owner": "a"})])

    async def take_over(request: web.Request) -> None:
        proxy.before = None
        await other.commit("p", [Replace("lease", {"owner": "b"}, str(lease))])

    proxy.before = take_over
    with pytest.raises(Conflict) as caught:
        await store.commit("p", [Upsert("r", {"n": 1}), Check("lease", str(lease))])
    assert caught.value.code == "UpdateConditionNotSatisfied"
    assert await value_of(store, "r") is None


async def test_a_row_removed_by_another_meanwhile_does_not_stop_its_removal(
    store: AzureTableStore, other: AzureTableStore, proxy: StorageProxy
) -> None:
    await store.commit("p", [Insert("due", {})])

    async def remove(request: web.Request) -> None:
        proxy.before = None
        await other.commit("p", [Remove("due", "*")])

    proxy.before = remove
    assert (await store.commit("p", [Remove("due", "*"), Upsert("r", {"n": 1})]))[0] is None
    assert await value_of(store, "r") == {"n": 1}


# -- answers that get lost ---------------------------------------------------------------------------------------------


async def _insert(store: AzureTableStore) -> list[Write]:
    return [Insert("r", {"n": 1})]


async def _replace(store: AzureTableStore) -> list[Write]:
    (etag,) = await store.commit("p", [Upsert("r", {"n": 0})])
    return [Replace("r", {"n": 1}, str(etag)), Remove("due", "*")]


async def _upsert(store: AzureTableStore) -> list[Write]:
    return [Upsert("r", {"n": 1})]


WRITES: dict[str, Callable[[AzureTableStore], Awaitable[list[Write]]]] = {
    "insert": _insert,
    "replace, and a row that is gone": _replace,
    "upsert": _upsert,
}
LOST: dict[str, Decision] = {
    "the connection closes": LOSE,
    "500 after the effect": answers(500, "OperationTimedOut", forward=True),
    "a gateway gave up": answers(504, "GatewayTimeout", forward=True),
}


@pytest.mark.parametrize("lost", LOST)
@pytest.mark.parametrize("write", WRITES)
async def test_a_commit_whose_answer_was_lost_is_found_done(
    store: AzureTableStore, proxy: StorageProxy, write: str, lost: str
) -> None:
    writes = await WRITES[write](store)
    # Where a row is gone, Tables refuses the first batch: it is the second one whose answer is lost.
    proxy.rule = on_batch(*([PASS] * (len(writes) - 1)), LOST[lost])
    proxy.seen.clear()
    etag = (await store.commit("p", writes))[0]
    found = await store.get("p", "r")
    assert found is not None
    assert (found.value, found.etag) == ({"n": 1}, etag)
    assert proxy.seen.count(f"POST {BATCH}") == len(writes), "what was done is not sent again"
    await store.commit("p", [Replace("r", {"n": 2}, str(etag))])


@pytest.mark.parametrize("write", WRITES)
async def test_a_commit_that_never_arrived_is_transient_and_not_sent_again(
    store: AzureTableStore, proxy: StorageProxy, write: str
) -> None:
    writes = (await WRITES[write](store))[:1]
    before = await value_of(store, "r")
    proxy.rule = on_batch(REFUSE)
    proxy.seen.clear()
    with pytest.raises(Transient) as caught:
        await store.commit("p", writes)
    assert caught.value.retry_after > 0
    assert proxy.seen.count(f"POST {BATCH}") == 1
    assert await value_of(store, "r") == before
    assert await store.commit("p", writes) != ()


async def test_a_removal_whose_answer_was_lost_is_left_open(store: AzureTableStore, proxy: StorageProxy) -> None:
    (etag,) = await store.commit("p", [Insert("r", {})])
    proxy.rule = on_batch(LOSE)
    with pytest.raises(Transient):
        await store.commit("p", [Remove("r", str(etag))])
    assert await value_of(store, "r") is None


async def test_a_lost_answer_and_a_reading_that_fails_are_transient(
    store: AzureTableStore, proxy: StorageProxy
) -> None:
    left = [LOSE]
    proxy.rule = lambda request: left.pop() if left else answers(503, "ServerBusy")
    with pytest.raises(Transient) as caught:
        await store.commit("p", [Insert("r", {"n": 1})])
    assert caught.value.code == "StoreUnavailable", "what went wrong first"
    proxy.rule = lambda request: PASS
    assert await value_of(store, "r") == {"n": 1}


async def test_an_insert_that_the_network_doubled_is_ours(store: AzureTableStore, proxy: StorageProxy) -> None:
    """The first copy had its effect, the second one's refusal is what comes back."""
    proxy.rule = on_batch(answers(409, "EntityAlreadyExists", forward=True))
    (etag,) = await store.commit("p", [Insert("r", {"n": 1})])
    found = await store.get("p", "r")
    assert found is not None
    assert found.etag == etag


async def test_a_lost_read_is_sent_again_once(store: AzureTableStore, proxy: StorageProxy) -> None:
    await store.commit("p", [Insert("r", {"n": 1})])
    left = [LOSE]
    proxy.rule = lambda request: left.pop() if left else PASS
    assert await value_of(store, "r") == {"n": 1}
    proxy.rule = lambda request: LOSE
    with pytest.raises(Transient):
        await store.get("p", "r")


# -- errors ------------------------------------------------------------------------------------------------------------

ERRORS: dict[str, tuple[Decision, type[ControlPlaneError], str]] = {
    "busy": (answers(503, "ServerBusy", headers={"Retry-After": "7"}), Transient, "ServerBusy"),
    "too many": (answers(429, "TooManyRequests", headers={"Retry-After": "7"}), Transient, "TooManyRequests"),
    "another's table is going away": (answers(409, "TableBeingDeleted"), Transient, "TableBeingDeleted"),
    "no rights": (answers(403, "AuthorizationPermissionMismatch"), Fatal, "StoreRefused"),
    "a wrong key": (answers(403, "AuthenticationFailed"), Fatal, "StoreRefused"),
    "no table": (answers(404, "TableNotFound"), Fatal, "TableNotFound"),
    "a redirect": (answers(302, "Found", headers={"Location": "http://127.0.0.1:9/x"}), Fatal, "UnexpectedStatus"),
    "what Tables does not take": (answers(400, "PropertyNameInvalid"), Rejected, "PropertyNameInvalid"),
    "too large": (answers(413, "RequestBodyTooLarge"), Rejected, "RequestBodyTooLarge"),
}


@pytest.mark.parametrize("name", ERRORS)
async def test_errors_say_what_the_caller_can_do(store: AzureTableStore, proxy: StorageProxy, name: str) -> None:
    decision, kind, code = ERRORS[name]
    proxy.rule = lambda request: decision
    for call in (store.get("p", "r"), store.query("p"), store.commit("p", [Upsert("r", {})])):
        with pytest.raises(ControlPlaneError) as caught:
            await call
        assert type(caught.value) is kind
        assert caught.value.code == code
        assert "RequestId" not in caught.value.message
        if "Retry-After" in (decision.answer() if decision.answer else web.Response()).headers:
            assert getattr(caught.value, "retry_after", None) == 7
    assert len(proxy.seen) == 3, "nothing is repeated behind the caller's back"


async def test_a_service_that_is_away_is_transient(azurite: RunningAzurite, unused_tcp_port: int) -> None:
    connection = from_connection_string(azurite.connection_string)
    account = StorageAccount(replace(connection, table_url=f"http://127.0.0.1:{unused_tcp_port}/devstoreaccount1"))
    with pytest.raises(Transient):
        await AzureTableStore(account, "t123").get("p", "r")
    await account.close()


async def test_commits_that_are_always_overtaken_give_up(store: AzureTableStore, proxy: StorageProxy) -> None:
    await store.commit("p", [Insert("lease", {})])
    proxy.rule = lambda request: answers(412, "UpdateConditionNotSatisfied") if request.path.endswith(BATCH) else PASS
    with pytest.raises(Transient) as caught:
        await store.commit("p", [Check("lease", "*"), Upsert("r", {})])
    assert caught.value.code == "StoreBusy"


# -- size --------------------------------------------------------------------------------------------------------------


async def test_the_largest_commit_is_within_four_mebibytes(store: AzureTableStore, proxy: StorageProxy) -> None:
    """With keys that take the most room in URLs and JSON alike."""
    worst = '"' * 506
    writes: list[Write] = [Upsert(f"{worst}{n:03d}", {"n": n}) for n in range(99)]
    text = "".join(random.Random(1).choices(string.printable, k=860_000))
    await store.commit("q" * 512, writes)
    overhead = proxy.largest
    assert overhead + MAX_COMMIT_BYTES * 4 / 3 < 4 * 1024 * 1024
    await store.commit("q" * 512, [Upsert(f"{n}", {"text": text}) for n in range(3)])
    assert proxy.largest < 4 * 1024 * 1024
