"""Conditions of role assignments, the part of the language that constrains role assignments themselves.

Supported: `ActionMatches{'...'}`; `@Request[...]` and `@Resource[...]` of RoleDefinitionId, PrincipalId and
PrincipalType with `ForAnyOfAnyValues` / `ForAnyOfAllValues` and Guid or String (not) equals; `!`, `AND`, `OR`,
parentheses. A condition with anything else does not hold, so that nothing is let through by mistake.
Sources: "Delegate Azure role assignment management to others with conditions", and of the operators over several values
"Azure role assignment condition format and syntax" (Microsoft Learn).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

TOKEN = re.compile(
    r"\s*(?:(?P<open>\()|(?P<close>\))|(?P<not>!|NOT\b)|(?P<and>&&|AND\b)|(?P<or>\|\||OR\b)"
    r"|ActionMatches\s*\{\s*'(?P<action>[^']*)'\s*\}"
    r"|@(?P<source>Request|Resource)\[\s*Microsoft\.Authorization/roleAssignments:(?P<attribute>\w+)\s*\]"
    r"\s*(?:(?P<set>ForAnyOfAnyValues|ForAnyOfAllValues):)?(?P<operator>\w+)\s*(?:\{(?P<values>[^}]*)\}|(?P<value>\S+)))",
    re.IGNORECASE,
)

_EQUAL = frozenset({"guidequals", "stringequalsignorecase", "stringequals"})
_DIFFERENT = frozenset({"guidnotequals", "stringnotequalsignorecase", "stringnotequals"})
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Facts:
    """Of the role assignment that is written or deleted."""

    role_guid: str
    principal_id: str
    principal_type: str = ""


class _Unreadable(Exception):
    pass


def holds(condition: str, action: str, facts: Facts) -> bool:
    """Whether a condition is true for an action; False for one that cannot be read."""
    try:
        tokens = _tokens(condition)
        value, rest = _either(tokens, 0, action, facts)
    except _Unreadable:
        return False
    return value and rest == len(tokens)


def _tokens(text: str) -> list[re.Match[str]]:
    found, position = [], 0
    text = text.strip()
    while position < len(text):
        match = TOKEN.match(text, position)
        if match is None:
            raise _Unreadable(text[position:])
        found.append(match)
        position = match.end()
        while position < len(text) and text[position].isspace():
            position += 1
    return found


def _either(tokens: list[re.Match[str]], at: int, action: str, facts: Facts) -> tuple[bool, int]:
    value, at = _both(tokens, at, action, facts)
    while at < len(tokens) and tokens[at]["or"]:
        right, at = _both(tokens, at + 1, action, facts)
        value = value or right
    return value, at


def _both(tokens: list[re.Match[str]], at: int, action: str, facts: Facts) -> tuple[bool, int]:
    value, at = _single(tokens, at, action, facts)
    while at < len(tokens) and tokens[at]["and"]:
        right, at = _single(tokens, at + 1, action, facts)
        value = value and right
    return value, at


def _single(tokens: list[re.Match[str]], at: int, action: str, facts: Facts) -> tuple[bool, int]:
    if at >= len(tokens):
        raise _Unreadable("ends too early")
    token = tokens[at]
    if token["not"]:
        value, at = _single(tokens, at + 1, action, facts)
        return not value, at
    if token["open"]:
        value, at = _either(tokens, at + 1, action, facts)
        if at >= len(tokens) or not tokens[at]["close"]:
            raise _Unreadable("unbalanced")
        return value, at + 1
    if token["action"] is not None:
        pattern = re.escape(token["action"]).replace(r"\*", ".*")
        return re.fullmatch(pattern, action, re.IGNORECASE) is not None, at + 1
    if token["source"]:
        return _compared(token, facts), at + 1
    raise _Unreadable(token.group())


def _compared(token: re.Match[str], facts: Facts) -> bool:
    given = {
        "roledefinitionid": facts.role_guid,
        "principalid": facts.principal_id,
        "principaltype": facts.principal_type,
    }.get(token["attribute"].lower())
    if given is None:
        raise _Unreadable(token["attribute"])
    text = token["values"] if token["values"] is not None else token["value"]
    values = [value.strip().strip("'\"").lower() for value in text.split(",")]
    operator = token["operator"].lower()
    if operator not in _EQUAL | _DIFFERENT:
        raise _Unreadable(token["operator"])
    if operator.startswith("guid") and not all(_GUID.fullmatch(value) for value in values):
        raise _Unreadable(text)
    compared = [(value == given.lower()) is (operator in _EQUAL) for value in values]
    # "ForAnyOfAllValues: … if any value on the left satisfies the comparison to all values on the right".
    return all(compared) if (token["set"] or "").lower() == "foranyofallvalues" else any(compared)
