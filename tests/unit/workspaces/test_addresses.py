"""Address plans: what the ledger gives and takes back, to one and to many at once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from ipaddress import IPv4Network
from random import Random
from typing import Any

import pytest

from controlplane.errors import Conflict, Transient
from controlplane.operations.model import OperationStatus
from controlplane.operations.preconditions import Preconditions
from controlplane.ports.store import Write
from controlplane.projects.access import Caller, Permission
from controlplane.projects.repository import ProjectRepository
from controlplane.projects.service import ProjectDeps, put_project
from controlplane.workspaces import service
from controlplane.workspaces.ending import at_rest, ended
from controlplane.workspaces.repository import WorkspaceRepository
from controlplane.workspaces.rows import PARTITION
from controlplane.workspaces.service import Request, ServiceDeps
from controlplane.workspaces.shares import Claim, claim_writes, held, shelf_rows
from tests.support.api import registration, spec
from tests.support.api_fakes import FakeCatalog, FakeQueue, FakeReader
from tests.support.clock import FrozenClock
from tests.support.memory_store import MemoryStore

ADMIN = Caller("tenant", "root", frozenset({"Platform.Admin"}))
HUB_GROUP = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg-hub"
HUB = f"{HUB_GROUP}/providers/Microsoft.Network/virtualNetworks/vnet-hub"
POOL = IPv4Network("10.40.0.0/16")


def asked(**changes: Any) -> dict[str, Any]:
    """A spec that says ``auto``; changes are of its network."""
    return {**spec(), "network": {"addressSpace": "auto", **changes}}


# -- the ledger --------------------------------------------------------------------------------------------------------


class BusyStore(MemoryStore):
    """Lets others go on in every call, and loses some: before the commit, and after it."""

    def __init__(self, random: Random, faults: float = 0.0) -> None:
        super().__init__()
        self._random, self._faults = random, faults

    async def query(self, partition: str, **where: Any) -> Any:
        await asyncio.sleep(0)
        self._lose()
        return await super().query(partition, **where)

    async def commit(self, partition: str, writes: Sequence[Write]) -> tuple[str | None, ...]:
        await asyncio.sleep(0)
        self._lose()
        done = await super().commit(partition, writes)
        await asyncio.sleep(0)
        self._lose()
        return done

    def _lose(self) -> None:
        if self._random.random() < self._faults:
            raise Transient("StoreUnavailable", "lost", retry_after=1)


class House:
    """The services of one process on a store that may be shared."""

    def __init__(self, store: MemoryStore | None = None) -> None:
        self.store = store or MemoryStore()
        self.clock, self.reader = FrozenClock(), FakeReader()
        self.repository, self.projects = WorkspaceRepository(self.store), ProjectRepository(self.store)
        self.deps = ServiceDeps(
            repository=self.repository,
            projects=self.projects,
            reader=self.reader,
            catalog=FakeCatalog(),
            queue=FakeQueue(),
            clock=self.clock,
            tenant_id="11111111-1111-1111-1111-111111111111",
            cloud="AzureCloud",
        )

    async def register(self, name: str = "churn", **changes: Any) -> None:
        deps = ProjectDeps(self.projects, self.repository, self.clock)
        await put_project(deps, ADMIN, name, registration(name, **changes), Preconditions())

    async def put(self, name: str, body: dict[str, Any], *, consent: bool = False) -> str:
        """The range that the workspace then has."""
        request = Request(ADMIN, Permission.WORKSPACES_PUT, name, Preconditions(), consent)
        outcome = await service.put_workspace(self.deps, request, body)
        return outcome.stored.record.address_space

    async def ends(self, name: str, status: OperationStatus = OperationStatus.SUCCEEDED) -> None:
        """What a tick stores at an operation's end."""
        stored = await self.repository.load(name)
        assert stored is not None
        running = await self.repository.load_operation(stored.record.active_operation or "")
        lease = await self.repository.take_lease(name, "tick", self.clock.now(), 90)
        assert running is not None
        assert lease is not None
        finished = ended(running.operation, status, self.clock.now())
        seen = stored.status.model_copy(update={"observed_generation": stored.record.generation})
        rest = at_rest(stored.record, finished, self.clock.now())
        await self.repository.save_progress(stored, running, lease, record=rest, status=seen, changed=finished)
        await self.repository.release(lease)

    async def delete(self, name: str) -> None:
        """A whole deletion."""
        request = Request(ADMIN, Permission.WORKSPACES_DELETE, name)
        await service.delete_workspace(self.deps, request)
        stored = await self.repository.load(name)
        assert stored is not None
        running = await self.repository.load_operation(stored.record.active_operation or "")
        lease = await self.repository.take_lease(name, "tick", self.clock.now(), 90)
        assert running is not None
        assert lease is not None
        await self.repository.bury(stored, running, running.operation, lease)

    async def ledger(self) -> set[str]:
        """Rows of everything that is shared and taken."""
        pages = [await self.store.query(PARTITION, prefix=prefix) for prefix in ("n!", "g!", "m!")]
        return {entity.row for page in pages for entity in page.entities}

    async def ranges(self) -> list[IPv4Network]:
        records, _ = await self.repository.list()
        return [network for record in records for network in held(record)]


@pytest.fixture
async def house() -> House:
    made = House()
    await made.register(addressPools=["10.40.0.0/20"])
    return made


async def test_auto_takes_a_free_range_keeps_it_and_gives_it_back(house: House) -> None:
    first = await house.put("one", asked())
    second = await house.put("two", asked())
    assert IPv4Network(first).subnet_of(IPv4Network("10.40.0.0/20"))
    assert not IPv4Network(first).overlaps(IPv4Network(second))
    await house.ends("one")
    assert await house.put("one", asked()) == first
    assert await house.put("one", {**asked(), "workload": "nlp"}) == first
    stored = await house.repository.load("one")
    assert stored is not None
    assert stored.record.spec["network"]["addressSpace"] == "auto"
    await house.ends("one")
    await house.delete("one")
    await house.ends("two")
    await house.delete("two")
    assert await house.ledger() == set()


async def test_a_full_pool_says_so_and_has_room_again_after_a_deletion(house: House) -> None:
    for number in range(4):
        await house.put(f"team-{number}", asked())
    with pytest.raises(Conflict) as full:
        await house.put("late", asked())
    assert full.value.code == "AddressPoolExhausted"
    await house.ends("team-2")
    freed = {str(one) for one in held(await _record(house, "team-2"))}
    await house.delete("team-2")
    assert {await house.put("late", asked())} == freed


async def test_what_lies_behind_the_first_page_of_the_ledger_is_found(house: House) -> None:
    await house.register(addressPools=["10.0.0.0/8"])
    first = [one for _, one in zip(range(1100), IPv4Network("10.0.0.0/8").subnets(new_prefix=22), strict=False)]
    rows = [write for one in first for write in claim_writes({}, Claim(one, "theirs", "fraud"))]
    await MemoryStore.commit(house.store, PARTITION, rows)
    chosen = IPv4Network(await house.put("one", asked()))
    assert chosen.network_address > first[-1].broadcast_address
    with pytest.raises(Conflict) as refused:
        await house.put("two", spec(address_space="10.4.0.0/16"))
    # Of what another project has nothing is told but that it is in the way, however much of it there is.
    assert [detail.message for detail in refused.value.details] == [
        "10.4.0.0/16 overlaps what a workspace of another project uses."
    ]


async def _record(house: House, name: str) -> Any:
    stored = await house.repository.load(name)
    assert stored is not None
    return stored.record


async def test_small_ranges_share_a_shelf_and_leave_it_one_by_one(house: House) -> None:
    names = [f"team-{number}" for number in range(4)]
    found = [IPv4Network(await house.put(name, asked(prefixLength=25))) for name in names]
    assert len({one for network in found for one in shelf_rows(network)}) < 4
    assert len(set(found)) == 4
    for name in names:
        await house.ends(name)
        await house.delete(name)
    assert await house.ledger() == set()


@pytest.mark.parametrize("mine", ["10.40.4.0/22", "10.40.4.0/24", "10.40.0.0/20", "10.40.7.128/25"])
async def test_a_range_that_was_named_is_in_the_ledger_too(house: House, mine: str) -> None:
    await house.put("named", spec(address_space=mine))
    with pytest.raises(Conflict) as refused:
        await house.put("other", spec(address_space="10.40.4.0/22" if mine != "10.40.4.0/22" else "10.40.5.0/24"))
    assert refused.value.code == "AddressSpaceOverlaps"
    if mine != "10.40.0.0/20":
        assert not IPv4Network(await house.put("other", asked())).overlaps(IPv4Network(mine))


async def test_a_workspace_that_moves_keeps_both_ranges_until_it_has_moved(house: House) -> None:
    await house.put("one", spec(address_space="10.40.0.0/22"))
    await house.ends("one")
    await house.put("one", spec(address_space="10.40.8.0/22"), consent=True)
    await house.ends("one", OperationStatus.FAILED)
    assert {str(one) for one in await house.ranges()} == {"10.40.0.0/22", "10.40.8.0/22"}
    with pytest.raises(Conflict) as refused:
        await house.put("two", spec(address_space="10.40.0.0/24"))
    assert refused.value.code == "AddressSpaceOverlaps"
    await house.put("one", spec(address_space="10.40.8.0/22"), consent=True)
    await house.ends("one")
    assert [str(one) for one in await house.ranges()] == ["10.40.8.0/22"]
    assert await house.put("two", spec(address_space="10.40.0.0/24")) == "10.40.0.0/24"


async def test_more_nodes_than_the_range_holds_move_the_workspace(house: House) -> None:
    before = await house.put("one", asked())
    await house.ends("one")
    clusters = [{"name": "cpu", "size": "Standard_DS3_v2", "maxNodes": 300}]
    await house.register(addressPools=["10.40.0.0/20"], limits={"maxNodes": 1000})
    after = await house.put("one", {**asked(), "compute": {"clusters": clusters}}, consent=True)
    assert IPv4Network(after).prefixlen == 21
    assert not IPv4Network(after).overlaps(IPv4Network(before))


async def test_s1_26_auto_keeps_clear_of_the_hub_and_of_what_it_is_peered_with(house: House) -> None:
    await house.register(addressPools=["10.40.0.0/20"], hubs=[HUB])
    peering = {
        "id": f"{HUB}/virtualNetworkPeerings/theirs",
        "properties": {
            "remoteVirtualNetwork": {"id": f"{HUB}-other"},
            "remoteAddressSpace": {"addressPrefixes": ["10.40.8.0/21"]},
        },
    }
    space = {"addressPrefixes": ["10.40.0.0/23", "fd00::/64"]}
    house.reader.put(HUB, properties={"addressSpace": space, "virtualNetworkPeerings": [peering]})
    body = asked(hub={"kind": "existing", "vnetId": HUB})
    assert await house.put("one", body) == "10.40.4.0/22"
    with pytest.raises(Conflict) as full:
        await house.put("two", body)
    assert full.value.code == "AddressPoolExhausted"


SPACES = ["10.40.12.0/22", "10.40.6.0/24"]
VPN = {
    "pointToSite": {"clientAddressPool": "10.40.0.0/23"},
    "siteToSite": [{"name": "office", "gatewayFqdn": "vpn.contoso.com", "addressSpaces": SPACES}],
}


async def test_auto_keeps_clear_of_what_lies_behind_a_vpn_gateway(house: House) -> None:
    assert await house.put("one", asked(hub={"vpn": VPN})) == "10.40.8.0/22"


async def test_a_range_that_was_chosen_before_refuses_what_would_lie_in_it(house: House) -> None:
    before = await house.put("one", asked())
    await house.ends("one")
    vpn = {"pointToSite": {"clientAddressPool": before}}
    with pytest.raises(Conflict) as refused:
        await house.put("one", asked(hub={"vpn": vpn}))
    assert refused.value.code == "AddressSpaceOverlaps"


# -- at once -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
async def test_many_at_once_from_one_pool_under_faults_overlap_nowhere_fail_nowhere_and_leak_nothing(seed: int) -> None:
    """As many as the pool and the project have room for, through the services of three processes; whoever meets a
    fault asks again."""
    store = BusyStore(Random(seed))
    houses = [House(store) for _ in range(3)]
    await houses[0].register(addressPools=["10.40.0.0/19", "10.41.0.0/22"], limits={"maxWorkspaces": 9})
    store._faults = 0.04

    async def until_done(house: House, name: str) -> str:
        for _ in range(200):
            try:
                return await house.put(name, asked())
            except Transient:
                continue
            except Conflict as error:
                # What an answer that was lost had done already.
                assert error.code == "AnotherOperationInProgress", error
                return str((await _record(house, name)).address_space)
        raise AssertionError(f"{name} was never accepted")

    names = [f"team-{number}" for number in range(9)]
    found = await asyncio.gather(*(until_done(houses[n % 3], name) for n, name in enumerate(names)))
    networks = [IPv4Network(text) for text in found]
    assert not any(a.overlaps(b) for n, a in enumerate(networks) for b in networks[:n])
    store._faults = 0.0
    assert sorted(await houses[0].ranges()) == sorted(networks)
    for name in names:
        await houses[0].ends(name)
    await asyncio.gather(*(house.delete(name) for house, name in zip(houses * 3, names, strict=True)))
    assert await houses[0].ledger() == set()
