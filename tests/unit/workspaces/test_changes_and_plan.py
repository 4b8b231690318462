"""Changes: what is created, updated, replaced, deleted and left alone; and the plan of them."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from controlplane.arm import fold
from controlplane.errors import NotYet
from controlplane.workspaces import kinds as k
from controlplane.workspaces.diff import body, diff, unmet
from controlplane.workspaces.durations import DURATIONS, UNKNOWN_SECONDS, expected_seconds
from controlplane.workspaces.kinds_table import KINDS
from controlplane.workspaces.model import Action, Change, Observed, Unreadable
from controlplane.workspaces.observe import take_snapshot
from controlplane.workspaces.plan import critical_path, make_plan
from controlplane.workspaces.records import Owned
from controlplane.workspaces.resolve import Resolved, Unresolved, at, resolve
from tests.unit.workspaces.fake_azure import FakeAzure, blueprint, converge

EMPTY = Observed({})


def by_action(changes: tuple[Change, ...]) -> dict[Action, list[str]]:
    found: dict[Action, list[str]] = {}
    for change in changes:
        found.setdefault(change.action, []).append(change.key)
    return found


def owned(wanted: Any, observed: Observed) -> dict[str, Owned]:
    return {
        resource.key: Owned(
            resource_id=str(observed.bodies[resource.key]["id"]),
            type=resource.type,
            api_version=resource.api_version,
            depends_on=resource.depends_on,
        )
        for resource in wanted.resources
        if resource.key in observed.bodies
    }


async def test_what_exists_as_declared_needs_nothing() -> None:
    azure, wanted = FakeAzure(), blueprint()
    observed = await converge(azure, wanted)
    plan = make_plan(wanted, observed, owned(wanted, observed))
    assert plan.is_empty
    assert by_action(plan.changes) == {Action.NONE: [resource.key for resource in wanted.resources]}
    assert (plan.critical_path, plan.expected_seconds) == ((), 0.0)
    azure.writes.clear()
    await converge(azure, wanted)
    assert azure.writes == []


def test_what_does_not_exist_is_created_in_order() -> None:
    wanted = blueprint()
    plan = make_plan(wanted, EMPTY, {})
    assert by_action(plan.changes) == {Action.CREATE: [resource.key for resource in wanted.resources]}
    roles = [change for change in plan.changes if change.type == k.ROLE_ASSIGNMENT]
    assert roles and all(change.id is None for change in roles)
    assert not plan.destructive


def test_the_critical_path_leads_through_the_workspace_to_the_cluster() -> None:
    plan = make_plan(blueprint(), EMPTY, {})
    assert plan.critical_path[0] == "resource-group"
    in_order = ("workspace", "private-endpoint/workspace", "zone-group/workspace", "cluster/cpu")
    assert [key for key in plan.critical_path if key in in_order] == list(in_order)
    seconds = {change.key: change.expected_seconds for change in plan.changes}
    assert plan.expected_seconds == sum(seconds[key] for key in plan.critical_path)
    depends = blueprint().by_key
    for before, after in zip(plan.critical_path, plan.critical_path[1:], strict=False):
        assert before in depends[after].depends_on


def test_measured_durations_come_before_estimates() -> None:
    slow = make_plan(blueprint(), EMPTY, {}, {k.REGISTRY: 500.0})
    assert "registry" in slow.critical_path and slow.expected_seconds > 500
    assert expected_seconds(k.VAULT, Action.CREATE, {f"{k.VAULT}:create": 7, k.VAULT: 9}) == 7
    assert expected_seconds(k.VAULT, Action.UPDATE, {f"{k.VAULT}:create": 7, k.VAULT: 9}) == 9
    assert expected_seconds("Microsoft.X/y", Action.CREATE) == UNKNOWN_SECONDS
    assert expected_seconds(k.VAULT, Action.NONE) == 0
    create, _, delete = DURATIONS[k.COMPUTE]
    assert expected_seconds(k.COMPUTE, Action.REPLACE) == create + delete
    # What is only ever read takes no time to write.
    policy = {k.POLICY_ASSIGNMENT, k.POLICY_DEFINITION, k.POLICY_SET}
    access = {k.ELIGIBILITY, k.ACTIVATION, k.ROLE_DEFINITION, k.DENY_ASSIGNMENT}
    assert DURATIONS.keys() == KINDS.keys() - {k.A_RECORD, k.CIRCUIT} - access - policy


def test_deletions_are_ordered_and_critical_too() -> None:
    def change(key: str, seconds: float, *depends_on: str) -> Change:
        return Change(key, "t", None, Action.DELETE, (), depends_on, seconds)

    path, seconds = critical_path([change("c", 1, "b"), change("b", 2, "a"), change("a", 4), change("d", 5)])
    assert (path, seconds) == (("a", "b", "c"), 7)


async def test_a_changed_property_is_an_update_with_both_values() -> None:
    azure, wanted = FakeAzure(), blueprint()
    await converge(azure, wanted)
    azure.find(str(wanted.by_key["storage"].id))["properties"]["networkAcls"]["defaultAction"] = "Allow"
    observed = await take_snapshot(wanted, azure)
    (change,) = [c for c in diff(wanted, observed, {}) if c.action is not Action.NONE]
    assert (change.key, change.action) == ("storage", Action.UPDATE)
    (difference,) = change.differences
    assert difference.path == "$.properties.networkAcls.defaultAction"
    assert (difference.wanted, difference.observed) == ("Deny", "Allow")


SCENARIOS: list[Any] = [
    pytest.param({"storage": {"sharedKeyAccess": True}}, Action.UPDATE, {"storage", "workspace"}, id="keys on"),
    pytest.param(
        {"compute": {"clusters": [{"name": "cpu", "size": "Standard_DS3_v2", "maxNodes": 9}]}},
        Action.UPDATE,
        {"cluster/cpu"},
        id="more nodes",
    ),
    pytest.param(
        {"compute": {"clusters": [{"name": "cpu", "size": "Standard_DS4_v2", "maxNodes": 4}]}},
        Action.REPLACE,
        {
            "cluster/cpu",
            "role/cluster/cpu/registry/acr-pull",
            "role/cluster/cpu/storage/storage-blob-data-contributor",
        },
        id="another size: the cluster and its grants",
    ),
]


@pytest.mark.parametrize(("changes", "action", "keys"), SCENARIOS)
async def test_what_a_changed_spec_does(changes: dict[str, Any], action: Action, keys: set[str]) -> None:
    azure = FakeAzure()
    observed = await converge(azure, blueprint())
    changed = blueprint(**changes)
    plan = make_plan(changed, await take_snapshot(changed, azure), owned(blueprint(), observed))
    assert {change.key for change in plan.changes if change.action is action} == keys
    assert bool(plan.destructive) is (action is Action.REPLACE or "storage" in changes)


async def test_another_address_space_replaces_the_networks_and_what_lies_in_them() -> None:
    azure = FakeAzure()
    await converge(azure, blueprint())
    changed = blueprint(network={"addressSpace": "10.44.0.0/22"})
    plan = make_plan(changed, await take_snapshot(changed, azure), {})
    replaced = {change.key for change in plan.destructive}
    kinds = {"vnet", "subnet", "peering", "dns-link", "private-endpoint", "zone-group", "cluster"}
    assert replaced == {
        key
        for key in changed.by_key
        if key.split("/")[0] in kinds or key.startswith(("role/cluster/", "role/workspace-identity/private-endpoint"))
    }
    assert {"workspace", "storage", "dns-zone/blob"}.isdisjoint(replaced)
    assert {w.code for w in plan.warnings} == {"Replacement"}


async def test_what_is_no_longer_asked_for_is_deleted_dependants_first() -> None:
    azure, wanted = FakeAzure(), blueprint()
    observed = await converge(azure, wanted)
    smaller = blueprint(compute={})
    plan = make_plan(smaller, await take_snapshot(smaller, azure), owned(wanted, observed))
    deleted = [change.key for change in plan.destructive]
    assert set(deleted) == {
        "cluster/cpu",
        "role/cluster/cpu/registry/acr-pull",
        "role/cluster/cpu/storage/storage-blob-data-contributor",
    }
    assert deleted[-1] == "cluster/cpu"
    (cluster,) = [change for change in plan.changes if change.key == "cluster/cpu"]
    assert set(cluster.depends_on) == set(deleted[:-1])
    assert not plan.is_empty


async def test_what_is_already_gone_is_not_deleted_again() -> None:
    azure, wanted = FakeAzure(), blueprint()
    observed = await converge(azure, wanted)
    azure.delete(str(wanted.by_key["cluster/cpu"].id))
    smaller = blueprint(compute={})
    changes = diff(smaller, await take_snapshot(smaller, azure), owned(wanted, observed))
    assert "cluster/cpu" not in {change.key for change in changes}


async def test_a_deletion_that_cannot_be_seen_is_not_decided() -> None:
    azure, wanted = FakeAzure(), blueprint()
    observed = await converge(azure, wanted)
    smaller = blueprint(compute={})
    seen = await take_snapshot(smaller, azure)
    hidden = fold(str(wanted.by_key["cluster/cpu"].id).rpartition("/")[0])
    blind = Observed(
        seen.bodies,
        seen.unknown,
        snapshot={key: value for key, value in seen.snapshot.items() if "/computes/" not in key},
        unreadable={hidden: Unreadable("AuthorizationFailed", "no")},
    )
    changes = {change.key: change for change in diff(smaller, blind, owned(wanted, observed))}
    assert changes["cluster/cpu"].action is Action.UNKNOWN
    assert "AuthorizationFailed" in changes["cluster/cpu"].reason


async def test_what_cannot_be_read_is_never_fine() -> None:
    azure, wanted = FakeAzure(), blueprint()
    observed = await converge(azure, wanted)
    unread = {"storage": Unreadable("AuthorizationFailed", "no")}
    bodies = {key: value for key, value in observed.bodies.items() if key != "storage"}
    plan = make_plan(wanted, Observed(bodies, unread, snapshot=observed.snapshot), {})
    assert not plan.is_empty
    assert by_action(plan.changes)[Action.UNKNOWN] == ["storage"]
    assert {warning.code for warning in plan.warnings} == {"NotReadable"}


async def test_what_nobody_declared_is_shown_and_left_alone() -> None:
    azure, wanted = FakeAzure(), blueprint()
    await converge(azure, wanted)
    stranger = f"{wanted.own_groups[0]}/providers/{k.NSG}/stranger"
    azure.stored[fold(stranger)] = {"id": stranger, "properties": {}}
    plan = make_plan(wanted, await take_snapshot(wanted, azure), {})
    assert [(c.id, c.type) for c in plan.changes if c.action is Action.UNMANAGED] == [(stranger, k.NSG)]
    assert plan.is_empty and [warning.code for warning in plan.warnings] == ["UnmanagedResource"]


async def test_a_role_that_azure_should_have_made_and_has_not() -> None:
    azure, wanted = FakeAzure(), blueprint()
    observed = await converge(azure, wanted)
    key = "role/cluster/cpu/registry/acr-pull"
    azure.delete(str(observed.bodies[key]["id"]))
    (change,) = [c for c in diff(wanted, await take_snapshot(wanted, azure), {}) if c.action is not Action.NONE]
    assert (change.key, change.action, change.reason) == (key, Action.CREATE, "Azure makes it.")
    assert change.id is not None


# -- what is written -------------------------------------------------------------------------------------------------


async def test_a_subnet_is_written_as_get_plus_our_fields() -> None:
    azure, wanted = FakeAzure(), blueprint()
    await converge(azure, wanted)
    resource = wanted.by_key["subnet/training"]
    properties = azure.find(str(resource.id))["properties"]
    properties["natGateway"] = None
    properties["routeTable"] = {"id": "/their/table"}
    observed = await take_snapshot(wanted, azure)
    sent = body(resource, observed.bodies[resource.key], observed)
    assert sent is not None
    assert sent["properties"]["routeTable"] == {"id": "/their/table"}
    assert sent["properties"]["natGateway"] == resource.body["properties"]["natGateway"]
    assert {"ipConfigurations", "provisioningState"}.isdisjoint(sent["properties"])


async def test_other_peoples_tags_survive_an_update() -> None:
    azure, wanted = FakeAzure(), blueprint()
    await converge(azure, wanted)
    resource = wanted.by_key["vault"]
    found = azure.find(str(resource.id))
    found["tags"] = {"costCentre": "42", "Owner": "somebody"}
    observed = await take_snapshot(wanted, azure)
    sent = body(resource, observed.bodies["vault"], observed)
    assert sent is not None
    assert sent["tags"] == {"costCentre": "42", **resource.body["tags"]}


def test_nothing_is_written_before_its_outputs_are_known() -> None:
    role = blueprint().by_key["role/workspace-identity/vault/contributor"]
    assert resolve(role, EMPTY) == Unresolved(("workspace",))
    with pytest.raises(NotYet):
        body(role, None, EMPTY)


def test_a_role_gets_the_same_id_for_the_same_principal() -> None:
    role = blueprint().by_key["role/workspace-identity/vault/contributor"]
    ids = []
    for principal in ("p1", "P1", "p2"):
        resolved = resolve(role, Observed({"workspace": {"identity": {"principalId": principal}}}))
        assert isinstance(resolved, Resolved)
        assert resolved.body["properties"]["principalId"] == principal
        ids.append(resolved.id)
    assert ids[0] == ids[1] != ids[2]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("a.b", 1),
        ("c[1].d", 2),
        ("c[5].d", None),
        ("x.y", None),
        ("a.b.c", None),
        ("c.d", None),
        ("a[0]", None),
    ],
)
def test_paths_into_outputs(path: str, value: Any) -> None:
    assert at({"a": {"b": 1}, "c": [{}, {"d": 2}]}, path) == value


# -- post-conditions -------------------------------------------------------------------------------------------------

STATE = "privateLinkServiceConnectionState"


def connections(*statuses: str) -> dict[str, Any]:
    items = [{"properties": {STATE: {"status": status}}} for status in statuses]
    return {"properties": {"privateLinkServiceConnections": items}}


@pytest.mark.parametrize(
    ("key", "found", "reasons"),
    [
        ("private-endpoint/blob", connections("approved"), []),
        ("private-endpoint/blob", connections("Pending"), ["ConnectionNotApproved"]),
        ("private-endpoint/blob", connections("Approved", "Rejected"), ["ConnectionNotApproved"]),
        ("private-endpoint/blob", connections(), ["ConnectionNotApproved"]),
        ("private-endpoint/blob", {}, ["ConnectionNotApproved"]),
        ("peering/hub-to-ml", {"properties": {"peeringState": "Connected"}}, []),
        ("peering/hub-to-ml", {"properties": {"peeringState": "Initiated"}}, ["PeeringNotConnected"]),
        ("peering/ml-to-hub", {"properties": {"peeringState": "Initiated"}}, []),
        ("dns-link/api/ml", {"properties": {"virtualNetworkLinkState": "InProgress"}}, ["LinkNotCompleted"]),
    ],
)
def test_post_conditions(key: str, found: dict[str, Any], reasons: list[str]) -> None:
    assert [expected.reason for expected in unmet(blueprint().by_key[key], found)] == reasons


async def test_a_plan_of_what_exists_has_no_remarks_of_its_own() -> None:
    assert make_plan(blueprint(), await converge(FakeAzure(), blueprint()), {}).warnings == ()


# -- every declared property -----------------------------------------------------------------------------------------


def declared() -> list[Any]:
    """Every leaf of every body of the blueprint, as (key, path)."""
    found = []
    for resource in blueprint().resources:
        for path in leaves(resource.body, ()):
            found.append(pytest.param(resource.key, path, id=f"{resource.key}:{'.'.join(map(str, path))}"))
    return found


def leaves(value: Any, path: tuple[Any, ...]) -> Any:
    if isinstance(value, dict) and value:
        for name, item in value.items():
            yield from leaves(item, (*path, name))
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for index, item in enumerate(value):
            yield from leaves(item, (*path, index))
    else:
        yield path


async def test_every_declared_property_changed_by_somebody_else_is_one_change_of_one_resource() -> None:
    azure, wanted = FakeAzure(), blueprint()
    observed = await converge(azure, wanted)
    for case in declared():
        key, path = case.values
        if path[-1] in KEYS or wanted.by_key[key].type == k.ROLE_ASSIGNMENT:
            continue
        found = copy.deepcopy(dict(observed.bodies[key]))
        change_at(found, wanted.by_key[key].body, path)
        seen = Observed({**observed.bodies, key: found}, snapshot=observed.snapshot)
        changes = [c for c in diff(wanted, seen, {}) if c.action is not Action.NONE]
        assert [c.key for c in changes if not c.reason] == [key], case.id
        assert len(changes[0].differences) == 1, case.id


#: Properties by which an item or a resource is known: changed, it is another one.
KEYS = {"name", "id", "categoryGroup"}


def change_at(found: Any, wanted: Any, path: tuple[Any, ...]) -> None:
    """Makes the property that ``path`` names in the declared body another one in the observed body."""
    *parents, last = path
    for part in parents:
        wanted = wanted[part]
        found = named(found, wanted) if isinstance(part, int) else found.setdefault(part, {})
    current = found.get(last)
    other: Callable[[Any], Any] = OTHER.get(type(wanted[last]), lambda value: f"{value}-other")
    found[last] = other(current if current is not None else wanted[last])


def named(items: list[Any], wanted: dict[str, Any]) -> Any:
    for name in ("name", "categoryGroup"):
        if name in wanted:
            return next(item for item in items if item[name] == wanted[name])
    return items[0]


OTHER: dict[type, Callable[[Any], Any]] = {
    bool: lambda value: not value,
    int: lambda value: value + 1,
    list: lambda value: (
        [*(value or []), {"id": "/x", "value": "x", "name": "x", "objectId": "x"}]
        if not value or isinstance(value[0], dict)
        else [*value, "x"]
    ),
}
