"""The network that Azure keeps for the computes: its isolation, what may leave it, and when it is built (S5-03…08).

Source: learn.microsoft.com, "Workspace managed virtual network isolation". A customer's own networks stay what they
are: they hold the endpoints by which people come in. No compute stands in them (X-13).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from controlplane.workspaces import kinds as k
from controlplane.workspaces.blueprint.access import ROLES
from controlplane.workspaces.blueprint.context import Site, principal, resource
from controlplane.workspaces.blueprint.workspace import workspace_id
from controlplane.workspaces.egress.rules import OWN_TARGETS, Rule, outbound_rules
from controlplane.workspaces.model import Resource, RoleAssignmentId

MANAGED_NETWORK = "managed-network"
#: "Azure AI Enterprise Network Connection Approver": since 30 April 2025 the workspace's identity needs it on every
#: target of a private endpoint but the workspace's own dependencies.
APPROVER = "network-connection-approver"


def managed_network(site: Site, ids: Mapping[str, str]) -> Iterator[Resource]:
    """The outbound rules, what approves their private endpoints, and the network once it is to be built. ``ids``: of
    the workspace's own resources, by key."""
    if not site.is_managed:
        return
    last: tuple[str, ...] = ()
    for rule in outbound_rules(site.spec):
        # One after the other: Azure takes the next rule when it is done with the last.
        needs = ("workspace", *last)
        if rule.target in OWN_TARGETS:
            # A registry that is brought along is there already.
            made = rule.target != "registry" or site.makes_registry
            needs = (*needs, str(rule.target)) if made else needs
        elif rule.target is not None:
            role = _approver(site, rule, rule.target)
            yield role
            needs = (*needs, role.key)
        arm_id = f"{workspace_id(site)}/outboundRules/{rule.name}"
        last = (f"outbound-rule/{rule.name}",)
        body = {"properties": rule.properties(ids)}
        yield resource(last[0], k.OUTBOUND_RULE, arm_id, body, needs, requirements=rule.requirements)
    if site.builds_network:
        # After the rules: building them one by one into a network that stands takes minutes for each.
        yield resource(
            MANAGED_NETWORK,
            k.MANAGED_NETWORK,
            f"{workspace_id(site)}/managedNetworks/default",
            {},
            ("workspace", *last),
            requirements=("S5-05", "S5-06"),
        )


def _approver(site: Site, rule: Rule, target: str) -> Resource:
    holder = principal("workspace")
    body = {
        "properties": {
            "roleDefinitionId": f"/subscriptions/{site.spec.subscription_id}/providers/{k.ROLE_DEFINITION}/"
            f"{ROLES[APPROVER]}",
            "principalId": holder,
            "principalType": "ServicePrincipal",
        }
    }
    return resource(
        f"role/workspace-identity/outbound-{rule.name}/{APPROVER}",
        k.ROLE_ASSIGNMENT,
        RoleAssignmentId(target, ROLES[APPROVER], holder),
        body,
        ("workspace",),
        requirements=("S5-03",),
    )
