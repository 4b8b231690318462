"""Every example of ``examples/workspaces``, from its PUT to its DELETE: as fast as Azure lets it, clean, and still, and
billed what was estimated, to 5 %."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from controlplane.operations.model import OperationStatus
from tests.support.bills import bill_of
from tests.support.blueprints import EXAMPLES, ROOT, example
from tests.support.golden import golden
from tests.support.lives import created, left, written
from tests.support.quiet_product import QuietProduct
from tests.support.simulated_bills import expected_of, idle_month, used_month
from tests.support.worlds import world_of


@pytest.fixture
def product(name: str) -> Iterator[QuietProduct]:
    running = world_of(name)
    yield running
    running.close()


def test_every_file_is_an_example() -> None:
    assert {path.stem for path in (ROOT / "examples/workspaces").glob("*.yaml")} == set(EXAMPLES)


@pytest.mark.parametrize("name", EXAMPLES)
def test_it_is_made_is_clean_stays_still_and_goes(product: QuietProduct, name: str) -> None:
    made = created(product, name)
    assert made.operation.status is OperationStatus.SUCCEEDED, made.operation.error
    # What somebody brings is in the list, and nobody owns it here.
    assert set(product.ids()) == {key for key in golden(name) if not key.startswith("given-")}
    # Virtual time: no load of this machine is in it.
    assert made.ratio <= 1.10
    assert product.failing() == set()

    before = written(product)
    assert product.put(example(name)).operation is None
    assert product.repair().status is OperationStatus.SUCCEEDED
    assert written(product) == before

    # Azure's bill is made by another map of meters than the estimate.
    estimated = bill_of(name)
    assert idle_month(product) == pytest.approx(float(estimated.total.low), rel=0.05)
    assert used_month(product, estimated) == pytest.approx(expected_of(estimated), rel=0.05)

    group = product.ids()["resource-group"]
    deleted = product.delete()
    assert deleted.status is OperationStatus.SUCCEEDED, deleted.error
    assert left(product, group) == []
