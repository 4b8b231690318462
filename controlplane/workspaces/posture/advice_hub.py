"""Advice on ways in and on build agents (S1-52…63, S5-10…12). Pure data."""

from __future__ import annotations

from controlplane.governance.pricing.table import CURRENCY, snapshot
from controlplane.workspaces.model import Blueprint, WarningLevel
from controlplane.workspaces.posture.advice_model import Advice
from controlplane.workspaces.spec_model import WorkspaceSpec
from controlplane.workspaces.spec_rules.ways_in import has_way_in

_AGENTS = "$.network.hub.buildAgents"


def _has_agents(spec: WorkspaceSpec, _: Blueprint) -> bool:
    return spec.network.hub.build_agents > 0


def _on(spec: WorkspaceSpec, what: str) -> bool:
    return spec.network.hub.build_agents > 0 and spec.network.hub.agents.runs_on == what


def _hosted_agents(spec: WorkspaceSpec, _: Blueprint) -> bool:
    """Pipelines will run somewhere, and nothing of ours is there for them."""
    return spec.network.hub.build_agents == 0 and spec.network.hub.kind == "create"


def _closed(spec: WorkspaceSpec, _: Blueprint) -> bool:
    return not has_way_in(spec.network.hub)


def _clients(spec: WorkspaceSpec, _: Blueprint) -> bool:
    return spec.network.hub.vpn is not None and spec.network.hub.vpn.point_to_site is not None


def _sites(spec: WorkspaceSpec, _: Blueprint) -> bool:
    return spec.network.hub.vpn is not None and bool(spec.network.hub.vpn.site_to_site)


def _job(kind: str) -> str:
    """What a parallel job costs that is not the free one, out of the price table."""
    dear = snapshot().rows[f"devops.{kind}-job.month"][-1]
    return f"{dear.amount} {CURRENCY}, {dear.confidence.value}, seen {dear.seen}"


HUB_ADVICE: tuple[Advice, ...] = (
    Advice(
        "NoWayIn",
        ("S1-52",),
        "$.network.hub",
        "Nobody can reach this workspace's data: it is private, and there is neither a Bastion with a jump host nor a "
        "gateway nor an existing hub. At least one is needed, and outside of dev a spec without one is refused.",
        _closed,
        WarningLevel.CRITICAL,
    ),
    Advice(
        "VpnClientOnEachMachine",
        ("S5-10",),
        "$.network.hub.vpn.pointToSite",
        "Each machine of a person needs the Azure VPN client with the profile that the gateway gives out, and has to "
        "ask for the private names where they are answered: a DNS forwarder or Private Resolver in the hub.",
        _clients,
    ),
    Advice(
        "DeviceJoinsTheSite",
        ("S5-11",),
        "$.network.hub.vpn.siteToSite",
        "A VPN device in each site joins it. Azure makes the key of its connection, which is in no spec and no log "
        "here: an administrator reads it (az network vpn-connection shared-key show) and gives it to the device.",
        _sites,
    ),
    Advice(
        "ExpressRouteThroughProvider",
        ("S5-12",),
        "$.network.hub.expressRoute",
        "ExpressRoute is a private link through a provider, who has to provision the circuit; it is read and judged "
        "with the workspace, and never made or changed here. Its traffic is private, and not encrypted by itself.",
        lambda spec, _: spec.network.hub.express_route is not None,
    ),
    Advice(
        "AgentsInThePeeredNetwork",
        ("S1-53",),
        _AGENTS,
        "The build agents stand in the peered hub, so that they reach the workspace without opening it: the most "
        "secure of the three ways for pipelines, and the simplest to run.",
        _has_agents,
    ),
    Advice(
        "HostedAgentsByAddress",
        ("S1-54",),
        _AGENTS,
        "A Microsoft-hosted agent would need its address ranges on the firewall of every service it calls; they change "
        "weekly, and here public access is off altogether.",
        _hosted_agents,
    ),
    Advice(
        "HostedAgentsByGateway",
        ("S1-55",),
        _AGENTS,
        "A Microsoft-hosted agent could come in as a VPN client, which takes a VPN gateway in the hub and a secret in "
        "the pipeline.",
        _hosted_agents,
    ),
    Advice(
        "AgentCost",
        ("S1-56",),
        _AGENTS,
        "Azure DevOps gives one self-hosted parallel job with unlimited minutes free, and further ones for less than "
        f"hosted ones (a month {_job('self-hosted')}, and {_job('hosted')}; one hosted job is free with 1,800 minutes "
        "a month); machines cost as long as they run.",
        _has_agents,
    ),
    Advice(
        "AgentMaintenance",
        ("S1-57",),
        _AGENTS,
        "Self-hosted agents are yours to patch and to update, with the software that you choose; hosted ones are "
        "Microsoft's.",
        _has_agents,
    ),
    Advice(
        "AgentBuildTime",
        ("S1-58",),
        _AGENTS,
        "Self-hosted agents keep files and caches between runs, which makes builds faster, and what one run leaves is "
        "there for the next; hosted ones start from nothing.",
        _has_agents,
    ),
    Advice(
        "OneJobAtATime",
        ("S1-59",),
        _AGENTS,
        "An agent runs one job at a time: as many agents as jobs that have to run together.",
        _has_agents,
    ),
    Advice(
        "OneAgentOnly",
        ("S1-62",),
        _AGENTS,
        "With one agent no pipeline runs while its machine is down; two are redundant.",
        lambda spec, _: spec.network.hub.build_agents == 1,
    ),
    Advice(
        "AgentsNotRegistered",
        ("S1-63",),
        "$.network.hub.agents.organizationUrl",
        "Without an organization the agents are installed and not registered. Given one, they register with their "
        "machine's identity; a personal access token is a secret that somebody has to keep.",
        lambda spec, _: _on(spec, "virtualMachine") and spec.network.hub.agents.organization_url is None,
        WarningLevel.WARNING,
    ),
    Advice(
        "AgentPoolByHand",
        ("S1-60",),
        "$.network.hub.agents.runsOn",
        "The agent pool over the scale set is made in Azure DevOps, by a service connection with workload identity "
        "federation, which keeps no secret; Azure Pipelines then installs, registers and counts the agents itself.",
        lambda spec, _: _on(spec, "scaleSet"),
    ),
    Advice(
        "NobodyChangesTheScaleSet",
        ("S1-63",),
        "$.network.hub.agents.principalId",
        "Without the identity of a service connection nobody may change the scale set: no agent is ever registered.",
        lambda spec, _: _on(spec, "scaleSet") and spec.network.hub.agents.principal_id is None,
        WarningLevel.CRITICAL,
    ),
)
