"""The RBAC matrix: which role each persona has on which resource, in production and before it. Pure data.

99 cells with 108 grants, version 1 of the table that the project was given; ``tests/data/rbac-matrix.csv`` is that
table, and a test holds this module to it. "Production" is staging, test and production; what comes before it is
development (S3-65).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from controlplane.workspaces.access.personas import KINDS, Persona

VERSION = "1"


class Column(StrEnum):
    """What roles are held on, as the matrix calls it."""

    WORKSPACE = "ML workspace"
    VAULT = "Key Vault"
    REGISTRY = "Container Registry"
    STORAGE = "Storage account"
    DEVOPS = "Azure DevOps"
    ARTIFACTS = "Azure Artifacts"
    LOGS = "Log Analytics ws"
    MONITOR = "Azure Monitor"


#: No role of theirs is a role assignment of Azure: only their own API knows who has it (RB-I8).
NOT_CHECKED = frozenset({Column.DEVOPS, Column.ARTIFACTS})

_P = Persona
_C = Column
_ORDER = tuple(Column)
#: One line a persona, its cells in the order of ``Column``; ``-`` is no role.
_PRODUCTION = {
    _P.DATA_SCIENTISTS: "- - R - - - LAR MR",
    _P.DATA_ANALYSTS: "- - - - - - - -",
    _P.MODEL_TESTERS: "- - - - - - - -",
    _P.BUSINESS_STAKEHOLDERS: "- - - - - - - MR",
    _P.PROJECT_LEADS: "R R+KVR R - - - LAR MR",
    _P.PRODUCT_OWNERS: "- - - - - - - MR",
    _P.PLATFORM_SUPPORT: "O O+KVA - - DOPCA O O O",
    _P.MODEL_END_USERS: "- - - - - - - -",
    _P.CICD_PROCESSES: "O O+KVA AcrPush - DOPCA O O O",
    _P.ML_WORKSPACE: "- R C C - - - -",
    _P.MONITORING_PROCESSES: "R - - - - - LAR MR",
    _P.DATA_GOVERNANCE: "R - R R R R - -",
}
_PREPRODUCTION = {
    _P.DATA_SCIENTISTS: "ADS R+KVA C C C C LAC MC",
    _P.DATA_ANALYSTS: "R - - C - - LAR MC",
    _P.MODEL_TESTERS: "R R+KVR R R R R LAR MR",
    _P.BUSINESS_STAKEHOLDERS: "R - R R R R - -",
    _P.PROJECT_LEADS: "C C+KVA C C C C LAC MC",
    _P.PRODUCT_OWNERS: "R - - R - - - MR",
    _P.PLATFORM_SUPPORT: "O O+KVA O O DOPCA O O O",
    _P.MODEL_END_USERS: "- - - - - - - -",
    _P.CICD_PROCESSES: "O O+KVA AcrPush O DOPCA O O O",
    _P.ML_WORKSPACE: "- R+KVR C C - - - -",
    _P.MONITORING_PROCESSES: "R R R R R R LAC -",
    _P.DATA_GOVERNANCE: "R - R R - - - -",
}

Row = Mapping[Column, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Cell:
    """The roles of one persona on one resource; ``row`` is the matrix's own name of the line (``RB-D01``)."""

    row: str
    persona: Persona
    column: Column
    codes: tuple[str, ...]


def _row(line: str) -> Row:
    cells = zip(_ORDER, line.split(), strict=True)
    return MappingProxyType({column: tuple(text.split("+")) for column, text in cells if text != "-"})


_ROWS: Mapping[bool, Mapping[Persona, Row]] = MappingProxyType(
    {
        True: MappingProxyType({persona: _row(line) for persona, line in _PRODUCTION.items()}),
        False: MappingProxyType({persona: _row(line) for persona, line in _PREPRODUCTION.items()}),
    }
)


def row_id(persona: Persona, *, production: bool) -> str:
    """``RB-P05``, ``RB-D05``."""
    return f"RB-{'P' if production else 'D'}{KINDS[persona].number:02d}"


def roles_of(persona: Persona, *, production: bool) -> Row:
    """Column → codes of roles; columns without a role are left out."""
    return _ROWS[production][persona]


def cells(*, production: bool) -> Iterator[Cell]:
    """Every filled cell of one half of the matrix, in its order."""
    for persona in Persona:
        for column, codes in roles_of(persona, production=production).items():
            yield Cell(row_id(persona, production=production), persona, column, codes)
