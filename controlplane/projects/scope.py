"""Whether everything a spec names lies inside its project's registration. Pure; asked before any call to Azure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from urllib.parse import unquote

from controlplane.arm import fold, is_within
from controlplane.errors import ErrorDetail
from controlplane.projects.model import Registration
from controlplane.workspaces.access.personas import KINDS
from controlplane.workspaces.addresses import AUTO, has_place, wanted_prefix
from controlplane.workspaces.spec_model import Agents, Encryption, WorkspaceSpec
from controlplane.workspaces.spec_model.access import members

CODE = "ScopeNotAllowedForProject"
_Named = tuple[str, Sequence[str], str, Sequence[str]]
"""Path of a list, who is named there, the list of the registration, and what that allows."""


def out_of_scope(name: str, spec: WorkspaceSpec, registration: Registration) -> tuple[ErrorDetail, ...]:
    """Every field that reaches outside, by JSON path. ``name`` is the workspace's."""
    return tuple(_outside(name, spec, registration))


def _outside(name: str, spec: WorkspaceSpec, registration: Registration) -> Iterator[ErrorDetail]:
    group = f"{registration.resource_group_prefix}{name}"
    if len(group) > 90:
        text = f"Resource group '{group}' is longer than 90 characters: choose a shorter name."
        yield ErrorDetail(CODE, text, "$.name")
    if spec.subscription_id.lower() not in (item.lower() for item in registration.subscriptions):
        yield _detail("$.subscriptionId", f"subscription {spec.subscription_id}", "subscriptions")
    if spec.location.lower() not in (item.replace(" ", "").lower() for item in registration.regions):
        yield _detail("$.location", f"region {spec.location}", "regions")
    yield from _addresses(spec, registration.address_pools)
    yield from _ids(spec, registration)
    yield from _nodes(spec, registration.limits.max_nodes)


def _nodes(spec: WorkspaceSpec, most: int) -> Iterator[ErrorDetail]:
    """A compute instance is a node of its own."""
    of_clusters, instances = sum(cluster.max_nodes for cluster in spec.compute.clusters), len(spec.compute.instances)
    if of_clusters + instances > most:
        what = f"{of_clusters} nodes of clusters and {instances} instances" if instances else f"{of_clusters} nodes"
        path = "compute.clusters" if of_clusters > most else "compute.instances"
        text = f"{path}: {what} are more than the registration allows: its limits.maxNodes is {most}."
        yield ErrorDetail(CODE, text, f"$.{path}")


def _of_agents(agents: Agents, registration: Registration) -> Iterator[ErrorDetail]:
    for path, one, entry, known in (
        ("$.network.hub.agents.identityId", agents.identity_id, "identities", registration.identities),
        ("$.network.hub.agents.principalId", agents.principal_id, "agentPrincipals", registration.agent_principals),
    ):
        if one is not None and not _known(one, known):
            yield _detail(path, one, entry)


def _ids(spec: WorkspaceSpec, registration: Registration) -> Iterator[ErrorDetail]:
    """Ids of things that exist already. Some of these fields are not built yet; they are held to the registration
    from the first day all the same."""
    hub, identity = spec.network.hub, spec.identity
    if hub.vnet_id is not None and not _known(hub.vnet_id, registration.hubs):
        yield _detail("$.network.hub.vnetId", hub.vnet_id, "hubs")
    if hub.express_route is not None and not _known(hub.express_route.circuit_id, registration.circuits):
        yield _detail("$.network.hub.expressRoute.circuitId", hub.express_route.circuit_id, "circuits")
    yield from _of_agents(hub.agents, registration)
    for path, ids, entry, known in (
        *_of_computes(spec, registration),
        ("$.network.hub.dnsZones", hub.dns_zones, "dnsZones", registration.dns_zones),
        ("$.network.hub.gatewayIds", hub.gateway_ids, "gateways", registration.gateways),
        ("$.registry.privateImages", spec.registry.private_images, "registries", registration.registries),
        ("$.identity.ids", identity.ids, "identities", registration.identities),
        *_personas(spec, registration),
    ):
        for index, item in enumerate(ids):
            if not _known(item, known):
                yield _detail(f"{path}[{index}]", item, entry)
    own = identity.primary is None or identity.primary in identity.create
    if not own and not _known(str(identity.primary), registration.identities):
        yield _detail("$.identity.primary", str(identity.primary), "identities")
    yield from _data(spec, registration)
    for index, rule in enumerate(spec.network.managed.outbound_rules):
        # A word in place of an id is the workspace's own resource.
        named = rule.type == "privateEndpoint" and "/" in rule.destination
        if named and not _known(rule.destination, registration.outbound_targets):
            path = f"$.network.managed.outboundRules[{index}].destination"
            yield _detail(path, rule.destination, "outboundTargets")
    yield from _encryption(spec.encryption, registration)


def _encryption(asked: Encryption, registration: Registration) -> Iterator[ErrorDetail]:
    """A key is registered by its identifier or by its ARM id. Its vault needs no entry of its own: a rule of the spec
    holds it to be the one that the identifier names, and names of vaults are global. Where the ARM id is not registered
    it has to lie in one of the project's subscriptions, because it is read there."""
    key, vault = asked.customer_managed_key, asked.key_vault_id
    if key is not None:
        by_arm = f"{vault}/keys/{key.partition('/keys/')[2]}"
        if not _known(key, registration.keys) and not _known(by_arm, registration.keys):
            yield _detail("$.encryption.customerManagedKey", key, "keys")
    if vault is not None and not _vault_known(asked, registration):
        yield _detail("$.encryption.keyVaultId", vault, "subscriptions or keys")
    if asked.identity is not None and not _known(asked.identity, registration.identities):
        yield _detail("$.encryption.identity", asked.identity, "identities")


def _vault_known(asked: Encryption, registration: Registration) -> bool:
    vault = str(asked.key_vault_id)
    scopes = [f"/subscriptions/{item}" for item in registration.subscriptions]
    scopes += [key.partition("/keys/")[0] for key in registration.keys if key.startswith("/")]
    return _known(vault, scopes)


def _personas(spec: WorkspaceSpec, registration: Registration) -> Iterator[_Named]:
    """People's personas are groups, the others service principals."""
    for persona, kind in KINDS.items():
        entry = "entraGroups" if kind.is_person else "servicePrincipals"
        known = registration.entra_groups if kind.is_person else registration.service_principals
        yield f"$.access.{persona}", members(spec.access, persona), entry, known


def _data(spec: WorkspaceSpec, registration: Registration) -> Iterator[ErrorDetail]:
    brought = spec.registry.existing
    if brought is not None and not _known(brought, registration.registries):
        yield _detail("$.registry.existing", brought, "registries")
    for index, store in enumerate(spec.datastores):
        if not _known(store.account, registration.storage_accounts):
            yield _detail(f"$.datastores[{index}].account", store.account, "storageAccounts")


def _of_computes(spec: WorkspaceSpec, registration: Registration) -> Iterator[_Named]:
    """The identities of computes; those that are made with the workspace need no entry."""
    allowed = (*registration.identities, *spec.identity.create)
    for index, cluster in enumerate(spec.compute.clusters):
        yield f"$.compute.clusters[{index}].identity.ids", cluster.identity.ids, "identities", allowed
    for index, instance in enumerate(spec.compute.instances):
        yield f"$.compute.instances[{index}].identity.ids", instance.identity.ids, "identities", allowed


def _known(item: str, allowed: Sequence[str]) -> bool:
    """One of ``allowed`` or below it, and not out of it again: whoever resolves ``hub/../other`` finds the other."""
    return not _climbs(item) and any(fold(item) == fold(other) or is_within(item, other) for other in allowed)


def _climbs(item: str) -> bool:
    return bool({".", ".."} & set(unquote(item).split("/")))


def _addresses(spec: WorkspaceSpec, pools: Sequence[str]) -> Iterator[ErrorDetail]:
    text, path = spec.network.address_space, "$.network.addressSpace"
    if text != AUTO:
        if not _in_pools(text, pools):
            yield _detail(path, f"address space {text}", "addressPools")
    elif not has_place(pools, prefix := wanted_prefix(spec)):
        text = f"network.addressSpace: none of the project's addressPools has room for a private /{prefix}."
        yield ErrorDetail(CODE, text, path)


def _in_pools(address_space: str, pools: Sequence[str]) -> bool:
    network = ipaddress.IPv4Network(address_space)
    return any(network.subnet_of(ipaddress.IPv4Network(pool, strict=False)) for pool in pools)


def _detail(target: str, what: str, entry: str) -> ErrorDetail:
    text = f"{target[2:]}: {what} lies outside the project's registration; an entry of its {entry} would allow it."
    return ErrorDetail(CODE, text, target)
