"""What exists: how few questions it takes, and what their answers mean."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from controlplane.arm import fold
from controlplane.errors import Fatal, Rejected, Transient
from controlplane.json_types import JsonObject
from controlplane.workspaces import kinds as k
from controlplane.workspaces.kinds_table import KINDS
from controlplane.workspaces.model import Unreadable
from controlplane.workspaces.observe import collection_of, observe, reads, take_snapshot
from tests.unit.workspaces.fake_azure import FakeAzure, blueprint, converge

GROUP = blueprint().own_groups[0]


async def test_what_does_not_exist_takes_one_read() -> None:
    azure = FakeAzure()
    observed = await take_snapshot(blueprint(), azure)
    assert azure.reads == [GROUP]
    assert (observed.bodies, observed.unknown, observed.unmanaged) == ({}, {}, ())


async def test_everything_that_exists_is_found_in_few_reads() -> None:
    azure, wanted = FakeAzure(), blueprint()
    observed = await converge(azure, wanted)
    assert set(observed.bodies) == set(wanted.by_key)
    azure.reads.clear()
    await take_snapshot(wanted, azure)
    types = {resource.type for resource in wanted.resources}
    zones = sum(resource.type == k.DNS_ZONE for resource in wanted.resources)
    endpoints = sum(resource.type == k.PRIVATE_ENDPOINT for resource in wanted.resources)
    settings = sum(resource.type == k.DIAGNOSTIC for resource in wanted.resources)
    assert len(azure.reads) <= len(types) + 2 * zones + endpoints + settings
    assert len(azure.reads) == len(set(azure.reads)) == len(reads(wanted))


async def test_more_clusters_take_no_more_reads() -> None:
    many = [{"name": f"c{n}", "size": "Standard_D2", "maxNodes": 1} for n in range(5)]
    assert len(reads(blueprint(compute={"clusters": many}))) == len(reads(blueprint(compute={})))


async def test_azures_own_children_are_evidence_and_not_unmanaged() -> None:
    azure, wanted = FakeAzure(), blueprint()
    observed = await converge(azure, wanted)
    zone = str(wanted.by_key["dns-zone/blob"].id)
    record = fold(f"{zone}/A/x")
    assert observed.snapshot[record]["properties"]["aRecords"]
    assert observed.read_from[record] == f"{zone}/A"
    connections = [arm_id for arm_id in observed.snapshot if "/privateendpointconnections/" in arm_id]
    assert len(connections) == 5
    assert observed.unmanaged == ()


async def test_subnets_and_peerings_come_with_their_network() -> None:
    azure, wanted = FakeAzure(), blueprint()
    observed = await converge(azure, wanted)
    subnet = wanted.by_key["subnet/training"]
    assert observed.read_from[fold(str(subnet.id))] == f"{GROUP}/providers/{k.VNET}"
    assert not any("/subnets" in path or "/virtualNetworkPeerings" in path for path in azure.reads)


async def test_what_nobody_declared_is_unmanaged() -> None:
    azure, wanted = FakeAzure(), blueprint()
    await converge(azure, wanted)
    stranger = f"{GROUP}/providers/{k.STORAGE}/stranger"
    azure.stored[fold(stranger)] = {"id": stranger, "properties": {}}
    inherited = f"/subscriptions/s/providers/{k.ROLE_ASSIGNMENT}/above"
    azure.stored[fold(inherited)] = {"id": inherited, "properties": {"scope": "/subscriptions/s"}}
    observed = await take_snapshot(wanted, azure)
    assert [body["id"] for body in observed.unmanaged] == [stranger]


async def test_azures_grants_to_our_own_identities_are_not_unmanaged() -> None:
    azure, wanted = FakeAzure(), blueprint()
    observed = await converge(azure, wanted)
    ours = observed.bodies["workspace"]["identity"]["principalId"]
    for name, holder in (("azures", ours), ("somebodys", "00000000-0000-0000-0000-0000000000ee")):
        arm_id = f"{GROUP}/providers/{k.ROLE_ASSIGNMENT}/{name}"
        properties = {"scope": GROUP, "principalId": holder, "roleDefinitionId": "/x/owner"}
        azure.stored[fold(arm_id)] = {"id": arm_id, "properties": properties}
    seen = await take_snapshot(wanted, azure)
    assert [body["id"].rpartition("/")[2] for body in seen.unmanaged] == ["somebodys"]
    assert fold(f"{GROUP}/providers/{k.ROLE_ASSIGNMENT}/azures") in seen.snapshot


async def test_a_role_is_found_by_scope_role_and_principal_whoever_made_it() -> None:
    azure, wanted = FakeAzure(), blueprint()
    observed = await converge(azure, wanted)
    key = "role/workspace-identity/vault/contributor"
    ours = observed.bodies[key]
    azure.delete(str(ours["id"]))
    renamed = str(ours["id"]).rpartition("/")[0] + "/another-name"
    azure.stored[fold(renamed)] = {**ours, "id": renamed}
    again = await take_snapshot(wanted, azure)
    assert again.bodies[key]["id"] == renamed
    azure.stored[fold(renamed)]["properties"]["principalId"] = "somebody-else"
    assert key not in (await take_snapshot(wanted, azure)).bodies


class Failing(FakeAzure):
    """Raises for the paths that end so; ``times``: and no more after so many."""

    def __init__(self, azure: FakeAzure, ending: str, error: Exception, times: float = float("inf")) -> None:
        super().__init__()
        self.stored, self.ending, self.error, self.times = azure.stored, ending.lower(), error, times

    async def get(self, path: str, api_version: str) -> JsonObject | None:
        self.refuse(path)
        return await super().get(path, api_version)

    async def list(self, path: str, api_version: str, query: Sequence[tuple[str, str]] = ()) -> tuple[JsonObject, ...]:
        self.refuse(path)
        return await super().list(path, api_version, query)

    def refuse(self, path: str) -> None:
        if path.lower().endswith(self.ending) and self.times > 0:
            self.times -= 1
            raise self.error


@pytest.mark.parametrize(
    ("ending", "error", "unknown"),
    [
        pytest.param(k.STORAGE, Rejected("AuthorizationFailed", "no", status=403), {"storage"}, id="forbidden"),
        pytest.param(k.VAULT, Transient("TooManyRequests", "later", retry_after=5), {"vault"}, id="throttled"),
        pytest.param(
            "/privateDnsZones/privatelink.azurecr.io/virtualNetworkLinks",
            Transient("InternalServerError", "oops", retry_after=4),
            {"dns-link/registry/ml", "dns-link/registry/hub"},
            id="broken",
        ),
    ],
)
async def test_what_cannot_be_read_is_unknown_and_nothing_else_is(
    ending: str, error: Rejected | Transient, unknown: set[str]
) -> None:
    azure, wanted = FakeAzure(), blueprint()
    await converge(azure, wanted)
    observed = await take_snapshot(wanted, Failing(azure, ending, error))
    assert set(observed.unknown) == unknown
    assert set(observed.bodies) == set(wanted.by_key) - unknown
    assert {why.code for why in observed.unknown.values()} == {error.code}


async def test_a_passing_fault_of_one_read_is_asked_over() -> None:
    azure, wanted = FakeAzure(), blueprint()
    await converge(azure, wanted)
    passing = Failing(azure, k.VAULT, Transient("ServiceUnavailable", "later", retry_after=0.01), times=3)
    observed = await take_snapshot(wanted, passing)
    assert not observed.unknown
    assert set(observed.bodies) == set(wanted.by_key)


async def test_an_unreadable_network_leaves_its_subnets_unknown() -> None:
    azure, wanted = FakeAzure(), blueprint()
    await converge(azure, wanted)
    observed = await take_snapshot(wanted, Failing(azure, k.VNET, Rejected("AuthorizationFailed", "no")))
    assert set(observed.unknown) == {key for key in wanted.by_key if key.startswith(("vnet/", "subnet/", "peering/"))}


async def test_an_unreadable_identity_leaves_its_roles_unknown() -> None:
    azure, wanted = FakeAzure(), blueprint()
    await converge(azure, wanted)
    failing = Failing(azure, f"providers/{k.ML_WORKSPACE}", Rejected("AuthorizationFailed", "no"))
    observed = await take_snapshot(wanted, failing)
    roles = {key for key in wanted.by_key if key.startswith("role/workspace-identity/")}
    assert set(observed.unknown) == roles | {"workspace"}


async def test_when_not_even_the_group_can_be_read_everything_is_unknown() -> None:
    azure, wanted = FakeAzure(), blueprint()
    failing = Failing(azure, GROUP, Rejected("AuthorizationFailed", "no"))
    observed = await take_snapshot(wanted, failing)
    assert set(observed.unknown) == set(wanted.by_key)
    assert failing.reads == []


async def test_an_unexpected_host_is_not_an_observation() -> None:
    with pytest.raises(Fatal):
        await take_snapshot(blueprint(), Failing(FakeAzure(), GROUP, Fatal("UnexpectedHost", "evil.example")))


def test_an_unanswered_question_is_an_error() -> None:
    first, *_ = reads(blueprint())
    with pytest.raises(KeyError):
        observe(blueprint(), {first: Unreadable("x", "y")})


async def test_every_declared_resource_has_a_place_it_was_looked_for() -> None:
    azure, wanted = FakeAzure(), blueprint()
    await converge(azure, wanted)
    link = str(wanted.by_key["dns-link/blob/ml"].id)
    azure.delete(link)
    observed = await take_snapshot(wanted, azure)
    assert observed.read_from[fold(link)] == fold(link.rpartition("/")[0])


def test_where_each_type_is_listed() -> None:
    wanted = blueprint()
    asked = {fold(read.path) for read in reads(wanted)}
    for resource in wanted.resources:
        assert resource.type in KINDS
        arm_id = resource.id if isinstance(resource.id, str) else resource.id.scope
        assert collection_of(arm_id, resource.type) in asked, resource.key
