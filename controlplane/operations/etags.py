"""The ETag of an operation: a digest of its content, because a tick rewrites it without counting. Pure."""

from __future__ import annotations

import hashlib

from controlplane.operations.model import Operation


def operation_etag(operation: Operation) -> str:
    """In quotes, as it stands in the header and in ``etag``."""
    return etag_of(operation.model_dump_json(by_alias=True))


def etag_of(text: str) -> str:
    """Of an operation's JSON, for who has it already."""
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:20]}"'
