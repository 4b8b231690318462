"""Built-in definitions that can deny what a spec may ask for, as Azure/azure-policy publishes them. Pure data.

Container Registry/ACR_AdminAccountDisabled_AuditDeny.json, version 1.0.1. No other built-in definition of that folder
denies the admin account (ACR_AdminAccountDisabled_Modify.json switches it off instead).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from controlplane.arm import fold
from controlplane.json_types import JsonObject

#: "Container registries should have local admin account disabled."
NO_ADMIN_USER = "/providers/Microsoft.Authorization/policyDefinitions/dc921057-6b28-4fbe-9b83-f7bec05db6c2"
_REGISTRY = "Microsoft.ContainerRegistry/registries"

DEFINITIONS: Mapping[str, JsonObject] = MappingProxyType(
    {
        fold(NO_ADMIN_USER): {
            "id": NO_ADMIN_USER,
            "properties": {
                "displayName": "Container registries should have local admin account disabled.",
                "mode": "Indexed",
                "parameters": {"effect": {"type": "String", "defaultValue": "Audit"}},
                "policyRule": {
                    "if": {
                        "allOf": [
                            {"field": "type", "equals": _REGISTRY},
                            {"field": f"{_REGISTRY}/adminUserEnabled", "equals": True},
                        ]
                    },
                    "then": {"effect": "[parameters('effect')]"},
                },
            },
        }
    }
)
"""Folded id → definition."""
