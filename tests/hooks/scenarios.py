"""One scenario a hook: what the product does or sees that depends on it. Passes with the hook on, fails with it off.

A scenario asserts on the product's answers (operations, findings, plans, outputs), never on the simulator's. Where a
hook refuses something, somebody else tries it, and the product then has, or has not, something to find.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import yaml

from controlplane.operations.model import Operation
from tests.support.blueprints import ROOT, example
from tests.support.quiet_product import QuietProduct

Run = Callable[[QuietProduct], None]
World = Literal["empty", "example", "hub", "managed"]


@dataclass(frozen=True)
class Scenario:
    """``world`` it begins with: ``empty`` is a registered project, ``example`` the example workspace, ``hub`` one whose
    hub has a Bastion, a jump host and two build agents, ``managed`` one with a managed network and a catalog."""

    run: Run
    world: World


SCENARIOS: dict[str, Scenario] = {}


def noticed(*hooks: str, world: World = "example") -> Callable[[Run], Run]:
    """The scenario by which the product notices that one of these hooks is off."""

    def add(run: Run) -> Run:
        for hook in hooks:
            assert hook not in SCENARIOS, hook
            SCENARIOS[hook] = Scenario(run, world)
        return run

    return add


def succeeded(operation: Operation) -> Operation:
    assert operation.status == "Succeeded", operation.error
    return operation


def failed(operation: Operation, code: str) -> None:
    assert operation.status == "Failed"
    assert operation.error is not None
    assert operation.error.code == code, operation.error


def spec(**changes: Any) -> dict[str, Any]:
    """The example with other top-level fields."""
    return {**example(), **changes}


def hub_spec() -> dict[str, Any]:
    """The example whose hub has everything that the other examples have."""
    parts = [ROOT / "examples" / "workspaces" / f"hub-{name}.yaml" for name in ("bastion", "build-agents")]
    bastion, agents = (json.loads(json.dumps(yaml.safe_load(part.read_text()), default=str)) for part in parts)
    hub = {**bastion["network"]["hub"], **agents["network"]["hub"]}
    return spec(network={**bastion["network"], "addressSpace": "10.40.0.0/22", "hub": hub})


def sent(product: QuietProduct, key: str, **properties: Any) -> tuple[str, dict[str, Any]]:
    """(id, body of a PUT) of a resource as it is, with other properties."""
    arm_id = product.ids()[key]
    body = product.body(arm_id) or {}
    kept = {name: body[name] for name in ("location", "sku", "kind", "tags", "identity", "zones") if name in body}
    return arm_id, {**kept, "properties": {**body["properties"], **properties}}


def tries(product: QuietProduct, key: str, **properties: Any) -> None:
    """Somebody else writes other properties; Azure may refuse."""
    product.owner("PUT", *sent(product, key, **properties))


def theirs(product: QuietProduct, kind: str, name: str, body: dict[str, Any]) -> str:
    """Something of somebody else's, in a group of their own."""
    group = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/theirs"
    product.owner("PUT", group, {"location": "westeurope"})
    arm_id = f"{group}/providers/{kind}/{name}"
    assert product.owner("PUT", arm_id, {"location": "westeurope", **body}) < 300
    return arm_id
