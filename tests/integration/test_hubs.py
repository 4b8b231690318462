"""Each example with a hub, from its first PUT to its deletion, in virtual time on the simulator's engine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import yaml

from controlplane.arm import is_within
from tests.support.blueprints import ROOT, example
from tests.support.golden import golden
from tests.support.quiet_product import QuietProduct

OWN_HUBS = ("hub-bastion", "hub-build-agents")
LOCATION = "westeurope"


@pytest.fixture
def product() -> Iterator[QuietProduct]:
    running = QuietProduct()
    yield running
    running.close()


def registered(product: QuietProduct) -> None:
    data = yaml.safe_load((ROOT / "examples/projects/churn-with-hub.yaml").read_text())
    product.register(**data)


@pytest.mark.parametrize("name", OWN_HUBS)
def test_a_hub_of_its_own_is_made_is_clean_and_goes_again(product: QuietProduct, name: str) -> None:
    registered(product)
    created = product.create(example(name))
    assert created.status == "Succeeded", created.error
    assert set(product.ids()) == set(golden(name))
    assert product.failing() == set()
    group = product.ids()["resource-group"]
    deleted = product.delete()
    assert deleted.status == "Succeeded", deleted.error
    assert left(product, group) == []


def left(product: QuietProduct, scope: str) -> list[str]:
    """Ids of what is still in a group or a subscription."""
    return sorted(one.id for one in product.azure.engine.store.resources.values() if is_within(one.id, scope))
