"""Address plans: how large a space has to be, where one is free, and what stands for ``auto``. Pure.

Sources: learn.microsoft.com/azure/virtual-network/virtual-networks-faq (five addresses of every subnet are Azure's);
learn.microsoft.com/azure/machine-learning/how-to-secure-training-vnet (one address a node and a compute instance);
learn.microsoft.com/azure/machine-learning/how-to-secure-workspace-vnet (never 172.17.0.0/16, the Docker bridge).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv4Address, IPv4Network
from typing import TypeVar

from controlplane.workspaces.spec_model import Network, WorkspaceSpec

T = TypeVar("T")
#: What a spec says to be given a range.
AUTO = "auto"
#: Azure keeps five addresses of every subnet: network, gateway, two for DNS, broadcast.
RESERVED = 5
#: The Docker bridge of every compute node; AML refuses networks that use it.
DOCKER_BRIDGE = IPv4Network("172.17.0.0/16")
PRIVATE = tuple(map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))
#: Of a range that nobody gave a size.
DEFAULT_PREFIX = 22
#: Half for each network, of which the ML one holds a /27 of endpoints and a training subnet of at least that size.
SMALLEST_PREFIX = 25
#: What one workspace may take: more than 16,000 nodes.
LARGEST_PREFIX = 16
#: Free places looked at to choose from, so that requests of one moment seldom choose the same.
_CHOICE = 16
_MOST_CHOICE = 256


def training_addresses(spec: WorkspaceSpec) -> int:
    """What the training subnet holds: every cluster at its largest, every instance, and Azure's five."""
    return sum(cluster.max_nodes for cluster in spec.compute.clusters) + len(spec.compute.instances) + RESERVED


def wanted_prefix(spec: WorkspaceSpec) -> int:
    """Prefix length of the range that ``auto`` takes: as asked, or a /22, or what the training subnet needs."""
    network = spec.network
    if network.prefix_length is not None:
        return network.prefix_length
    training = 32 - (training_addresses(spec) - 1).bit_length()
    # The training subnet is half of the ML network, which is half of the space where a hub is made (Ranges.cut).
    return max(LARGEST_PREFIX, min(DEFAULT_PREFIX, training - (2 if network.hub.kind == "create" else 1)))


def beyond_the_hub(spec: WorkspaceSpec) -> tuple[IPv4Network, ...]:
    """Ranges that a VPN gateway leads to: a route that leads to two places leads nowhere. The spec's rules say what of
    them is no range."""
    vpn = spec.network.hub.vpn
    if vpn is None:
        return ()
    texts = [text for site in vpn.site_to_site for text in site.address_spaces]
    if vpn.point_to_site is not None:
        texts.append(vpn.point_to_site.client_address_pool)
    return tuple(IPv4Network(text) for text in texts)


def asked_prefix(network: Network) -> int:
    """Prefix length that a spec asks for; 0 where it is no range, or left to what the subnets need."""
    if network.address_space == AUTO:
        return network.prefix_length or 0
    try:
        return IPv4Network(network.address_space).prefixlen
    except ValueError:
        return 0


def suits(held: str, spec: WorkspaceSpec) -> bool:
    """Whether a spec that says ``auto`` may stay where it is."""
    prefix, wanted = IPv4Network(held).prefixlen, wanted_prefix(spec)
    return prefix == wanted if spec.network.prefix_length is not None else prefix <= wanted


def placed(spec: WorkspaceSpec, address_space: str) -> WorkspaceSpec:
    """The spec with the range that stands for ``auto``; as it is where it names one itself."""
    if spec.network.address_space != AUTO or not address_space:
        return spec
    network = spec.network.model_copy(update={"address_space": address_space, "prefix_length": None})
    return spec.model_copy(update={"network": network})


def usable(pools: Sequence[str]) -> tuple[IPv4Network, ...]:
    """The private parts of a project's pools."""
    found: list[IPv4Network] = []
    for pool in (IPv4Network(text, strict=False) for text in pools):
        for private in PRIVATE:
            if pool.subnet_of(private):
                found.append(pool)
            elif private.subnet_of(pool):
                found.append(private)
    return tuple(found)


def has_place(pools: Sequence[str], prefix: int) -> bool:
    """Whether any of the pools could hold such a range, were it empty."""
    return any(next(free(pool, prefix, ()), None) is not None for pool in usable(pools))


def free(pool: IPv4Network, prefix: int, taken: Iterable[IPv4Network]) -> Iterator[IPv4Network]:
    """Ranges of a pool that overlap nothing of ``taken``, in order."""
    size = 1 << (32 - prefix)
    spans = sorted((int(n.network_address), int(n.broadcast_address)) for n in (*taken, DOCKER_BRIDGE))
    start, end = int(pool.network_address), int(pool.broadcast_address)
    position = 0
    while start + size - 1 <= end:
        while position < len(spans) and spans[position][1] < start:
            position += 1
        overlapping = [last for first, last in spans[position : position + 1] if first < start + size]
        if overlapping:
            start = _aligned(overlapping[0] + 1, size)
            continue
        yield IPv4Network((IPv4Address(start), prefix))
        start += size


def _aligned(address: int, size: int) -> int:
    return -(-address // size) * size


def choice(attempt: int) -> int:
    """How many free places an attempt chooses from: more, when others were faster."""
    return min(_MOST_CHOICE, _CHOICE << min(attempt, 8))


def choose(places: Sequence[T], name: str, attempt: int) -> T:
    """One of what is free: always the same for one workspace and attempt, so that a plan says what a PUT takes."""
    digest = hashlib.sha256(f"{name}|{attempt}".encode()).digest()
    return places[int.from_bytes(digest[:8], "big") % len(places)]
