"""The ETag of an operation: a digest of its content, because a tick rewrites it without counting. Pure."""

from __future__ import annotations

import hashlib

from controlplane.operations.model import Operation


def operation_etag(operation: Operation) -> str:
    """In quotes, as it stands in the header and in ``etag``."""
    digest = hashlib.sha256(operation.model_dump_json(by_alias=True).encode()).hexdigest()
    return f'"{digest[:20]}"'
