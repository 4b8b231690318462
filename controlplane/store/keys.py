"""Partition and row keys: which are valid.

Tables forbids ``/ \\ # ?`` and control characters in keys, and more than 1 KiB of UTF-16
(https://learn.microsoft.com/rest/api/storageservices/understanding-the-table-service-data-model). Keys here are
printable ASCII besides, so that every backend sorts them the same way.
"""

from __future__ import annotations

import re

from controlplane.errors import Rejected

#: Tables counts 1 KiB of UTF-16, two bytes a character.
MAX_KEY_CHARACTERS = 512
#: Printable ASCII (space to tilde) without ``# / ? \``.
_VALID = re.compile(r"[ -\"$-.0->@-\[\]-~]+")


def check_key(key: str) -> str:
    """Returns ``key``, which must not be empty; raises ``Rejected`` ``InvalidKey`` or ``KeyValueTooLarge``."""
    if not _VALID.fullmatch(key):
        raise Rejected("InvalidKey", "A key is printable ASCII without / \\ # ?, and not empty.")
    if len(key) > MAX_KEY_CHARACTERS:
        raise Rejected("KeyValueTooLarge", f"A key has at most {MAX_KEY_CHARACTERS} characters, not {len(key)}.")
    return key


def check_bound(bound: str) -> str:
    """Returns a prefix or a bound of a query, which may be empty; raises as ``check_key`` does."""
    return check_key(bound) if bound else bound
