"""What networks are billed by. Sources of the rules stand in docs/costs.md; prices in ``prices.csv``."""

from __future__ import annotations

from controlplane.arm import fold
from controlplane.governance.pricing.table import HOURS
from controlplane.governance.pricing.usage import ASSUMPTIONS
from controlplane.governance.pricing.uses import Found, Free, Item, Scene, Unpriced, Use, assumed, fixed
from controlplane.governance.pricing.zones import zone_of
from controlplane.workspaces.resolve import at

#: Instances that the hour of a Bastion has in it.
BASE_SCALE_UNITS = 2
_SPEEDS = {50: "50m", 100: "100m", 200: "200m", 500: "500m", 1000: "1g"}
_ER_GATEWAYS = {
    "standard": "standard",
    "highperformance": "high-performance",
    "ergw1az": "ergw1az",
    "ergw2az": "ergw2az",
    "ergw3az": "ergw3az",
}


def _sku(item: Item) -> str:
    return str(at(item.body, "sku.name") or "")


def private_endpoint(item: Item, scene: Scene) -> Found:
    """By the hour, and by the data in both directions (S1-19)."""
    del item, scene
    return endpoint_uses()


def endpoint_uses(count: int = 1, note: str = "") -> tuple[Use, ...]:
    """Of so many private endpoints, a managed network's included."""
    return (
        fixed("private-endpoint.hour", HOURS * count, note),
        assumed("private-link.data-in.gb", "privateLinkIn", count),
        assumed("private-link.data-out.gb", "privateLinkOut", count),
    )


def dns_zone(item: Item, scene: Scene) -> Found:
    """By the zone, and by its queries (S1-20)."""
    del item, scene
    return (fixed("private-dns.zone.month", 1), assumed("private-dns.queries.million", "dnsQueries"))


def peering(item: Item, scene: Scene) -> Found:
    """One end of it: what goes out and what comes in there; the other end pays the same, or by the zone that it lies in
    where the networks are in two regions (S1-21)."""
    del scene
    if not item.far:
        return tuple(assumed(f"vnet-peering.intra-region.{way}.gb", "peered") for way in ("out", "in"))
    zone = zone_of(item.region)
    if zone is None:
        return Unpriced(f"No zone of {item.region} is known, by which peering between regions is billed.")
    name = zone.lower().replace(" ", "")
    return tuple(assumed(f"vnet-peering.global.{way}.{name}.gb", "peered") for way in ("out", "in"))


def public_ip(item: Item, scene: Scene) -> Found:
    """By the hour, also while nothing uses it."""
    del scene
    if fold(_sku(item)) != "standard":
        return Unpriced(f"No price is known of public addresses of SKU {_sku(item)!r}.")
    return (fixed("public-ip.standard-static.hour", HOURS),)


def nat_gateway(item: Item, scene: Scene) -> Found:
    """By the hour and by every GB, whichever way it goes."""
    del scene
    if fold(_sku(item) or "standard") != "standard":
        return Unpriced(f"No price is known of NAT gateways of SKU {_sku(item)!r}.")
    return (fixed("nat-gateway.hour", HOURS), assumed("nat-gateway.data.gb", "natData"))


def bastion(item: Item, scene: Scene) -> Found:
    """By the hour of its SKU, by scale units beyond two, and by data out (S1-24)."""
    del scene
    sku, units = fold(_sku(item) or "basic"), int(at(item.body, "properties.scaleUnits") or BASE_SCALE_UNITS)
    if sku == "developer":
        return Free("The Developer SKU is free.")
    if sku not in ("basic", "standard", "premium"):
        return Unpriced(f"No price is known of Bastions of SKU {_sku(item)!r}.")
    known: tuple[Use, ...] = (fixed(f"bastion.{sku}.hour", HOURS),)
    if sku == "premium":
        # No price of its data or of its scale units was found.
        return Unpriced("No price is known of data and of scale units of Premium.", known)
    more = max(0, units - BASE_SCALE_UNITS)
    if more and sku == "standard":
        known += (fixed("bastion.standard.scale-unit.hour", HOURS * more, f"{more} scale units beyond the first two"),)
    return (*known, assumed(f"bastion.{sku}.egress.gb", "bastionData"))


def gateway(item: Item, scene: Scene) -> Found:
    """A VPN gateway is billed as long as it is there (S1-22); an ExpressRoute gateway beside its circuit (S1-23)."""
    del scene
    sku = fold(str(at(item.body, "properties.sku.name") or ""))
    if fold(str(at(item.body, "properties.gatewayType") or "Vpn")) == "expressroute":
        if sku == "ergwscale":
            units = int(at(item.body, "properties.autoScaleConfiguration.bounds.min") or 1)
            return (fixed("expressroute-gateway.ergwscale-unit.hour", HOURS * units, f"{units} scale units at least"),)
        if sku not in _ER_GATEWAYS:
            return Unpriced(f"No price is known of ExpressRoute gateways of SKU {sku!r}.")
        return (fixed(f"expressroute-gateway.{_ER_GATEWAYS[sku]}.hour", HOURS),)
    if sku not in {"basic", *(f"vpngw{n}{az}" for n in range(1, 6) for az in ("", "az"))}:
        return Unpriced(f"No price is known of VPN gateways of SKU {sku!r}.")
    uses: tuple[Use, ...] = (fixed(f"vpn-gateway.{sku}.hour", HOURS), assumed("egress.internet.mgn.gb", "gatewayData"))
    if at(item.body, "properties.vpnClientConfiguration"):
        clients = ASSUMPTIONS["vpnClients"].range
        # Tiers count connections, and each is paid by the hour.
        uses += (Use("vpn-gateway.p2s-connection.hour", clients, ("vpnClients",), HOURS),)
    return uses


def connection(item: Item, scene: Scene) -> Found:
    """Of a gateway to a site, by the hour."""
    del scene
    kind = fold(str(at(item.body, "properties.connectionType") or ""))
    if kind == "expressroute":
        return Free("Its circuit and its gateway are billed.")
    if kind not in ("ipsec", "vnet2vnet"):
        return Unpriced(f"No price is known of connections of type {kind!r}.")
    return (fixed("vpn-gateway.s2s-connection.hour", HOURS),)


def circuit(item: Item, scene: Scene) -> Found:
    """The circuit by the month, and data out of it on a metered plan; its gateway is billed beside it (S1-23)."""
    del scene
    tier = fold(str(at(item.body, "sku.tier") or ""))
    family = {"metereddata": "metered", "unlimiteddata": "unlimited"}.get(fold(str(at(item.body, "sku.family") or "")))
    speed = _SPEEDS.get(int(at(item.body, "properties.serviceProviderProperties.bandwidthInMbps") or 0))
    if (
        tier not in ("standard", "premium")
        or family is None
        or speed is None
        or (tier, family) == ("premium", "unlimited")
    ):
        return Unpriced("No price is known of circuits of this tier, plan and bandwidth.")
    known = fixed(f"expressroute-circuit.{tier}-{family}.{speed}.month", 1)
    if family == "unlimited":
        return (known,)
    return (known, assumed("expressroute-circuit.metered-egress.zone1.gb", "circuitData"))


def firewall(item: Item, scene: Scene) -> Found:
    """By the hour of its deployment and by the data that it looks at."""
    del scene
    return firewall_uses(str(at(item.body, "properties.sku.tier") or "Standard"))


def firewall_uses(tier: str, note: str = "") -> Found:
    """Of an Azure Firewall, a managed network's included (S5-25)."""
    known = fold(tier)
    if known not in ("basic", "standard", "premium"):
        return Unpriced(f"No price is known of firewalls of tier {tier!r}.")
    return (fixed(f"firewall.{known}.hour", HOURS, note), assumed(f"firewall.{known}.data.gb", "firewallData"))
