"""What a caller gets to know of a workspace that is there."""

from __future__ import annotations

from controlplane.workspaces.reconcile.finish import outputs
from tests.support.azure_answers import create
from tests.support.blueprints import compiled


def test_private_endpoints_are_told_by_name_and_address() -> None:
    """Azure empties an endpoint's customDnsConfigs once it has a zone group; the group's records say them."""
    blueprint = compiled()
    estate = create(blueprint)
    found = outputs(blueprint, estate.observed())["privateEndpoints"]
    assert set(found) == {"workspace", "blob", "file", "registry", "vault"}
    for name, records in found.items():
        sets = [
            record
            for config in estate.body(f"zone-group/{name}")["properties"]["privateDnsZoneConfigs"]
            for record in config["properties"]["recordSets"]
        ]
        assert [(r["fqdn"], r["ipAddresses"]) for r in records] == [(s["fqdn"], s["ipAddresses"]) for s in sets]
        assert all(record["ipAddresses"] for record in records)


def test_what_is_not_there_is_left_out() -> None:
    blueprint = compiled()
    estate = create(blueprint)
    before = outputs(blueprint, estate.observed())
    del estate.bodies[estate.id_of("vault").lower()]
    after = outputs(blueprint, estate.observed())
    assert set(before) - set(after) == {"keyVaultId"}
