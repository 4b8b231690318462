"""The network that Azure keeps for the computes: its isolation, what may leave it, and when it is built (S5-03…08).

Source: learn.microsoft.com, "Workspace managed virtual network isolation". A customer's own networks stay what they
are: they hold the endpoints by which people come in. No compute stands in them (X-13).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from controlplane.workspaces import kinds as k
from controlplane.workspaces.blueprint.access import ROLES
from controlplane.workspaces.blueprint.context import Site, principal, resource
from controlplane.workspaces.blueprint.identities import acting, principal_of
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
            roles = tuple(_approvers(site, rule, rule.target))
            yield from roles
            needs = (*needs, *(role.key for role in roles))
        arm_id = f"{workspace_id(site)}/outboundRules/{rule.name}"
        last = (f"outbound-rule/{rule.name}",)
        body = {"properties": rule.properties(ids)}
        yield resource(last[0], k.OUTBOUND_RULE, arm_id, body, needs, requirements=rule.requirements)
    if site.builds_network:
        # After the rules: building them one by one into a network that stands takes minutes for each.
        spark = {"properties": {"status": {"sparkReady": True}}} if site.spec.network.managed.spark else {}
        yield resource(
            MANAGED_NETWORK,
            k.MANAGED_NETWORK,
            f"{workspace_id(site)}/managedNetworks/default",
            spark,
            ("workspace", *last),
            requirements=("S5-05", "S5-06"),
        )


def _approvers(site: Site, rule: Rule, target: str) -> Iterator[Resource]:
    """Of the identity that the workspace works with: its own, or the user-assigned ones that stand for it."""
    users = acting(site)
    for key in users or ("workspace",):
        yield _approver(site, rule, target, key)


def _approver(site: Site, rule: Rule, target: str, key: str) -> Resource:
    system = key == "workspace"
    holder = principal(key) if system else principal_of(key)
    body = {
        "properties": {
            "roleDefinitionId": f"/subscriptions/{site.spec.subscription_id}/providers/{k.ROLE_DEFINITION}/"
            f"{ROLES[APPROVER]}",
            "principalId": holder,
            "principalType": "ServicePrincipal",
        }
    }
    return resource(
        f"role/{'workspace-identity' if system else key}/outbound-{rule.name}/{APPROVER}",
        k.ROLE_ASSIGNMENT,
        RoleAssignmentId(target, ROLES[APPROVER], holder),
        body,
        (key,),
        requirements=("S5-03",),
    )
