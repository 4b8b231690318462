"""VPN gateways, the sites that join, and peerings through them."""

from __future__ import annotations

from typing import Any

from tests.hooks.hubs import findings, untouched
from tests.hooks.people import Az
from tests.hooks.scenarios import noticed, sent, spec, succeeded, tries
from tests.support.blueprints import FULL_HUB, with_hub
from tests.support.quiet_product import QuietProduct


def with_vpn() -> dict[str, Any]:
    return spec(network=with_hub(vpn=FULL_HUB["vpn"]))


@noticed("gateway-takes-its-place", "gateway-in-use", world="empty")
def what_a_gateway_uses_cannot_be_taken_away(product: QuietProduct) -> None:
    succeeded(product.create(with_vpn()))
    for key in ("subnet/gateway", "public-ip/gateway", "local-gateway/hq"):
        untouched(product, key)


@noticed("gateway-used-by-peerings", world="empty")
def a_gateway_that_the_ml_network_uses_stays(product: QuietProduct) -> None:
    asked = spec(network=with_hub(vpn={"pointToSite": FULL_HUB["vpn"]["pointToSite"]}))
    succeeded(product.create(asked))
    untouched(product, "gateway/vpn")


@noticed("gateway-rules", world="empty")
def people_cannot_be_let_in_by_another_protocol(product: QuietProduct) -> None:
    succeeded(product.create(with_vpn()))
    asked = (product.body(product.ids()["gateway/vpn"]) or {})["properties"]["vpnClientConfiguration"]
    tries(product, "gateway/vpn", vpnClientConfiguration={**asked, "vpnClientProtocols": ["IkeV2"]})
    assert product.failing() == set()


@noticed("gateway-subnet-rules", world="empty")
def the_gateway_s_subnet_gets_no_rules(product: QuietProduct) -> None:
    """Rules there stop a gateway; the blueprint has none, and the plan would not see somebody else's."""
    succeeded(product.create(with_vpn()))
    arm_id, body = sent(product, "subnet/gateway", networkSecurityGroup={"id": product.ids()["nsg/hub"]})
    code = Az(product).refused("PUT", arm_id, {"properties": body["properties"]})
    assert code == "NetworkSecurityGroupCannotBeAttachedToGatewaySubnet"


@noticed("connection-rules", world="empty")
def a_connection_to_nowhere_is_not_made(product: QuietProduct) -> None:
    succeeded(product.create(with_vpn()))
    arm_id, body = sent(product, "connection/hq")
    body["properties"]["localNetworkGateway2"] = {"id": f"{product.ids()['local-gateway/hq']}-gone"}
    product.owner("DELETE", arm_id)
    product.owner("PUT", arm_id, body)
    assert ("connection/hq", "$", None) in findings(product)


@noticed("connection-gets-a-key", world="empty")
def an_administrator_reads_the_key_that_azure_made(product: QuietProduct) -> None:
    succeeded(product.create(with_vpn()))
    assert len(Az(product).show(f"{product.ids()['connection/hq']}/sharedkey")["value"]) == 32


@noticed("peering-needs-gateway", world="example")
def a_network_cannot_use_gateways_that_are_not_there(product: QuietProduct) -> None:
    tries(product, "peering/ml-to-hub", useRemoteGateways=True)
    assert product.failing() == set()
