"""Private DNS: one zone per service, linked to both networks (S1-39…44)."""

from __future__ import annotations

from collections.abc import Iterator

from controlplane.arm import name_of
from controlplane.workspaces import kinds as k
from controlplane.workspaces.blueprint.clouds import OPTIONAL_ZONES, ZONE_REQUIREMENTS
from controlplane.workspaces.blueprint.context import Site, resource
from controlplane.workspaces.blueprint.data_accounts import accounts
from controlplane.workspaces.blueprint.network import GROUP, vnet_id
from controlplane.workspaces.model import Expectation, Resource

LINKED = Expectation("properties.virtualNetworkLinkState", ("Completed",), "LinkNotCompleted")


def zone_id(site: Site, zone: str) -> str:
    """``zone`` is a key of :attr:`Cloud.zones`."""
    return _given(site, zone) or site.id(k.DNS_ZONE, site.cloud.zones[zone])


def zone_keys(site: Site, *zones: str) -> tuple[str, ...]:
    """Keys of those zones that the workspace makes itself."""
    return tuple(f"dns-zone/{zone}" for zone in zones if _given(site, zone) is None)


def _given(site: Site, zone: str) -> str | None:
    """The existing zone of that name that the spec names."""
    name = site.cloud.zones[zone].lower()
    return next((arm_id for arm_id in site.spec.network.hub.dns_zones if name_of(arm_id).lower() == name), None)


def zones_of(site: Site) -> tuple[str, ...]:
    """Keys of the zones that the endpoints have names in."""
    groups = {group for account in accounts(site.spec) for group in account.groups}
    return tuple(zone for zone in site.cloud.zones if zone not in OPTIONAL_ZONES or zone in groups)


def dns(site: Site) -> Iterator[Resource]:
    for zone in zones_of(site):
        yield from _zone(site, zone) if _given(site, zone) is None else _joined(site, zone)


def _zone(site: Site, zone: str) -> Iterator[Resource]:
    needs = (*ZONE_REQUIREMENTS.get(zone, ()), "S1-44") if zone not in OPTIONAL_ZONES else ()
    body = {"location": "global", "tags": site.tags}
    yield resource(f"dns-zone/{zone}", k.DNS_ZONE, zone_id(site, zone), body, GROUP, requirements=needs)
    for which in ("ml", "hub"):
        yield _link(site, zone, which)


def _joined(site: Site, zone: str) -> Iterator[Resource]:
    """Somebody else's zone: its own networks are linked already, only ours is added."""
    yield _link(site, zone, "ml")


def _link(site: Site, zone: str, which: str) -> Resource:
    body = {
        "location": "global",
        "tags": site.tags,
        "properties": {
            "virtualNetwork": {"id": vnet_id(site, which)},
            # Machines of the network do not write into a zone of private endpoints.
            "registrationEnabled": False,
            "resolutionPolicy": "Default",
        },
    }
    # The source's text wants the registry's zone on the agents' network too; its sample does not have it (S1-43).
    needs: tuple[str, ...] = ("S1-42",) if which == "ml" else ()
    needs = ("S1-43",) if zone == "registry" and which == "hub" else needs
    needs = () if zone in OPTIONAL_ZONES else needs
    ours = _given(site, zone) is None
    networks = () if which == "hub" and not site.makes_hub else (f"vnet/{which}",)
    return resource(
        f"dns-link/{zone}/{which}",
        k.DNS_LINK,
        f"{zone_id(site, zone)}/virtualNetworkLinks/{f'link-{which}' if ours else site.names.abroad('link')}",
        body,
        (*zone_keys(site, zone), *networks),
        ready=(LINKED,),
        requirements=needs,
    )
