"""What somebody deleted and Azure keeps: repairs go on beside it, and destroy nothing that they cannot make again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.quiet_product import QuietProduct


@pytest.fixture
def product() -> Iterator[QuietProduct]:
    """The example workspace, whose ML workspace somebody deleted."""
    running = QuietProduct()
    running.register()
    assert running.create().status == "Succeeded"
    running.owner("DELETE", running.ids()["workspace"])
    yield running
    running.close()


def test_a_repair_beside_a_deleted_workspace_rights_the_rest(product: QuietProduct) -> None:
    ids = product.ids()
    product.owner("DELETE", ids["dns-link/blob/ml"])
    assert {"workspace", "dns-link/blob/ml"} <= product.failing()
    operation = product.repair()
    assert operation.status == "Succeeded", operation.error
    assert product.body(ids["dns-link/blob/ml"]) is not None
    assert product.failing() == {"workspace"}


def test_a_repair_keeps_the_endpoint_of_a_deleted_workspace(product: QuietProduct) -> None:
    """Its connection is gone with the workspace, which asks for a new one; none can be made now."""
    product.repair()
    assert product.body(product.ids()["private-endpoint/workspace"]) is not None
