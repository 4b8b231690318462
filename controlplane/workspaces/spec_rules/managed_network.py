"""What a managed network may be, beyond the shape of its fields. Pure.

Source, where no other is named: learn.microsoft.com, "Workspace managed virtual network isolation".
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from controlplane.arm import fold, name_of, resource_group_of, subscription_of, type_of
from controlplane.errors import ErrorDetail
from controlplane.workspaces.egress.hosts import covers
from controlplane.workspaces.egress.rules import CATALOG_PREFIX, DATA_PREFIX, OWN_TARGETS
from controlplane.workspaces.spec_model import NetworkMode, OutboundRule, WorkspaceSpec

_MANAGED = "$.network.managed"
_RULES = f"{_MANAGED}.outboundRules"
_HOST = re.compile(r"(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?", re.IGNORECASE)
_TAG = re.compile(r"[A-Z][A-Za-z0-9]{1,60}(\.[A-Za-z0-9]{1,60})?")
#: "If your managed network is configured to allow only approved outbound, you can't use an FQDN rule to access Azure
#: Storage Accounts. You must use a private endpoint instead."
_STORAGE = re.compile(
    r"(^|\.)(blob|file|dfs|queue|table|web)\.core\.(windows\.net|usgovcloudapi\.net|chinacloudapi\.cn)$"
)
_STORAGE_SUFFIXES = tuple(f"blob.core.{cloud}" for cloud in ("windows.net", "usgovcloudapi.net", "chinacloudapi.cn"))
#: Endpoints to the workspace's own that Azure makes itself, "required" rules, and refuses a second time: "private
#: endpoints … automatically created" for the workspace and its private storage account, key vault and registry.
_BY_AZURE = {"storage": ("blob", "file"), "vault": ("vault",), "registry": ("registry",)}
#: And the others that there are ("Private-link resource").
_GROUPS = {"storage": ("dfs", "queue", "table", "web", "blob_secondary", "dfs_secondary", "queue_secondary")}
#: Fields of a rule that only some types have.
_ONLY = {
    "subresource": "privateEndpoint",
    "spark": "privateEndpoint",
    "protocol": "serviceTag",
    "portRanges": "serviceTag",
}


def managed_network(spec: WorkspaceSpec) -> Iterator[ErrorDetail]:
    """Every reason why the managed network is refused, by JSON path."""
    mode, asked = spec.network.mode, spec.network.managed
    if not mode.is_managed and asked.provision != "atFirstCompute":
        yield _wrong(f"{_MANAGED}.provision", "has no network to build: network.mode is privateVnet")
    if not mode.is_managed and asked.spark:
        yield _wrong(f"{_MANAGED}.spark", "has no network to build for Spark: network.mode is privateVnet")
    if mode is not NetworkMode.APPROVED_ONLY and asked.firewall_sku != "Standard":
        yield _wrong(f"{_MANAGED}.firewallSku", "has no firewall: it is of managedAllowOnlyApprovedOutbound")
    seen: set[str] = set()
    for index, rule in enumerate(asked.outbound_rules):
        path = f"{_RULES}[{index}]"
        if rule.name in seen:
            yield ErrorDetail("DuplicateName", f"Two outbound rules are called '{rule.name}'.", f"{path}.name")
        seen.add(rule.name)
        for prefix, whose in ((CATALOG_PREFIX, "the catalog"), (DATA_PREFIX, "datastores")):
            if rule.name.startswith(prefix):
                yield _wrong(f"{path}.name", f"begins with {prefix}, which names the rules of {whose}")
        yield from _fits_mode(rule, mode, path)
        yield from _fields(rule, path)
        yield from _destination(rule, path)
    yield from _twice(asked.outbound_rules)


def _fits_mode(rule: OutboundRule, mode: NetworkMode, path: str) -> Iterator[ErrorDetail]:
    """The table of outbound modes: with the internet allowed, private endpoints are the only rules."""
    if not mode.is_managed:
        yield _wrong(f"{path}.type", "is a rule of a managed network, and network.mode is privateVnet")
    elif mode is NetworkMode.ALLOW_INTERNET and rule.type != "privateEndpoint":
        yield _wrong(
            f"{path}.type", f"cannot be {rule.type} with managedAllowInternetOutbound: only privateEndpoint rules exist"
        )


def _fields(rule: OutboundRule, path: str) -> Iterator[ErrorDetail]:
    given = rule.model_dump(by_alias=True)
    for field, kind in _ONLY.items():
        if given[field] and rule.type != kind:
            yield _wrong(f"{path}.{field}", f"is of {kind} rules only")
    if rule.type == "privateEndpoint" and rule.subresource is None:
        text = f"{path[2:]}.subresource: a private endpoint leads to one of a resource's groups, such as blob."
        yield ErrorDetail("MissingField", text, f"{path}.subresource")
    if rule.port_ranges is not None and not _are_ports(rule.port_ranges):
        yield _wrong(f"{path}.portRanges", "are ports from 1 to 65535, the lower one first")


def _are_ports(text: str) -> bool:
    for part in text.split(","):
        first, _, last = part.partition("-")
        if not 1 <= int(first) <= int(last or first) <= 65535:
            return False
    return True


def _destination(rule: OutboundRule, path: str) -> Iterator[ErrorDetail]:
    target = f"{path}.destination"
    match rule.type:
        case "fqdn" if not _HOST.fullmatch(rule.destination):
            yield _wrong(target, "is no host name; `*.` may stand before a domain, and nowhere else")
        case "fqdn" if _leads_to_storage(rule.destination.lower()):
            yield _wrong(target, "is Azure Storage, which no FQDN rule leads to; use a privateEndpoint rule")
        case "serviceTag" if not _TAG.fullmatch(rule.destination):
            yield _wrong(target, "is no service tag, such as AzureDevOps or AzureOpenDatasets.WestEurope")
        case "privateEndpoint" if rule.destination not in OWN_TARGETS and not _is_resource(rule.destination):
            yield _wrong(target, f"is not the ARM id of a resource, and none of {', '.join(OWN_TARGETS)}")
        case "privateEndpoint" if rule.destination in OWN_TARGETS and rule.subresource is not None:
            yield from _own_endpoint(rule.destination, rule.subresource.lower(), path)


def _leads_to_storage(host: str) -> bool:
    """Also by a wildcard of a domain that storage lies in."""
    return bool(_STORAGE.search(host)) or any(covers(host, suffix) for suffix in _STORAGE_SUFFIXES)


def _own_endpoint(target: str, group: str, path: str) -> Iterator[ErrorDetail]:
    if group in _BY_AZURE[target]:
        yield _wrong(f"{path}.subresource", f"is {group} of the workspace's own {target}, which Azure makes by itself")
    elif group not in _GROUPS.get(target, ()):
        yield _wrong(f"{path}.subresource", f"is {group}, and {target} has no such group")


def _is_resource(text: str) -> bool:
    return bool(type_of(text)) and bool(subscription_of(text)) and bool(resource_group_of(text)) and bool(name_of(text))


def _twice(rules: tuple[OutboundRule, ...]) -> Iterator[ErrorDetail]:
    """Azure refuses a second rule to the same destination (azureml-examples, pull request 2990)."""
    seen: dict[tuple[str, str, str], str] = {}
    for index, rule in enumerate(rules):
        key = (rule.type, fold(rule.destination), (rule.subresource or "").lower())
        if rule.type != "serviceTag" and key in seen:
            yield _wrong(f"{_RULES}[{index}].destination", f"is that of rule '{seen[key]}' too")
        seen.setdefault(key, rule.name)


def _wrong(path: str, why: str) -> ErrorDetail:
    return ErrorDetail("InvalidValue", f"{path[2:]} {why}.", path)
