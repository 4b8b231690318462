"""From what a spec asks for to the outbound rules it means: its own, and the fewest that its catalog needs. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from controlplane.arm import fold, name_of
from controlplane.json_types import JsonObject
from controlplane.workspaces.egress.hosts import SOURCES, Host, Source, covers
from controlplane.workspaces.spec_model import NetworkMode, OutboundRule, WorkspaceSpec

FQDN, SERVICE_TAG, PRIVATE_ENDPOINT = "FQDN", "ServiceTag", "PrivateEndpoint"
#: Names of rules that a person did not write begin so.
CATALOG_PREFIX, DATA_PREFIX = "catalog-", "data-"
#: What a private endpoint may lead to by a word instead of an id: the workspace's own, by logical key.
OWN_TARGETS = ("storage", "vault", "registry")
_TYPES: Mapping[str, str] = MappingProxyType(
    {"fqdn": FQDN, "serviceTag": SERVICE_TAG, "privateEndpoint": PRIVATE_ENDPOINT}
)


@dataclass(frozen=True, slots=True)
class Rule:
    """One outbound rule as it is wanted. ``because``: the fields of the spec that ask for it. An endpoint's target may
    be one of :data:`OWN_TARGETS`."""

    name: str
    type: str
    destination: str | JsonObject
    because: tuple[str, ...]
    requirements: tuple[str, ...]

    @property
    def target(self) -> str | None:
        """What a private endpoint leads to; None for other rules."""
        return None if isinstance(self.destination, str) else self.destination.get("serviceResourceId")

    def properties(self, ids: Mapping[str, str]) -> dict[str, Any]:
        """What is declared of it in Azure. ``ids``: of the workspace's own resources, by logical key."""
        destination, target = self.destination, self.target
        if not isinstance(destination, str) and target is not None and target in ids:
            destination = {**destination, "serviceResourceId": ids[target]}
        return {"type": self.type, "category": "UserDefined", "destination": destination}


def outbound_rules(spec: WorkspaceSpec) -> tuple[Rule, ...]:
    """Every rule beyond those that Azure makes itself, by name. None where the network is not managed.

    With the internet allowed only private endpoints are rules; every host is reachable without one (S5-07).
    """
    if not spec.network.mode.is_managed:
        return ()
    own = (*(_own(rule) for rule in spec.network.managed.outbound_rules), *_to_data(spec))
    if spec.network.mode is NetworkMode.ALLOW_INTERNET:
        return _by_name(own)
    hosts = {rule.destination for rule in own if isinstance(rule.destination, str)}
    needed = [host for host in minimal(needs(spec)) if not any(covers(allowed, host) for allowed in hosts)]
    return _by_name((*own, *(_catalog(spec, fqdn) for fqdn in needed)))


def _by_name(rules: Iterable[Rule]) -> tuple[Rule, ...]:
    return tuple(sorted(rules, key=lambda rule: rule.name))


def asked(spec: WorkspaceSpec) -> tuple[tuple[str, Source], ...]:
    """Path of each catalog entry of the spec, and what it stands for."""
    collections = (("$.catalog.collections", SOURCES[name]) for name in spec.catalog.collections)
    return (*collections, *(("$.catalog.packages", SOURCES[name]) for name in spec.catalog.packages))


def needs(spec: WorkspaceSpec) -> tuple[Host, ...]:
    """Every host that the catalog entries of a spec fetch from; some twice."""
    return tuple(host for _, source in asked(spec) for host in source.hosts)


def minimal(hosts: Iterable[Host]) -> tuple[str, ...]:
    """The fewest names that let everything out that ``hosts`` name, sorted."""
    names = {host.fqdn.lower() for host in hosts}
    return tuple(sorted(n for n in names if not any(covers(other, n) for other in names if other != n)))


def leads_to(rule: JsonObject) -> str:
    """A host name, a service tag or an ARM id: where a rule leads that Azure answers; empty where it does not say."""
    properties = rule.get("properties")
    place = properties.get("destination") if isinstance(properties, dict) else None
    if isinstance(place, dict):
        place = place.get("serviceTag") or place.get("serviceResourceId")
    return place if isinstance(place, str) else ""


@dataclass(frozen=True, slots=True)
class Unneeded:
    """A rule that nothing uses, as far as the table of hosts says, or that nobody asked for."""

    name: str
    destination: str
    reason: str


def unneeded(spec: WorkspaceSpec) -> tuple[Unneeded, ...]:
    """Rules for host names that another rule covers, or whose host only collections and package lists use that the spec
    does not ask for (S5-35). Hosts that the table does not know are somebody's own business."""
    if spec.network.mode is not NetworkMode.APPROVED_ONLY:
        return ()
    needed, hosts = needs(spec), [rule for rule in spec.network.managed.outbound_rules if rule.type == "fqdn"]
    found = []
    for rule in hosts:
        wider = next((o for o in hosts if o is not rule and covers(o.destination, rule.destination)), None)
        users = [s.name for s in SOURCES.values() if any(covers(rule.destination, host.fqdn) for host in s.hosts)]
        if wider is not None:
            found.append(Unneeded(rule.name, rule.destination, f"Rule {wider.name} ({wider.destination}) covers it."))
        elif users and not any(covers(rule.destination, host.fqdn) for host in needed):
            text = f"Only {', '.join(users)} fetch from it, and the spec asks for none of them."
            found.append(Unneeded(rule.name, rule.destination, text))
    return tuple(found)


def _own(rule: OutboundRule) -> Rule:
    because = (f"$.network.managed.outboundRules[{rule.name}]",)
    destination: str | JsonObject = rule.destination
    requirements: tuple[str, ...] = ("S5-04", "S5-24")
    if rule.type == "serviceTag":
        destination = {
            "serviceTag": rule.destination,
            "protocol": rule.protocol or "TCP",
            "portRanges": rule.port_ranges or "443",
            "action": "Allow",
        }
        requirements = ("S5-24",)
    elif rule.type == "privateEndpoint":
        destination = {
            "serviceResourceId": rule.destination,
            "subresourceTarget": rule.subresource,
            "sparkEnabled": rule.spark,
        }
        requirements = ("S5-03", "S5-24")
    return Rule(rule.name, _TYPES[rule.type], destination, because, requirements)


def _to_data(spec: WorkspaceSpec) -> Iterator[Rule]:
    """Endpoints to the accounts of datastores that ask for one; none where a rule of the spec leads there already.

    A datastore of a data lake takes two: "dfs" for its files, "blob" for what still speaks the older protocol.
    """
    rules = spec.network.managed.outbound_rules
    written = {(fold(rule.destination), rule.subresource.lower()) for rule in rules if rule.subresource}
    ids: dict[str, str] = {}
    wanted: dict[tuple[str, str], list[str]] = {}
    for store in spec.datastores:
        # Datastores of one account may spell its id in different ways.
        account = fold(store.account)
        ids.setdefault(account, store.account)
        for subresource in ("blob", "dfs") if store.type == "azureDataLakeGen2" else ("blob",):
            if store.private_endpoint and (account, subresource) not in written:
                wanted.setdefault((account, subresource), []).append(f"$.datastores[{store.name}]")
    for (account, subresource), because in wanted.items():
        destination = {"serviceResourceId": ids[account], "subresourceTarget": subresource, "sparkEnabled": False}
        name = f"{DATA_PREFIX}{name_of(account)}-{subresource}"
        yield Rule(name, PRIVATE_ENDPOINT, destination, tuple(because), ("S2-65", "S5-03"))


def _catalog(spec: WorkspaceSpec, fqdn: str) -> Rule:
    because: list[str] = []
    requirements = {"S3-73", "S5-04", "S5-08", "S5-24", "S5-34"}
    for field, source in asked(spec):
        served = [host for host in source.hosts if covers(fqdn, host.fqdn)]
        if served:
            because.append(f"{field}[{source.name}]")
            requirements.update(source.requirements, *(host.requirements for host in served))
    name = CATALOG_PREFIX + fqdn.replace("*", "any").replace(".", "-")
    return Rule(name, FQDN, fqdn, tuple(because), tuple(sorted(requirements)))
