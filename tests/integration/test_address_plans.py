"""Workspaces whose range the control plane chooses, from their first PUT to their deletion, in virtual time."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network

import pytest

from controlplane.errors import Conflict
from controlplane.workspaces.rows import PARTITION
from tests.support.blueprints import example
from tests.support.golden import golden
from tests.support.quiet_product import NAME, QuietProduct

AUTO = "auto-addresses"


@pytest.fixture
def product() -> Iterator[QuietProduct]:
    running = QuietProduct()
    running.register()
    yield running
    running.close()


def range_of(product: QuietProduct, name: str = NAME) -> IPv4Network:
    """What the record says the workspace has."""
    stored = product.run(product.repository.load(name))
    assert stored is not None
    return IPv4Network(stored.record.address_space)


def shared(product: QuietProduct) -> list[str]:
    """Rows of what is taken."""
    pages = [product.run(product.store.query(PARTITION, prefix=prefix)) for prefix in ("n!", "g!", "m!")]
    return [entity.row for page in pages for entity in page.entities]


def test_a_chosen_range_is_planned_made_kept_and_given_back(product: QuietProduct) -> None:
    planned = product.plan(example(AUTO)).plan
    (said,) = (warning.message for warning in planned.warnings if warning.code == "AddressSpaceChosen")
    created = product.create(example(AUTO))
    assert created.status == "Succeeded", created.error
    assert set(product.ids()) == set(golden(AUTO))
    chosen = range_of(product)
    assert str(chosen) in said
    network = product.body(product.ids()["vnet/ml"])
    assert network is not None
    (ml,) = network["properties"]["addressSpace"]["addressPrefixes"]
    assert IPv4Network(ml).supernet() == chosen
    assert product.failing() == set()
    assert product.put(example(AUTO)).operation is None
    assert product.plan(example(AUTO)).plan.is_empty
    product.owner("DELETE", product.ids()["peering/hub-to-ml"])
    assert product.repair().status == "Succeeded"
    assert product.failing() == set()
    assert product.delete().status == "Succeeded"
    assert shared(product) == []


def test_another_workspace_never_gets_the_range_of_one_that_is_still_there(product: QuietProduct) -> None:
    product.register(addressPools=["10.40.0.0/22"])
    product.put(example(AUTO))
    with pytest.raises(Conflict) as refused:
        product.put(example(AUTO), name="other")
    assert refused.value.code == "AddressPoolExhausted"
