"""A workspace's life with its record in Azure Tables, on Azurite: created, changed by others, repaired, deleted."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from controlplane.azure.storage_account import StorageAccount
from controlplane.azure.storage_connection import from_connection_string
from controlplane.azure.tables import AzureTableStore
from controlplane.operations.model import Operation
from controlplane.ports.store import Store
from controlplane.workspaces.reconcile import tick
from tests.support.azurite import RunningAzurite
from tests.support.product import NAME, MakeStore, Product, running_product
from tests.support.stores import new_name

WORKSPACE = f"workspaces/{NAME}"


def tables(azurite: RunningAzurite) -> MakeStore:
    """Each store in a table of its own."""

    def make(_: Path) -> tuple[Store, Callable[[], Coroutine[Any, Any, None]]]:
        account = StorageAccount(from_connection_string(azurite.connection_string))
        return AzureTableStore(account, new_name("product")), account.close

    return make


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory, azurite: RunningAzurite) -> Iterator[Product]:
    with running_product(tmp_path_factory.mktemp("product"), make_store=tables(azurite)) as running:
        yield running


def succeeded(operation: Operation) -> Operation:
    assert operation.status == "Succeeded", operation.error
    return operation


def test_created_drifted_repaired_deleted_and_created_again(product: Product) -> None:
    accepted = product.put()
    other = product.another_ticker("second")
    product.run(_two_ticks(product, other))
    succeeded(product.run(product.until_ended(accepted.json()["id"])))
    made = Counter((call["method"], call["path"].lower()) for call in product.writes() if call["status"] == 201)
    assert {count for (method, _), count in made.items() if method == "PUT"} == {1}, "two tickers, one effect each"
    assert product.failing() == []
    assert product.plan()["isEmpty"]

    storage = product.ids()["storage"]
    body = product.owner.get(storage)
    assert body is not None
    body["properties"]["allowBlobPublicAccess"] = True
    product.owner.put(storage, body).raise_for_status()
    assert product.failing() != []
    succeeded(product.repair())
    assert product.failing() == []

    succeeded(product.finish(product.call("DELETE", WORKSPACE)))
    assert product.call("GET", WORKSPACE).status_code == 404
    succeeded(product.finish(product.put()))
    assert product.record().incarnation == 2
    assert [item["name"] for item in product.call("GET", "workspaces").json()["value"]] == [NAME]
    kinds = [item["kind"] for item in product.call("GET", "operations").json()["value"]]
    assert len(kinds) == 4, kinds


async def _two_ticks(product: Product, other: Any) -> None:
    await asyncio.gather(tick(NAME, product.deps), tick(NAME, other))
