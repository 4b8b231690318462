"""The bill of an example, for tests."""

from __future__ import annotations

from decimal import Decimal

from controlplane.governance.pricing.estimate import Estimate, estimate
from controlplane.governance.pricing.table import PriceTable, snapshot
from controlplane.governance.pricing.usage import Range
from controlplane.governance.pricing.uses import Item
from controlplane.workspaces.model import Blueprint, Origin
from tests.support.blueprints import compiled_example


def items_of(blueprint: Blueprint) -> tuple[Item, ...]:
    """Its resources, those of others told apart."""
    return tuple(
        Item(one.key, one.type, one.body, blueprint.location, ours=one.origin is not Origin.GIVEN)
        for one in blueprint.resources
    )


def bill_of(name: str, table: PriceTable | None = None) -> Estimate:
    """Of a file of ``examples/workspaces``."""
    return estimate(items_of(compiled_example(name)), table or snapshot())


def amounts(low: str, expected: str, high: str) -> Range:
    return Range(Decimal(low), Decimal(expected), Decimal(high))
