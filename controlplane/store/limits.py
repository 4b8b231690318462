"""What Tables allows in one commit and one page; both backends refuse the rest with the same codes.

Sources: https://learn.microsoft.com/rest/api/storageservices/performing-entity-group-transactions (100 entities, each
once, one partition, 4 MiB) and .../query-timeout-and-pagination (1,000 entities a page).
"""

from __future__ import annotations

from collections.abc import Sequence

from controlplane.errors import Rejected
from controlplane.ports.store import Write
from controlplane.store.keys import check_key

MAX_WRITES = 100
MAX_PAGE = 1000
#: What a write takes besides its value: headers, and its keys, percent-encoded in a URL and once more in the body.
_OVERHEAD_BYTES = 5 * 1024
#: 4 MiB of a body in which binary values are base64 (4/3).
MAX_COMMIT_BYTES = (4 * 1024 * 1024 - MAX_WRITES * _OVERHEAD_BYTES) * 3 // 4


def check_commit(partition: str, writes: Sequence[Write]) -> None:
    """Raises ``Rejected``: a bad key, no or too many writes, a row that is written twice."""
    check_key(partition)
    if not 1 <= len(writes) <= MAX_WRITES:
        raise Rejected("InvalidInput", f"A commit has 1 to {MAX_WRITES} writes, not {len(writes)}.")
    rows = {check_key(write.row) for write in writes}
    if len(rows) != len(writes):
        raise Rejected("InvalidDuplicateRow", "A commit may touch each row once.")


def check_commit_bytes(total: int) -> None:
    """``total`` encoded bytes of all values. Raises ``Rejected("RequestBodyTooLarge")``."""
    if total > MAX_COMMIT_BYTES:
        raise Rejected("RequestBodyTooLarge", f"A commit has at most {MAX_COMMIT_BYTES} bytes, not {total}.")


def page_size(limit: int) -> int:
    """How many entities one page holds: at most 1,000, whatever was asked. Raises ``Rejected`` below 1."""
    if limit < 1:
        raise Rejected("InvalidInput", f"A page has at least one entity; {limit} were asked.")
    return min(limit, MAX_PAGE)
