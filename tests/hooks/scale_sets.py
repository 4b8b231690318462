"""Build agents on a scale set."""

from __future__ import annotations

from tests.hooks.hubs import findings, untouched
from tests.hooks.scenarios import noticed, sent, succeeded
from tests.support.blueprints import example
from tests.support.quiet_product import QuietProduct
from tests.support.worlds import registered


def made(product: QuietProduct) -> None:
    registered(product)
    succeeded(product.create(example("hub-scale-set")))


@noticed("scale-set-takes-addresses", world="empty")
def the_subnet_of_a_set_cannot_be_taken_away(product: QuietProduct) -> None:
    made(product)
    untouched(product, "subnet/hub")


@noticed("scale-set-rules", world="empty")
def a_set_of_no_known_size_is_not_made(product: QuietProduct) -> None:
    made(product)
    arm_id, body = sent(product, "scale-set/agents")
    product.owner("DELETE", arm_id)
    product.owner("PUT", arm_id, {**body, "identity": {"type": "SystemAssigned"}, "sku": {"name": "Standard_Z9"}})
    assert ("scale-set/agents", "$", None) in findings(product)
