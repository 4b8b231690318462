"""The example workspace as a spec and a blueprint, for tests. Pure but for reading the example."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from controlplane.workspaces import blueprint as compiler
from controlplane.workspaces.addresses import placed
from controlplane.workspaces.model import Blueprint
from controlplane.workspaces.spec import WorkspaceSpec, parse_spec

#: The compiler as it is written, also where a run has switched a rule off.
_AS_WRITTEN = compiler.compile_blueprint

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "workspaces" / "secure-classical.yaml"
CONTEXT = compiler.CompileContext(
    workspace="churn-dev",
    incarnation=1,
    resource_group="rg-churn-churn-dev",
    tenant_id="00000000-0000-0000-0000-0000000000aa",
)


#: Names of the files in examples/workspaces; the first is the one that most tests start from.
EXAMPLES = (
    "secure-classical",
    "legacy-v1",
    "hub-bastion",
    "hub-build-agents",
    "hub-existing",
    "auto-addresses",
    "personas",
    "hub-vpn",
    "user-assigned",
    "customer-managed-key",
    "firewall-egress",
    "public-nodes",
    "landing-zone",
    "datastores",
    "brought-registry",
    "managed-internet",
    "managed-approved-catalog",
    "monitored-classical",
    "compute-identities",
    "hub-scale-set",
)
#: An example with every type that hubs may have.
FULL_HUB = {
    "bastion": True,
    "jumpHost": True,
    "buildAgents": 2,
    "adminPublicKey": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl administrator",
    "agents": {"organizationUrl": "https://dev.azure.com/contoso", "pool": "mlops"},
    "vpn": {
        "pointToSite": {"clientAddressPool": "172.20.0.0/24"},
        "siteToSite": [{"name": "hq", "gatewayAddress": "20.50.60.70", "addressSpaces": ["192.168.10.0/24"]}],
    },
}
#: A hub with a way in: outside of dev no workspace is without.
WAY_IN = {"vpn": {"pointToSite": {"clientAddressPool": "172.20.0.0/24"}}}


def example(name: str = "secure-classical") -> dict[str, Any]:
    """A file of ``examples/workspaces`` as the JSON of a request."""
    text = (EXAMPLE.parent / f"{name}.yaml").read_text()
    loaded: dict[str, Any] = json.loads(json.dumps(yaml.safe_load(text), default=str))
    return loaded


def with_hub(**hub: Any) -> dict[str, Any]:
    """The field ``network`` of the example with another hub."""
    return {**example()["network"], "hub": hub}


def with_full_hub() -> dict[str, Any]:
    """What to replace in the example for every type that a hub may have."""
    return {"network": with_hub(**FULL_HUB)}


def with_instance(**fields: Any) -> dict[str, Any]:
    """What to replace in the example for a compute instance beside its cluster."""
    box = {"name": "ada-box", "size": "Standard_DS3_v2", "assignedTo": "00000000-0000-0000-0000-0000000000a1"}
    return {"compute": {**example()["compute"], "instances": [{**box, **fields}]}}


def with_data() -> dict[str, Any]:
    """What to replace in the example for data and images of others."""
    images = {"privateImages": example("brought-registry")["registry"]["privateImages"]}
    return {"datastores": example("datastores")["datastores"], "registry": images}


def with_brought_registry() -> dict[str, Any]:
    """What to replace in the example for a registry that is brought along."""
    return {"registry": example("brought-registry")["registry"]}


def managed(name: str) -> dict[str, Any]:
    """What to replace in the example for the managed network, and the catalog, of another one."""
    other = example(name)
    return {"network": other["network"], "catalog": other["catalog"]}


def with_identities(*names: str) -> dict[str, Any]:
    """What to replace in the example for a cluster with identities that are made with the workspace, in this order."""
    cluster = {**example()["compute"]["clusters"][0], "identity": {"type": "userAssigned", "ids": list(names)}}
    workspace = {"type": "systemAndUserAssigned", "create": sorted(names), "primary": min(names)}
    return {"compute": {"clusters": [cluster]}, "identity": workspace}


def compiled_example(name: str) -> Blueprint:
    """The blueprint of a file of ``examples/workspaces``; where it says ``auto``, at the example's range."""
    return compiler.compile_blueprint(placed(parse_spec(example(name)), "10.40.0.0/22"), CONTEXT)


def with_way_in() -> dict[str, Any]:
    """What to replace in the example so that people can come in."""
    return {"network": with_hub(**WAY_IN)}


def let_in(asked: dict[str, Any]) -> dict[str, Any]:
    """A request of a prod-class environment that says nothing of its hub, with a way in."""
    network = asked.get("network")
    plain = isinstance(network, dict) and network.get("hub", {}) in ({}, {"kind": "create"})
    if plain and asked.get("environment") in ("test", "staging", "prod"):
        return {**asked, "network": {**asked["network"], "hub": dict(WAY_IN)}}
    return asked


def spec(**changes: Any) -> WorkspaceSpec:
    """The example's spec with top-level fields replaced."""
    return parse_spec(let_in({**example(), **changes}))


def everything(**changes: Any) -> Blueprint:
    """As :func:`compiled`, whatever is switched off: what was made in Azure does not change with a rule."""
    return _AS_WRITTEN(spec(**changes), CONTEXT)


def compiled(**changes: Any) -> Blueprint:
    """The example's blueprint with top-level fields of the spec replaced."""
    # By module attribute, so that a run with a rule switched off sees the other compiler.
    return compiler.compile_blueprint(spec(**changes), CONTEXT)
