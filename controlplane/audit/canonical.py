"""The one text of a JSON value (RFC 8785), and its SHA-256. Pure."""

from __future__ import annotations

import hashlib
import json
from typing import Any, cast

import rfc8785

#: Beyond it a JSON number is not exact for every reader (RFC 8785, 3.2.2.3 and RFC 7493, 2.2).
_EXACT = 2**53 - 1


def canonical(value: Any) -> bytes:
    """UTF-8 bytes, the same for every JSON text of the same value. Raises ``rfc8785.CanonicalizationError``.

    The standard library writes the same bytes, several times as fast, where no number is a fraction and no key has a
    letter whose place depends on how it is encoded; verifying hashes a lot of that.
    """
    if _is_plain(value):
        try:
            return _write(value).encode()
        except UnicodeEncodeError:
            pass  # Half of a surrogate pair: the library says so in its own words.
    return rfc8785.dumps(cast("Any", value))


_write = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode


def _is_plain(value: Any) -> bool:
    match value:
        case None | bool() | str():
            return True
        case int():
            return -_EXACT <= value <= _EXACT
        case dict():
            return all(isinstance(key, str) and key.isascii() and _is_plain(item) for key, item in value.items())
        case list() | tuple():
            return all(_is_plain(item) for item in value)
        case _:
            return False


def digest(value: Any) -> str:
    """SHA-256 of the canonical text, in hex."""
    return hashlib.sha256(canonical(value)).hexdigest()


def exact(value: Any) -> Any:
    """The value with numbers that no JSON reader is sure of as texts; tuples become lists."""
    match value:
        case dict():
            return {str(key): exact(item) for key, item in value.items()}
        case list() | tuple():
            return [exact(item) for item in value]
        case int() if not isinstance(value, bool) and abs(value) > _EXACT:
            return str(value)
        case _:
            return value
