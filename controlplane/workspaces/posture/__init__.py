"""Posture: what is true in Azure of every control, with evidence, and what would repair it. Pure."""

from controlplane.workspaces.posture.advice import advise
from controlplane.workspaces.posture.conditions import conditions
from controlplane.workspaces.posture.model import (
    Concern,
    Evidence,
    Finding,
    FindingStatus,
    Repair,
    RepairKind,
    Report,
    Score,
    Section,
    Severity,
)
from controlplane.workspaces.posture.report import evaluate

__all__ = [
    "Concern",
    "Evidence",
    "Finding",
    "FindingStatus",
    "Repair",
    "RepairKind",
    "Report",
    "Score",
    "Section",
    "Severity",
    "advise",
    "conditions",
    "evaluate",
]
