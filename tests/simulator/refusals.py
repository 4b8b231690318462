"""What test_refusals.py asks of a declared type: the shape of a case, and the words that many types share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.simulator.estate import LOCATION
from tests.simulator.lab import Body

ELSEWHERE = "northeurope"
LOCATION_REQUIRED = ("LocationRequired", "The location property is required for this definition.")
IGNORED = "Azure ignores read-only values here: "


def moved(name: str) -> tuple[str, str]:
    return (
        "InvalidResourceLocation",
        f"The resource '{name}' already exists in location '{LOCATION}' in resource group 'rg'. A resource with the "
        f"same name cannot be created in location '{ELSEWHERE}'. Please select a new resource name.",
    )


Wanted = tuple[str, str]


@dataclass
class Case:
    """`path` exists with `body`. `missing`: dotted path taken out of the body -> error when a new one is PUT.
    `changed`: (dotted path, value) -> error of a PUT on the existing one."""

    path: str
    body: Body
    missing: str | None
    missing_error: Wanted | str
    changed: tuple[str, Any] | None
    changed_error: Wanted | str
    new: str | None = None  # path for the new one, when `path` + "2" will not do
