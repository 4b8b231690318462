"""Deletions that come after one another, through the service, in virtual time on the simulator's engine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from controlplane.operations.preconditions import Preconditions
from controlplane.operations.service import OperationDeps, cancel_operation
from controlplane.projects.access import Permission
from controlplane.workspaces import service
from controlplane.workspaces.deadlines import CEILING
from controlplane.workspaces.reconcile import tick
from controlplane.workspaces.service import Request
from tests.support.quiet_product import ADMIN, NAME, QuietProduct


@pytest.fixture
def product() -> Iterator[QuietProduct]:
    running = QuietProduct()
    yield running
    running.close()


def asked(product: QuietProduct) -> str:
    """The id of the operation that a DELETE starts."""
    ask = Request(ADMIN, Permission.WORKSPACES_DELETE, NAME)
    outcome = product.run(service.delete_workspace(product.services, ask))
    assert outcome is not None and outcome.operation is not None
    return outcome.operation.id


def test_cancelling_the_successor_of_a_late_deletion_does_not_take_the_wish_to_delete_back(
    product: QuietProduct,
) -> None:
    product.register()
    assert product.create().status == "Succeeded"
    first = asked(product)
    product.run(tick(NAME, replace(product.deps, tick_seconds=5.0)))
    product.advance(CEILING.total_seconds() + 60)
    second = asked(product)
    assert second != first
    deps = OperationDeps(product.repository, product.services.projects, product.services.queue, product.services.clock)
    ended = product.run(cancel_operation(deps, ADMIN, second, Preconditions()))
    assert ended.status == "Canceled"
    stored = product.run(product.repository.load(NAME))
    assert stored is not None and stored.record.deleting
    assert product.delete().status == "Succeeded"
