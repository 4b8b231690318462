"""The inventory of datastores: ways to the data, readers, flags; unknown where Azure does not show it."""

from __future__ import annotations

from typing import Any

from controlplane.arm import fold
from controlplane.workspaces.data_paths import DataPath, Door
from controlplane.workspaces.datastores import DatastoreView, Flag, datastores
from controlplane.workspaces.model import Unreadable
from tests.support.azure_answers import Estate, create
from tests.support.blueprints import compiled_example
from tests.support.looks import NOW

BLUEPRINT = compiled_example("datastores")


def seen(estate: Estate) -> dict[str, DatastoreView]:
    found = datastores(BLUEPRINT, estate.observed(), NOW)
    assert found.unreadable is None
    assert found.value is not None
    return {one.name: one for one in found.value}


def by_hand(estate: Estate, name: str, **properties: Any) -> None:
    """Somebody makes a datastore."""
    arm_id = f"{estate.id_of('workspace')}/datastores/{name}"
    estate.bodies[fold(arm_id)] = {
        "id": arm_id,
        "name": name,
        "properties": {"datastoreType": "AzureBlob", **properties},
    }


def test_what_the_spec_declares_is_reached_by_identity() -> None:
    estate = create(BLUEPRINT)
    found = [one for one in seen(estate).values() if one.declared]
    assert {one.name for one in found} == {
        resource.key.partition("/")[2] for resource in BLUEPRINT.resources if resource.key.startswith("datastore/")
    }
    assert {one.path for one in found} == {DataPath.MANAGED_IDENTITY}
    assert {one.network for one in found} == {Door.PRIVATE}
    assert [one.flags for one in found] == [()] * len(found)


def test_a_key_that_somebody_left_is_flagged() -> None:
    estate = create(BLUEPRINT)
    by_hand(
        estate, "left", accountName="unknownaccount", containerName="c", credentials={"credentialsType": "AccountKey"}
    )
    left = seen(estate)["left"]
    assert (left.path, left.declared, left.network, left.container) == (DataPath.ACCOUNT_KEY, False, Door.UNKNOWN, "c")
    assert left.flags == (Flag.CREDENTIAL, Flag.ACCOUNT_UNREAD, Flag.UNDECLARED)


def test_what_cannot_be_listed_is_not_empty() -> None:
    estate = create(BLUEPRINT)
    estate.refused[fold(f"{estate.id_of('workspace')}/datastores")] = Unreadable("AuthorizationFailed", "no right")
    found = datastores(BLUEPRINT, estate.observed(), NOW)
    assert (found.unreadable, found.value) == ("AuthorizationFailed: no right", None)
