"""Partition and row keys: which are valid, and how any text becomes one.

Tables forbids ``/ \\ # ?`` and control characters in keys, and more than 1 KiB of UTF-16
(https://learn.microsoft.com/rest/api/storageservices/understanding-the-table-service-data-model). Keys here are
printable ASCII besides, so that every backend sorts them the same way.
"""

from __future__ import annotations

import re
from urllib.parse import quote

from controlplane.errors import Rejected

#: Tables counts 1 KiB of UTF-16, two bytes a character.
MAX_KEY_CHARACTERS = 512
#: Printable ASCII (space to tilde) without ``# / ? \``.
_VALID = re.compile(r"[ -\"$-.0->@-\[\]-~]+")
#: What stays as it is, besides letters, digits and ``_.-~``. Not ``!``, which separates the parts of a row key, and not
#: ``=``, which takes the place of ``%``: URLs of entities hold their keys, and not every client escapes a ``%`` twice.
_SAFE = " @:$&+,;()"


def check_key(key: str) -> str:
    """Returns ``key``, which must not be empty; raises ``Rejected`` ``InvalidKey`` or ``KeyValueTooLarge``."""
    if not _VALID.fullmatch(key):
        raise Rejected("InvalidKey", "A key is printable ASCII without / \\ # ?, and not empty; use encode_key.")
    if len(key) > MAX_KEY_CHARACTERS:
        raise Rejected("KeyValueTooLarge", f"A key has at most {MAX_KEY_CHARACTERS} characters, not {len(key)}.")
    return key


def check_bound(bound: str) -> str:
    """Returns a prefix or a bound of a query, which may be empty; raises as ``check_key`` does."""
    return check_key(bound) if bound else bound


def encode_key(text: str) -> str:
    """Any text as a part of a key: UTF-8, ``=2F`` for ``/``. Different texts give different keys, none holds a ``!``.

    Raises ``Rejected("InvalidKey")`` for text that is not Unicode (a lone surrogate).
    """
    try:
        return quote(text, safe=_SAFE).replace("%", "=")
    except UnicodeEncodeError as error:
        raise Rejected("InvalidKey", "A key must be valid Unicode.") from error
