"""What ways in and build agents may be: each refusal by its path and code (S1-52, S1-60 to S1-63, S5-09 to S5-12)."""

from __future__ import annotations

from typing import Any

import pytest

from controlplane.errors import Rejected
from controlplane.workspaces.spec import parse_spec
from tests.support.blueprints import FULL_HUB, example

GROUP = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers"
HUB = {"kind": "existing", "vnetId": f"{GROUP}/Microsoft.Network/virtualNetworks/hub"}
CIRCUIT = {"circuitId": f"{GROUP}/Microsoft.Network/expressRouteCircuits/line"}
SITE = {"name": "hq", "gatewayAddress": "20.50.60.70", "addressSpaces": ["192.168.10.0/24"]}
MACHINES = {"buildAgents": 1, "adminPublicKey": FULL_HUB["adminPublicKey"]}


def refused(hub: dict[str, Any], **changes: Any) -> dict[str | None, str]:
    asked = {**example(), **changes}
    asked["network"] = {**asked["network"], "hub": hub}
    with pytest.raises(Rejected) as caught:
        parse_spec(asked)
    return {str(detail.target).removeprefix("$.network."): detail.code for detail in caught.value.details}


def clients(pool: str) -> dict[str, Any]:
    return {"vpn": {"pointToSite": {"clientAddressPool": pool}}}


def sites(*found: dict[str, Any]) -> dict[str, Any]:
    return {"vpn": {"siteToSite": list(found)}}


def agents(**fields: Any) -> dict[str, Any]:
    return {**MACHINES, "agents": fields}


@pytest.mark.parametrize(
    ("hub", "path", "code"),
    [
        ({"vpn": {}}, "hub.vpn", "MissingField"),
        (clients("10.40.3.0/24"), "hub.vpn.pointToSite.clientAddressPool", "AddressSpaceOverlaps"),
        (clients("172.17.5.0/24"), "hub.vpn.pointToSite.clientAddressPool", "AddressSpaceOverlaps"),
        (clients("172.20.0.0/29"), "hub.vpn.pointToSite.clientAddressPool", "AddressSpaceTooSmall"),
        (clients("people"), "hub.vpn.pointToSite.clientAddressPool", "InvalidValue"),
        (sites(SITE, {**SITE, "addressSpaces": ["10.9.0.0/24"]}), "hub.vpn.siteToSite[1].name", "DuplicateName"),
        (sites({**SITE, "gatewayAddress": "10.1.2.3"}), "hub.vpn.siteToSite[0].gatewayAddress", "InvalidValue"),
        (sites({**SITE, "gatewayFqdn": "a.example.com"}), "hub.vpn.siteToSite[0].gatewayAddress", "MissingField"),
        ({**HUB, **clients("172.20.0.0/24")}, "hub.vpn", "InvalidValue"),
        ({**HUB, "expressRoute": CIRCUIT}, "hub.gatewayIds", "MissingField"),
        ({**HUB, "gatewayIds": [HUB["vnetId"]]}, "hub.gatewayIds[0]", "InvalidValue"),
        ({"expressRoute": CIRCUIT}, "hub.expressRoute", "InvalidValue"),
        (agents(authentication="personalAccessToken"), "hub.agents.authentication", "InvalidValue"),
        (agents(runsOn="container"), "hub.agents.runsOn", "InvalidValue"),
        (agents(runsOn="scaleSet", pool="mlops"), "hub.agents.pool", "InvalidValue"),
        (agents(principalId="00000000-0000-0000-0000-0000000000ed"), "hub.agents.principalId", "InvalidValue"),
    ],
)  # fmt: skip
def test_one_fault_is_refused_by_its_path(hub: dict[str, Any], path: str, code: str) -> None:
    assert refused(hub) == {path: code}


def test_a_service_principal_registers_agents_without_a_secret_or_not_at_all() -> None:
    found = refused(agents(authentication="servicePrincipal"))
    assert found == {"hub.agents.identityId": "MissingField", "hub.agents.clientId": "MissingField"}


@pytest.mark.parametrize("environment", ["test", "staging", "prod"])
def test_outside_of_dev_there_is_a_way_in(environment: str) -> None:
    assert refused({"bastion": True}, environment=environment) == {"hub": "NoWayIn"}
    parse_spec({**example(), "environment": "dev"})
