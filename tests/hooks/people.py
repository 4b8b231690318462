"""What people see who look at Azure themselves: one caller of ARM, as ``az resource`` and ``az rest`` are.

For the hooks that make Azure show or refuse something that no workspace of ours depends on: a person who lists, shows
and makes things beside the product relies on it all the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from simulator.engine.messages import Response
from tests.simulator.lab import version_of
from tests.support.quiet_product import QuietProduct

Body = dict[str, Any]
GROUP = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/theirs"
LOCATION = "westeurope"
#: After which everything that is made without an operation's URL is there.
SETTLED_SECONDS = 60


def beside(kind: str, name: str) -> str:
    """The id of something in a group of that person's own."""
    return f"{GROUP}/providers/{kind}/{name}"


@dataclass(frozen=True)
class Az:
    """A person with all rights at a command line; a command ends when Azure's operation has."""

    product: QuietProduct

    def _call(self, method: str, arm_id: str, body: Body | None, version: str | None = None) -> Response:
        path, _, query = arm_id.partition("?")
        asked = f"{path}?api-version={version or version_of(path)}" + (f"&{query}" if query else "")
        return self.product.azure.call("owner", method, asked, body)

    def group(self) -> None:
        """``az group create``."""
        self.create(GROUP, {"location": LOCATION})

    def create(self, arm_id: str, body: Body, version: str | None = None) -> Body:
        """``az resource create``: what it shows at its end."""
        answer = self._call("PUT", arm_id, body, version)
        assert answer.status < 300, answer.body
        self.wait()
        return self.show(arm_id, version)

    def wait(self) -> None:
        """``az resource wait``."""
        self.product.settle()
        self.product.advance(SETTLED_SECONDS)

    def show(self, arm_id: str, version: str | None = None) -> Body:
        """``az resource show``."""
        answer = self._call("GET", arm_id, None, version)
        assert answer.status == 200, answer.body
        found: Body = answer.body
        return found

    def is_there(self, arm_id: str) -> bool:
        """Whether ``az resource show`` finds it."""
        return self._call("GET", arm_id, None).status == 200

    def list(self, path: str) -> list[Body]:
        """``az rest --method get`` of a collection."""
        found: list[Body] = self.show(path)["value"]
        return found

    def post(self, path: str) -> Body:
        """``az resource invoke-action``."""
        answer = self._call("POST", path, None)
        assert answer.status == 200, answer.body
        found: Body = answer.body
        return found

    def refused(self, method: str, arm_id: str, body: Body | None = None) -> str:
        """The code with which Azure refuses."""
        answer = self._call(method, arm_id, body)
        assert answer.status >= 400, f"{method} {arm_id} was accepted"
        return str(answer.body["error"]["code"])
