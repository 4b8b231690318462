"""Local network gateways, the connections to them, and ExpressRoute circuits.

No recording: answers follow Microsoft.Network's. Sources of the rules: learn.microsoft.com, "Create a site-to-site VPN
connection", "ExpressRoute circuit workflows and states"; that Azure makes the key which is not sent: Azure/azure-cli
#2799 and hashicorp/terraform-provider-azurerm#6565. Codes without a public quotation are assumed. What is simplified:
a circuit is what a test says it is, and no tunnel ever carries anything.
"""

from __future__ import annotations

from dataclasses import replace

from simulator.engine.declaration import (
    Action,
    Answer,
    ArmError,
    Hook,
    HookContext,
    Phase,
    ReadOnly,
    Required,
    ResourceType,
)
from simulator.types._shared import dig, missing_reference, network_reference
from simulator.types.network import _lro
from simulator.types.network.gateways import BODY, CONNECTION, in_use

LOCAL = "Microsoft.Network/localNetworkGateways"
CIRCUIT = "Microsoft.Network/expressRouteCircuits"
#: What a connection of each kind has at its other end.
_OTHER_END = {"ipsec": "localNetworkGateway2", "vnet2vnet": "virtualNetworkGateway2", "expressroute": "peer"}
_SECRETS = ("sharedKey", "authorizationKey")


def local_rules(ctx: HookContext) -> None:
    properties = ctx.resource.properties
    if bool(properties.get("gatewayIpAddress")) == bool(properties.get("fqdn")):
        raise ArmError(
            400,
            "LocalNetworkGatewayIpAddressOrFqdnRequired",
            f"Local network gateway {ctx.resource.id} has to have either gatewayIpAddress or fqdn.",
        )


def connection_rules(ctx: HookContext) -> None:
    kind = str(dig(ctx.resource.properties, "connectionType", "")).lower()
    for field in ("virtualNetworkGateway1", _OTHER_END.get(kind, "localNetworkGateway2")):
        end = dig(ctx.resource.properties, f"{field}.id")
        if not end:
            raise missing_reference(f"properties.{field}")
        network_reference(ctx, str(end))


def make_key(ctx: HookContext) -> None:
    """Sources: Azure/azure-cli#2799 ("supply nothing, the service generates a shared key"), azurerm's pull 6565."""
    private = ctx.resource.private
    if str(ctx.resource.properties.get("connectionType")).lower() == "ipsec" and not private.get(_KEY):
        private[_KEY] = ctx.engine.digits("sharedKey", ctx.resource.key, length=32)
    ctx.resource.properties.setdefault("connectionStatus", "Unknown")


_KEY = "properties.sharedKey"


def _show_key(ctx: HookContext) -> Answer:
    return Answer(200, {"value": ctx.resource.private.get(_KEY, "")})


TYPES: tuple[ResourceType, ...] = (
    replace(
        _lro.tracked(LOCAL, 10),
        keys=BODY,
        read_only=(ReadOnly("properties.resourceGuid"),),
        computed=_lro.resource_guid,
        hooks=(
            Hook(Phase.VALIDATE, "connection-rules", local_rules),
            Hook(Phase.DELETING, "gateway-in-use", in_use),
        ),
    ),
    replace(
        _lro.tracked(CONNECTION, 30),
        delete=_lro.delete(20),
        keys=BODY,
        required=(Required("properties.connectionType", "InvalidRequestFormat", "Cannot parse the request."),),
        read_only=(ReadOnly("properties.resourceGuid"), ReadOnly("properties.connectionStatus")),
        write_only=tuple(f"properties.{name}" for name in _SECRETS),
        keep_on_put=("properties.connectionStatus",),
        defaults={
            "properties": {
                "routingWeight": 0,
                "dpdTimeoutSeconds": 0,
                "connectionMode": "Default",
                "connectionProtocol": "IKEv2",
                "enableBgp": False,
                "usePolicyBasedTrafficSelectors": False,
                "ipsecPolicies": [],
                "trafficSelectorPolicies": [],
                "ingressBytesTransferred": 0,
                "egressBytesTransferred": 0,
            }
        },
        computed=_lro.resource_guid,
        actions=(Action("sharedkey", _show_key, method="GET", permission=f"{CONNECTION}/sharedKey/read"),),
        hooks=(
            Hook(Phase.VALIDATE, "connection-rules", connection_rules),
            Hook(Phase.ACCEPTED, "connection-gets-a-key", make_key),
        ),
    ),
    replace(
        _lro.tracked(CIRCUIT, 60),
        update=_lro.update(30),
        keys=("name", "id", "etag", "type", "location", "tags", "sku", "properties"),
        read_only=(ReadOnly("properties.resourceGuid"), ReadOnly("properties.serviceKey")),
        # "When created: NotProvisioned and Enabled"; the provider provisions it. A test sends what the provider did.
        defaults={
            "properties": {
                "circuitProvisioningState": "Enabled",
                "serviceProviderProvisioningState": "NotProvisioned",
                "peerings": [],
                "authorizations": [],
            }
        },
        computed=_lro.resource_guid,
    ),
)
