"""How old a version of the Azure Pipelines agent is (S1-64). Pure.

Its second number is Azure DevOps' sprint, of three weeks each; v3.212.0 was released on 26 October 2022, and counting
on gives v3.240.1 June 2024 and v4.269.0 February 2026, as the releases page has them.
Source: https://github.com/microsoft/azure-pipelines-agent/releases.
"""

from __future__ import annotations

from datetime import date, timedelta

#: The newest one known when this was written; the default of a spec.
NEWEST = "4.269.0"
#: SHA-256 of the packages for Linux x64, as the releases page has them. A spec names that of any other version.
SHA256 = {
    "3.217.1": "b205aede2354ed7c277f9acb14c446093f26d6607d3e1c00c57031b32c95ed31",
    "4.269.0": "b7bfdc699857e7e045345494eec7f89c81d870e469e7d6199b37d6bf1601d3cf",
    "5.276.0": "bd93f670a53980c12c4c4d034eab0b14c4d79271b2d11ec6787d26722aa01eaf",
}
#: Azure DevOps stops serving agents that are too old; a year is long before.
MONTHS = 12
_SPRINT, _RELEASED = 212, date(2022, 10, 26)
_LENGTH = timedelta(weeks=3)
_OLDEST_KNOWN = 150


def released(version: str) -> date | None:
    """About when a version came out; None for what is no version of this scheme."""
    parts = version.split(".")
    if len(parts) != 3 or not all(part.isdigit() for part in parts) or int(parts[1]) < _OLDEST_KNOWN:
        return None
    return _RELEASED + (int(parts[1]) - _SPRINT) * _LENGTH


def months_behind(version: str, newest: str = NEWEST) -> int | None:
    """Whole months between the releases of ``version`` and ``newest``; 0 for a newer one, None where unknown."""
    old, new = released(version), released(newest)
    if old is None or new is None:
        return None
    return max(0, (new - old).days // 30)
