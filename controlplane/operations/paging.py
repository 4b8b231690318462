"""Pages of lists and what they are filtered by: the small part of OData that this API takes. Pure.

``filter`` is comparisons joined by ``and``: ``project eq 'churn' and condition eq 'Ready:False'``. ``eq`` and ``ne``
are the operators, texts stand in single quotes, a quote in a text is doubled (OData 4.01, URL conventions, 5.1.1).
Anything else is refused with the place where it stands.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from controlplane.errors import Rejected

#: Field → the values it can have, or their form; None for any text.
Fields = Mapping[str, frozenset[str] | re.Pattern[str] | None]

DEFAULT_SIZE = 100
MAX_SIZE = 1000
MAX_FILTER = 1024
_TOKEN = re.compile(r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<word>[A-Za-z][A-Za-z0-9]*))")
_KEY = re.compile(r"[a-z0-9.~-]{1,120}")


class Operator(StrEnum):
    EQ = "eq"
    NE = "ne"


_OPERATORS = frozenset(operator.value for operator in Operator)


@dataclass(frozen=True, slots=True)
class Term:
    """One comparison."""

    field: str
    operator: Operator
    value: str


@dataclass(frozen=True, slots=True)
class Paging:
    """``after``: key of the last item that was seen; ``terms`` all hold of what is listed."""

    size: int = DEFAULT_SIZE
    after: str | None = None
    terms: tuple[Term, ...] = ()

    def wanted(self, field: str) -> str | None:
        """The one value that a field must have."""
        return next((t.value for t in self.terms if t.field == field and t.operator is Operator.EQ), None)

    def matches(self, values: Callable[[str], frozenset[str]]) -> bool:
        """``values`` gives what an item has of a field; ``eq`` holds when the value is among them."""
        return all((term.value in values(term.field)) is (term.operator is Operator.EQ) for term in self.terms)


def parse_filter(text: str | None, fields: Fields) -> tuple[Term, ...]:
    """The comparisons of a filter. Raises ``Rejected("InvalidFilter")`` naming the place of the fault, from 1."""
    if text is None:
        return ()
    reader = _Reader(text, fields)
    terms = [reader.term()]
    while not reader.at_end():
        reader.word("and", "`and`")
        terms.append(reader.term())
    return tuple(terms)


class _Reader:
    def __init__(self, text: str, fields: Fields) -> None:
        self._text = text
        self._fields = fields
        self._at = 0

    def at_end(self) -> bool:
        return not self._text[self._at :].strip()

    def term(self) -> Term:
        start = self._start()
        name = self._take("word", f"a field ({', '.join(sorted(self._fields))})")
        if name not in self._fields:
            raise self._fault(start, f"{name!r} is no field of this list; it has {', '.join(sorted(self._fields))}")
        start = self._start()
        operator = self._take("word", "`eq` or `ne`")
        if operator not in _OPERATORS:
            raise self._fault(start, f"{operator!r} is no operator; `eq` and `ne` are")
        start = self._start()
        value = self._take("text", "a text in single quotes")[1:-1].replace("''", "'")
        allowed = self._fields[name]
        match allowed:
            case frozenset() if value not in allowed:
                raise self._fault(start, f"{name} is never {value!r}; it is one of {', '.join(sorted(allowed))}")
            case re.Pattern() if not allowed.fullmatch(value):
                raise self._fault(start, f"{name} is never {value!r}; its form is {allowed.pattern}")
            case _:
                pass
        return Term(name, Operator(operator), value)

    def word(self, wanted: str, shown: str) -> None:
        start = self._start()
        if self._take("word", shown) != wanted:
            raise self._fault(start, f"{shown} was expected")

    def _start(self) -> int:
        """Where the next token begins."""
        rest = self._text[self._at :]
        return self._at + len(rest) - len(rest.lstrip())

    def _take(self, kind: str, wanted: str) -> str:
        found = _TOKEN.match(self._text, self._at)
        if found is None or found.group(kind) is None:
            raise self._fault(self._start(), f"{wanted} was expected")
        self._at = found.end()
        return str(found.group(kind))

    def _fault(self, at: int, message: str) -> Rejected:
        return Rejected("InvalidFilter", f"At character {at + 1} of the filter: {message}.", target="filter")


def token_of(kind: str, key: str | None) -> str | None:
    """Opaque to callers: where the next page of a list begins."""
    return None if key is None else base64.urlsafe_b64encode(f"{kind}:{key}".encode()).decode().rstrip("=")


def key_of(kind: str, token: str | None) -> str | None:
    """The key in a token of :func:`token_of`. Raises ``Rejected("InvalidContinuation")``, also for another list's."""
    if token is None:
        return None
    try:
        text = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, ValueError) as error:
        raise _not_ours() from error
    found, _, key = text.partition(":")
    if found != kind or not _KEY.fullmatch(key) or token_of(kind, key) != token:
        raise _not_ours()
    return key


def _not_ours() -> Rejected:
    return Rejected("InvalidContinuation", "The skipToken is not one of a nextLink of this list.", target="skipToken")
