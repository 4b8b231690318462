"""One HTTP answer of ARM as plain data, so that everything behind the pipeline is free of any SDK. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from controlplane.errors import Transient


@dataclass(frozen=True, slots=True)
class ArmAnswer:
    """``headers`` has lower-case names; ``url`` is what was asked for, for resolving relative links."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    url: str

    @property
    def ok(self) -> bool:
        """Whether ARM took the request (2xx)."""
        return 200 <= self.status < 300

    @property
    def correlation_id(self) -> str | None:
        """What Microsoft's support asks for."""
        return self.headers.get("x-ms-correlation-request-id") or self.headers.get("x-ms-request-id")

    def json(self) -> Any:
        """The body; None when it is empty or says so. Raises ``Transient("UnreadableAnswer")`` when it is no JSON."""
        if not self.content.strip():
            return None
        try:
            return json.loads(self.content)
        except ValueError as error:
            message = f"An answer with status {self.status} has a body that is not JSON."
            raise Transient("UnreadableAnswer", message, retry_after=0.0) from error

    def object(self) -> dict[str, Any] | None:
        """The body where it is a JSON object; None where it is anything else or not JSON at all."""
        try:
            body = json.loads(self.content)
        except ValueError:
            return None
        return body if isinstance(body, dict) else None
