"""A whole workspace goes into the archive and comes back, by the API and its own operations, on the simulator."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from controlplane.audit.model import Kind
from controlplane.clocks import SystemClock
from controlplane.governance.deps import GovernanceDeps
from controlplane.governance.expiry.archive import Archive
from controlplane.governance.expiry.ending import ended
from controlplane.governance.expiry.model import Rule, expiry_id
from controlplane.governance.parts import parts
from controlplane.objects.repository import Objects
from controlplane.objects.tick import Machines, tick_object
from controlplane.operations.model import OperationKind
from tests.support.expiry_lines import fresh
from tests.support.product import NAME, Product, running_product
from tests.support.waiting import PATIENCE_SECONDS

ID = expiry_id(NAME)


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with running_product(tmp_path_factory.mktemp("archived"), time_scale=2000) as made:
        made.services = replace(made.services, governed=Objects(made.store, Kind.GOVERNANCE))
        yield made


def deps_of(product: Product) -> GovernanceDeps:
    return GovernanceDeps(
        objects=Objects(product.store, Kind.GOVERNANCE),
        notifications=Objects(product.store, Kind.RETRAINING),
        workspaces=product.services.repository,
        projects=product.services.projects,
        reader=product.deps.reader,
        writer=product.deps.writer,
        clock=SystemClock(),
        queue=product.services.queue,
    )


def why_not_deleted(product: Product) -> tuple[str, str]:
    """What an expiry in its last stage says."""
    space = product.run(product.services.repository.load(NAME))
    assert space is not None
    rule = Rule(action="delete", idle_after="P30D", grace="P1D", retention="P1D")
    expiry = fresh(rule, workspace=NAME, id=ID)
    (told,) = product.run(ended(deps_of(product), expiry, space)).conditions
    return told.reason, told.message


def until(product: Product, state: str) -> dict[str, Any]:
    """Ticks of the archive and of the workspace, as the queue brings them."""
    deps = deps_of(product)
    clock, objects = SystemClock(), deps.objects
    machines = Machines(objects, parts(deps), product.services.queue, clock, clock, "test")
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        archive = product.run(objects.require(Archive, ID)).value
        if archive.state == state:
            return archive.model_dump(mode="json", by_alias=True)
        assert time.monotonic() < deadline, archive
        product.run(tick_object(Archive.KIND, ID, machines))
        active = product.record().active_operation
        if active is not None:
            operation = product.run(product.until_ended(active))
            assert operation.status == "Succeeded", operation.error
        product.run(asyncio.sleep(0.02))


def test_a_workspace_is_archived_and_restored(product: Product) -> None:
    operation = product.finish(product.put())
    assert operation.status == "Succeeded", operation.error
    whole = set(product.ids())
    computes = {key: arm_id for key, arm_id in product.ids().items() if "/computes/" in arm_id}
    assert computes
    asked = product.call("POST", f"workspaces/{NAME}:archive", {"reason": "Until spring."})
    assert asked.status_code == 202, asked.text
    archive = until(product, "archived")
    last = product.run(product.operation(archive["operation"]))
    assert (last.kind, {step.action for step in last.steps}) == (OperationKind.ARCHIVE, {"delete"})
    assert all(product.owner.get(arm_id) is None for arm_id in computes.values())
    # Of a group that holds the workspace alone nothing is somebody else's.
    assert why_not_deleted(product)[0] == "ArchiverMissing", why_not_deleted(product)
    storage = product.ids()["storage"]
    assert product.owner.get(storage) is not None
    assert product.call("POST", f"workspaces/{NAME}:repair").json()["error"]["code"] == "WorkspaceArchived"
    shown = product.call("GET", f"workspaces/{NAME}").json()
    assert shown["spec"]["compute"]["clusters"]
    back = product.call("POST", f"workspaces/{NAME}:restore")
    assert back.status_code == 202, back.text
    until(product, "restored")
    assert set(product.ids()) == whole
    assert all(product.owner.get(arm_id) is not None for arm_id in computes.values())
    assert product.failing() == []
