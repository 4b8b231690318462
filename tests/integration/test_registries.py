"""Registries from their first day to their last: brought along, attached later, and put right, in virtual time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from controlplane.arm import fold
from tests.support.azure_answers import create
from tests.support.blueprints import compiled, everything, example
from tests.support.lives import left
from tests.support.looks import fresh, look
from tests.support.quiet_product import QuietProduct
from tests.support.worlds import DATA_GROUP, REGISTRIES, existing_data, existing_registries, registered


@pytest.fixture
def product() -> Iterator[QuietProduct]:
    running = QuietProduct()
    registered(running)
    existing_registries(running)
    existing_data(running)
    yield running
    running.close()


def attached(**changes: Any) -> dict[str, Any]:
    """The example, attached to somebody's registry."""
    return {**example(), "registry": example("brought-registry")["registry"], **changes}


def registry_of(product: QuietProduct) -> str:
    body = product.body(product.ids()["workspace"]) or {}
    return fold(body["properties"]["containerRegistry"])


def grants(product: QuietProduct) -> list[str]:
    """Roles on what is somebody else's."""
    return [arm_id for arm_id in left(product, DATA_GROUP) if "/roleassignments/" in arm_id.lower()]


def test_react_s2_71() -> None:
    """S2-71: an admin account that is on, as on a registry that Azure ML made, is found, and a repair writes it."""
    asked, estate = compiled(), create(everything())
    before = look(estate, asked)
    estate.body("registry")["properties"]["adminUserEnabled"] = True
    (finding,) = fresh(look(estate, asked), before)
    assert (finding.control, finding.observed) == ("ACR.AdminUserDisabled", True)
    assert "S2-71" in finding.requirements
    assert finding.repair.kind == "update"


def test_an_admin_account_that_somebody_switched_on_is_switched_off(product: QuietProduct) -> None:
    assert product.create().status == "Succeeded"
    registry = product.ids()["registry"]
    body = product.body(registry) or {}
    body["properties"] = {"publicNetworkAccess": "Disabled", "adminUserEnabled": True}
    product.owner("PUT", registry, body)
    (finding,) = (f for f in product.validate().report.failing if f.control == "ACR.AdminUserDisabled")
    assert finding.observed is True
    assert "S2-71" in finding.requirements
    assert product.repair().status == "Succeeded"
    assert (product.body(registry) or {})["properties"]["adminUserEnabled"] is False
    assert "ACR.AdminUserDisabled" not in {f.control for f in product.validate().report.failing}


def test_a_registry_is_attached_later_in_place_of_the_workspaces_own(product: QuietProduct) -> None:
    assert product.create().status == "Succeeded"
    own = product.ids()["registry"]
    planned = {c.key: c.action.value for c in product.plan(attached()).plan.changes if c.action.value != "none"}
    assert (planned["registry"], planned["workspace"]) == ("delete", "update")
    operation = product.finish(product.put(attached(), consent=True))
    assert operation.status == "Succeeded", operation.error
    assert registry_of(product) == fold(f"{REGISTRIES}/crshared")
    assert product.body(own) is None
    assert product.failing() == set()
    # Back again: the roles on theirs go, also where nothing else of their group is read any more.
    assert grants(product) != []
    operation = product.finish(product.put(example(), consent=True))
    assert operation.status == "Succeeded", operation.error
    assert product.failing() == set()
    assert [one for one in grants(product) if "crimages" in one] == []


def test_nothing_is_written_before_the_registry_fits(product: QuietProduct) -> None:
    product.owner("PUT", f"{REGISTRIES}/crshared", {"location": "westeurope", "sku": {"name": "Basic"}})
    before = len(product.azure.writes)
    with pytest.raises(Exception, match="Premium"):
        product.put(attached())
    assert len(product.azure.writes) == before


def test_a_datastore_that_is_asked_for_no_more_goes_with_its_roles_and_its_endpoint(product: QuietProduct) -> None:
    spec = {**example(), "datastores": example("datastores")["datastores"]}
    assert product.create(spec).status == "Succeeded"
    ids = product.ids()
    operation = product.finish(product.put({**spec, "datastores": spec["datastores"][:1]}, consent=True))
    assert operation.status == "Succeeded", operation.error
    gone = {key for key in ids if "patients" in key}
    assert gone == ids.keys() - product.ids().keys() - {"dns-zone/dfs", "dns-link/dfs/ml", "dns-link/dfs/hub"}
    assert [key for key in gone if product.body(ids[key]) is not None] == []
    assert product.failing() == set()


def test_a_person_who_may_read_what_is_kept_for_jobs_is_found(product: QuietProduct) -> None:
    spec = {**example(), "datastores": example("datastores")["datastores"]}
    assert product.create(spec).status == "Succeeded"
    person = product.azure.world.directory.person("ada")
    scope = f"{DATA_GROUP}/providers/Microsoft.Storage/storageAccounts/stpatients"
    role = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
    definition = f"{scope[:51]}/providers/Microsoft.Authorization/roleDefinitions/{role}"
    grant = f"{scope}/providers/Microsoft.Authorization/roleAssignments/{role}"
    properties = {"roleDefinitionId": definition, "principalId": person["id"], "principalType": "User"}
    assert product.owner("PUT", grant, {"properties": properties}) == 201
    (finding,) = product.validate().report.failing
    assert (finding.control, finding.observed) == ("CP.DATA.ComputeOnly", person["id"])
