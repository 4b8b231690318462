"""Why somebody did something: words for people, kept in the audit."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, StringConstraints

#: Control characters but line ends and tabs, and those that turn the direction of what is read after them.
_UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")


def _seen(text: str) -> str:
    if _UNSEEN.search(text):
        raise ValueError("A reason is text to be read: no control characters, none that are not seen.")
    return text


#: What may be left out; without blanks around it.
OptionalReason = Annotated[str, StringConstraints(strip_whitespace=True, max_length=1000), AfterValidator(_seen)]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=1000), AfterValidator(_seen)]
