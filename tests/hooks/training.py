"""Azure ML as a person at a command line relies on it beside the product: the rules of `tests/simulator/learning.py`,
in the example's workspace."""

from __future__ import annotations

from typing import Any

from simulator.engine.core import Engine
from simulator.engine.messages import Response
from tests.hooks.scenarios import noticed
from tests.simulator.learning import RULES, VERSION, Rule
from tests.support.quiet_product import QuietProduct


class ProductAzure:
    """``az ml`` and ``az rest`` on the example's workspace."""

    def __init__(self, product: QuietProduct) -> None:
        self._product, self.workspace = product, product.ids()["workspace"]
        self.engine.outbox.events.clear()

    @property
    def engine(self) -> Engine:
        return self._product.azure.engine

    def call(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Response:
        full = path if path.startswith(("/subscriptions", "/inference")) else f"{self.workspace}{path}"
        url = f"{full}{'&' if '?' in full else '?'}api-version={VERSION}"
        return self._product.azure.call("owner", method, url, body, headers)

    def advance(self, seconds: float) -> None:
        self._product.settle()
        self._product.advance(seconds)


def _with(rule: Rule) -> Any:
    return lambda product: rule(ProductAzure(product))


for name, rule in RULES.items():
    noticed(name)(_with(rule))
