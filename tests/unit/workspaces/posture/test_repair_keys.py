"""What a repair writes beyond the ordinary diff."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from controlplane.workspaces.posture import RepairKind
from tests.support.azure_answers import Estate, create
from tests.support.blueprints import compiled
from tests.support.looks import look
from tests.support.mutations import connection_state, foreign_connection

CREATED = create(compiled())
Keys = tuple[tuple[str, ...], tuple[str, ...]]


def record_changed(estate: Estate) -> None:
    (config, *_) = estate.body("zone-group/blob")["properties"]["privateDnsZoneConfigs"]
    name = config["properties"]["recordSets"][0]["recordSetName"]
    estate.delete(f"{config['properties']['privateDnsZoneId']}/A/{name}")


def reopened(estate: Estate) -> None:
    estate.body("storage")["properties"]["publicNetworkAccess"] = "Enabled"


def disconnected(estate: Estate) -> None:
    for side in ("ml-to-hub", "hub-to-ml"):
        estate.body(f"peering/{side}")["properties"]["peeringState"] = "Disconnected"


def peering_deleted(estate: Estate) -> None:
    estate.delete(estate.id_of("peering/hub-to-ml"))


def link_failed(estate: Estate) -> None:
    estate.body("dns-link/blob/hub")["properties"]["virtualNetworkLinkState"] = "Failed"


BOTH = ("peering/hub-to-ml", "peering/ml-to-hub")
CASES: dict[str, tuple[Callable[[Estate], None], Keys]] = {
    "nothing to do": (lambda _: None, ((), ())),
    "the ordinary diff does it": (reopened, ((), ())),
    "a missing record": (record_changed, (("zone-group/blob",), ())),
    "a link that failed": (link_failed, (("dns-link/blob/hub",), ())),
    "both sides of a peering": (disconnected, ((), BOTH)),
    "the side that is left of a peering; the other is created": (peering_deleted, ((), ("peering/ml-to-hub",))),
    "an endpoint takes its zone group and roles along": (
        connection_state("private-endpoint/blob", "Rejected"),
        (("role/workspace-identity/private-endpoint-blob/reader", "zone-group/blob"), ("private-endpoint/blob",)),
    ),
    "somebody else's connection is not ours to cut": (foreign_connection("storage"), ((), ())),
}


@pytest.mark.parametrize("name", CASES)
def test_repair_keys(name: str) -> None:
    act, expected = CASES[name]
    estate = CREATED.copy()
    act(estate)
    reapply, recreate = look(estate).repair_keys()
    assert (tuple(sorted(reapply)), tuple(sorted(recreate))) == expected


def test_every_failing_finding_says_how_it_can_be_repaired() -> None:
    estate = CREATED.copy()
    foreign_connection("storage")(estate)
    (finding,) = look(estate).failing
    assert finding.repair.reason


def test_what_needs_a_replacement_keeps_the_rest_of_its_resource_from_being_repaired() -> None:
    estate = CREATED.copy()
    cluster = estate.body("cluster/cpu")["properties"]["properties"]
    cluster["enableNodePublicIp"] = True
    cluster["scaleSettings"]["maxNodeCount"] = 9
    assert {finding.repair.kind for finding in look(estate).failing} == {RepairKind.MANUAL}
