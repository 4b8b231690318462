"""Identities of computes in the blueprint: which one is granted what, once, and what waits for it."""

from __future__ import annotations

from typing import Any

import pytest

from controlplane.workspaces import kinds as k
from controlplane.workspaces.kinds_table import KINDS, kind_of
from controlplane.workspaces.model import Blueprint, Ref, Resource, RoleAssignmentId
from tests.unit.workspaces.fake_azure import OWNER, blueprint

IDS = "/subscriptions/s/resourceGroups/ids/providers/Microsoft.ManagedIdentity/userAssignedIdentities"
BROUGHT = f"{IDS}/id-brought"
STORE = "/subscriptions/s/resourceGroups/lake/providers/Microsoft.Storage/storageAccounts/lake1"


def cluster(name: str, *ids: str) -> dict[str, Any]:
    return {"name": name, "size": "Standard_DS3_v2", "maxNodes": 1, "identity": {"type": "userAssigned", "ids": ids}}


def instance(**fields: Any) -> dict[str, Any]:
    return {"name": "box", "size": "Standard_DS3_v2", "assignedTo": OWNER, **fields}


def asked(*clusters: dict[str, Any], instances: tuple[dict[str, Any], ...] = (), **more: Any) -> Blueprint:
    identity = {"type": "systemAndUserAssigned", "create": ["home", "made"], "primary": "home"}
    return blueprint(identity=identity, compute={"clusters": clusters, "instances": instances}, **more)


def granted(found: Blueprint) -> dict[str, set[str]]:
    """Key of a user-assigned identity → what it is granted, as ``target/role``."""
    roles: dict[str, set[str]] = {}
    for one in found.resources:
        if isinstance(one.id, RoleAssignmentId) and isinstance(one.id.principal, Ref):
            holder = one.id.principal
            if holder.path == "properties.principalId":
                roles.setdefault(holder.key, set()).add(one.key.removeprefix(f"role/{holder.key}/"))
    return roles


def triples(found: Blueprint) -> list[tuple[str, str, Any]]:
    ids = [one.id for one in found.resources if isinstance(one.id, RoleAssignmentId)]
    return [(arm_id.scope, arm_id.role_definition, arm_id.principal) for arm_id in ids]


BASE = {"storage/storage-blob-data-contributor", "registry/acr-pull"}


def test_the_first_identity_is_granted_what_the_system_needs_and_the_others_nothing() -> None:
    roles = granted(asked(cluster("cpu", BROUGHT, "made")))
    assert roles["given-identity/id-brought"] == BASE
    assert "identity/made" not in roles


def test_two_computes_with_one_identity_are_granted_once() -> None:
    found = asked(cluster("cpu", "made"), cluster("gpu", "made", BROUGHT), instances=(instance(),))
    assert granted(found)["identity/made"] == BASE
    assert len(set(triples(found))) == len(triples(found))
    for name in ("cpu", "gpu"):
        assert {"identity/made", "role/identity/made/registry/acr-pull"} <= set(
            found.by_key[f"cluster/{name}"].depends_on
        )


def test_the_workspaces_own_identity_is_not_granted_twice() -> None:
    found = asked(cluster("cpu", "home"))
    assert len(set(triples(found))) == len(triples(found))
    assert "role/identity/home/registry/acr-pull" in found.by_key


@pytest.mark.parametrize("shared", [False, True])
def test_an_instance_waits_for_the_right_to_stop_itself(shared: bool) -> None:
    """S2-52, also where a cluster has the same identity."""
    given = instance(identity={"type": "userAssigned", "ids": ["made"]})
    found = asked(*((cluster("cpu", "made"),) if shared else ()), instances=(given,))
    assert granted(found)["identity/made"] == BASE | {"workspace/contributor"}
    assert "role/identity/made/workspace/contributor" in found.by_key["instance/box"].depends_on


def test_an_instance_without_an_identity_is_granted_nothing() -> None:
    found = asked(instances=(instance(),))
    assert "identity" not in found.by_key["instance/box"].body
    assert not [one.key for one in found.resources if one.key.startswith("role/instance/")]


def test_data_and_images_elsewhere_are_for_the_default_identity() -> None:
    """S2-32, S2-46: by the name of one that is made, too, and once for two computes."""
    store = {"name": "lake", "account": STORE, "container": "raw"}
    found = asked(cluster("cpu", "made", BROUGHT), cluster("gpu", "made"), datastores=[store])
    on_lake = [one for one in found.resources if isinstance(one.id, RoleAssignmentId) and one.id.scope == STORE]
    holders = [one.id.principal for one in on_lake if isinstance(one.id, RoleAssignmentId)]
    assert holders.count(Ref("identity/made", "properties.principalId")) == 1


def test_of_an_instance_more_is_fixed_than_of_a_cluster() -> None:
    found = asked(cluster("cpu", "made"), instances=(instance(),))
    assert kind_of(found.by_key["cluster/cpu"]) is KINDS[k.COMPUTE]
    more: frozenset[str] = kind_of(found.by_key["instance/box"]).replacing - KINDS[k.COMPUTE].replacing
    assert "identity.type" in more
    assert "properties.properties.idleTimeBeforeShutdown" not in kind_of(found.by_key["instance/box"]).replacing
    assert kind_of(Resource("x", k.COMPUTE, "/x", "1", {})) is KINDS[k.COMPUTE]
