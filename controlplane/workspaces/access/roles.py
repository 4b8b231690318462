"""The roles of the matrix's cells: what Azure calls them, and what they let their holder do. Pure data.

Source: "Azure built-in roles" (GUIDs and actions). ``ACO`` and ``DOPA`` are in the matrix's key and in none of its
cells; ``DOPCA`` is a group of Azure DevOps and no role of Azure (RB-I8). Of people's roles Reader, Log Analytics
Reader, Monitoring Reader and Key Vault Reader are reader-class (RB-I1).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Role:
    """A role of Azure."""

    code: str
    """As the matrix writes it."""
    slug: str
    """Its part of logical keys."""
    guid: str
    name: str
    reads_only: bool = False

    @property
    def by_administrator(self) -> bool:
        """The operator may never grant it: whoever can make an Owner is one."""
        return self.code == "O"


_ALL = (
    Role("R", "reader", "acdd72a7-3385-48ef-bd42-f606fba81ae7", "Reader", reads_only=True),
    Role("C", "contributor", "b24988ac-6180-42a0-ab88-20f7382dd24c", "Contributor"),
    Role("O", "owner", "8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "Owner"),
    Role("ADS", "azureml-data-scientist", "f6c7c914-8db3-469d-8ca1-694a8f32e121", "AzureML Data Scientist"),
    Role("AcrPush", "acr-push", "8311e382-0749-4cb8-b61a-304f252e45ec", "AcrPush"),
    Role(
        "LAR", "log-analytics-reader", "73c42c96-874c-492b-b04d-ab87d138a893", "Log Analytics Reader", reads_only=True
    ),
    Role("LAC", "log-analytics-contributor", "92aaf0da-9dab-42b6-94a3-d43ce8d16293", "Log Analytics Contributor"),
    Role("MR", "monitoring-reader", "43d0d8ad-25c7-4714-9337-8ba259a9fe05", "Monitoring Reader", reads_only=True),
    Role("MC", "monitoring-contributor", "749f88d5-cbae-40b8-bcfc-e573ddc772fa", "Monitoring Contributor"),
    Role("KVA", "key-vault-administrator", "00482a5a-887f-4fb3-b363-3b7fe8e74483", "Key Vault Administrator"),
    Role("KVR", "key-vault-reader", "21090545-7ca7-4776-b22c-e363652d74d2", "Key Vault Reader", reads_only=True),
)
ROLES: Mapping[str, Role] = MappingProxyType({role.code: role for role in _ALL})
"""Code → role."""
BY_GUID: Mapping[str, Role] = MappingProxyType({role.guid: role for role in _ALL})
GRANTABLE: Mapping[str, str] = MappingProxyType({role.slug: role.guid for role in _ALL if not role.by_administrator})
"""Slug → GUID of what the operator may grant to personas."""
