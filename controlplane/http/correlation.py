"""The id by which a request is found in logs, answers and the audit."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from typing import Any

#: W3C Trace Context: version-traceid-parentid-flags. Version ff and ids of zeros are invalid.
_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?")


def correlation_id(scope: Mapping[str, Any]) -> str:
    """The trace id of the caller's ``traceparent``, or one made for this request."""
    return str(scope["state"]["correlation_id"])


def correlation_of(headers: Mapping[str, str]) -> str:
    """As :func:`correlation_id`, before anything of the request was stored."""
    found = _TRACEPARENT.fullmatch(headers.get("traceparent", ""))
    return found.group(1) if found else secrets.token_hex(16)
