"""How long Azure takes, per type and action, when nothing was measured yet. Seconds.

Sources: waits seen in the Azure CLI's recordings (endpoints 20 s and more, storage 17 s, vaults 30 s, zones and NAT
gateways 10 s, registries 8-20 s); Azure Machine Learning's own figures for workspaces and computes ("1-4 min").
A Bastion takes "about 10 minutes" by Microsoft's quickstart; 6 is what users of azurerm measure, who see 30 for a VPN
gateway ("often 45 minutes or more" by Microsoft's). Machines and their extensions: a minute or two each, and
identities: a second or two, as the Azure CLI's recordings show.
Estimates, to be replaced by measured ones: every entry may be overridden by ``{type: seconds}`` or
``{"type:action": seconds}``.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from controlplane.workspaces import kinds as k
from controlplane.workspaces.model import Action

#: Seconds of a type that is not in the table.
UNKNOWN_SECONDS = 30.0

#: Type → (create, update, delete).
DURATIONS: Mapping[str, tuple[float, float, float]] = MappingProxyType(
    {
        k.RESOURCE_GROUP: (1, 1, 60),
        k.VNET: (5, 5, 10),
        k.SUBNET: (5, 5, 10),
        k.PEERING: (5, 5, 5),
        k.NSG: (5, 5, 5),
        k.PUBLIC_IP: (5, 5, 5),
        k.NAT_GATEWAY: (10, 10, 10),
        k.ROUTE_TABLE: (5, 5, 5),
        k.SERVICE_ENDPOINT_POLICY: (5, 5, 5),
        k.BASTION: (360, 120, 300),
        k.VPN_GATEWAY: (1800, 300, 600),
        k.LOCAL_GATEWAY: (10, 10, 10),
        k.CONNECTION: (30, 30, 20),
        k.INTERFACE: (5, 5, 5),
        k.VM: (60, 30, 45),
        k.SCALE_SET: (90, 60, 60),
        k.VM_EXTENSION: (90, 60, 30),
        k.PRIVATE_ENDPOINT: (60, 30, 30),
        k.ZONE_GROUP: (10, 10, 10),
        k.DNS_ZONE: (10, 10, 10),
        k.DNS_LINK: (10, 10, 10),
        k.STORAGE: (20, 5, 5),
        k.VAULT: (30, 5, 5),
        k.REGISTRY: (20, 5, 10),
        k.LOG_ANALYTICS: (15, 5, 5),
        k.COMPONENT: (3, 3, 3),
        k.ML_WORKSPACE: (90, 30, 60),
        k.COMPUTE: (60, 15, 60),
        k.IDENTITY: (3, 3, 3),
        k.DATASTORE: (5, 5, 5),
        # "It can take around 30 minutes"; each rule of a network that stands, minutes.
        k.MANAGED_NETWORK: (1800, 1800, 0),
        k.OUTBOUND_RULE: (20, 20, 20),
        k.ROLE_ASSIGNMENT: (2, 2, 2),
        k.DIAGNOSTIC: (2, 2, 2),
    }
)


def expected_seconds(resource_type: str, action: Action, measured: Mapping[str, float] | None = None) -> float:
    """Measured before estimated; a replacement is a deletion and a creation; nothing to do takes no time."""
    if action is Action.REPLACE:
        return expected_seconds(resource_type, Action.DELETE, measured) + expected_seconds(
            resource_type, Action.CREATE, measured
        )
    column = _COLUMNS.get(action)
    if column is None:
        return 0.0
    for name in (f"{resource_type}:{action.value}", resource_type):
        if measured is not None and name in measured:
            return measured[name]
    known = DURATIONS.get(resource_type)
    return known[column] if known is not None else UNKNOWN_SECONDS


_COLUMNS = {Action.CREATE: 0, Action.UPDATE: 1, Action.DELETE: 2}
