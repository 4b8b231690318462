"""Types of single values in a spec."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, StringConstraints

_GUID = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
_DAYS = r"^P([1-9][0-9]{0,3})D$"
_DURATION = r"^PT([0-9]{1,3}H)?([0-9]{1,5}M)?([0-9]{1,6}S)?$"


def without_slash(text: str) -> str:
    """An ARM id as Azure writes it; anything else as it is. What is built on an id would begin with two slashes, which
    is no path."""
    return text.rstrip("/") if text.startswith("/") else text


Guid = Annotated[str, StringConstraints(pattern=_GUID, to_lower=True)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-fA-F]{64}$", to_lower=True)]
Days = Annotated[str, StringConstraints(pattern=_DAYS)]
Duration = Annotated[str, StringConstraints(pattern=_DURATION)]
#: Letters, digits and what names of resource groups have besides: no space, quote or sign of a URL or a shell, because
#: ids go into both (``blueprint/agent_script.py``).
_ARM_ID = r"^/subscriptions/[\w.()-]+(/[\w.()-]+)+/?$"
ArmId = Annotated[str, StringConstraints(pattern=_ARM_ID, max_length=1000), AfterValidator(without_slash)]
