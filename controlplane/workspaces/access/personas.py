"""The twelve personas of the matrix. Pure data (S3-50 to S3-61)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Persona(StrEnum):
    """The value is the key of the spec's ``access`` and of the API."""

    DATA_SCIENTISTS = "dataScientists"
    DATA_ANALYSTS = "dataAnalysts"
    MODEL_TESTERS = "modelTesters"
    BUSINESS_STAKEHOLDERS = "businessStakeholders"
    PROJECT_LEADS = "projectLeads"
    PRODUCT_OWNERS = "productOwners"
    PLATFORM_SUPPORT = "platformSupport"
    MODEL_END_USERS = "modelEndUsers"
    CICD_PROCESSES = "cicdProcesses"
    ML_WORKSPACE = "mlWorkspace"
    MONITORING_PROCESSES = "monitoringProcesses"
    DATA_GOVERNANCE = "dataGovernance"


@dataclass(frozen=True, slots=True)
class Kind:
    """What a persona is, by the matrix."""

    number: int
    """Its row: 1 is RB-P01 and RB-D01."""
    label: str
    """As the matrix calls it."""
    requirement: str
    slug: str
    """Its part of logical keys."""
    is_person: bool
    project_specific: bool

    @property
    def principal_type(self) -> str:
        """People come in Entra groups and never by themselves (S3-63); processes are service principals."""
        return "Group" if self.is_person else "ServicePrincipal"


KINDS: Mapping[Persona, Kind] = MappingProxyType(
    {
        Persona.DATA_SCIENTISTS: Kind(1, "Data scientist / ML engineer", "S3-50", "data-scientists", True, True),
        Persona.DATA_ANALYSTS: Kind(2, "Data analyst", "S3-51", "data-analysts", True, True),
        Persona.MODEL_TESTERS: Kind(3, "Model tester", "S3-52", "model-testers", True, True),
        Persona.BUSINESS_STAKEHOLDERS: Kind(4, "Business stakeholders", "S3-53", "business-stakeholders", True, True),
        Persona.PROJECT_LEADS: Kind(5, "Project lead (DS lead)", "S3-54", "project-leads", True, True),
        Persona.PRODUCT_OWNERS: Kind(6, "Project/product owner", "S3-55", "product-owners", True, True),
        Persona.PLATFORM_SUPPORT: Kind(7, "Platform technical support", "S3-56", "platform-support", True, False),
        Persona.MODEL_END_USERS: Kind(8, "Model end user", "S3-57", "model-end-users", True, True),
        Persona.CICD_PROCESSES: Kind(9, "CI/CD processes", "S3-58", "cicd-processes", False, False),
        Persona.ML_WORKSPACE: Kind(10, "ML workspace (managed identity)", "S3-59", "workspace-identity", False, False),
        Persona.MONITORING_PROCESSES: Kind(11, "Monitoring processes", "S3-60", "monitoring-processes", False, False),
        Persona.DATA_GOVERNANCE: Kind(12, "Data-governance processes", "S3-61", "data-governance", False, False),
    }
)
