"""What a plan says of the ways out: rules and their reasons, what is missing, what nothing uses, the price. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from controlplane.arm import fold, name_of
from controlplane.json_types import JsonObject
from controlplane.workspaces import kinds
from controlplane.workspaces.egress.prices import FIREWALL, FirewallPrice
from controlplane.workspaces.egress.rules import FQDN, Rule, Unneeded, leads_to, outbound_rules, unneeded
from controlplane.workspaces.model import Action, Change
from controlplane.workspaces.spec_model import WorkspaceSpec


@dataclass(frozen=True, slots=True)
class Egress:
    """Of a managed network. ``missing``: names of rules that are asked for and are not in Azure (S5-34)."""

    rules: tuple[Rule, ...]
    missing: tuple[str, ...]
    unneeded: tuple[Unneeded, ...]
    firewall: FirewallPrice | None
    """What the rules for host names start; None without one."""


def egress_of(spec: WorkspaceSpec, changes: Iterable[Change], unmanaged: Iterable[JsonObject]) -> Egress | None:
    """None where the network is not managed. ``changes``: of the plan for ``spec``; ``unmanaged``: what Azure answers
    of resources that nobody declared."""
    if not spec.network.mode.is_managed:
        return None
    rules, done = outbound_rules(spec), tuple(changes)
    actions = {change.key: change.action for change in done}
    bodies = {fold(str(body.get("id"))): body for body in unmanaged}
    why = "Somebody added it in Azure, and nothing in the spec needs it."
    theirs = (
        Unneeded(name_of(str(change.id)), leads_to(bodies.get(fold(str(change.id)), {})), why)
        for change in done
        if change.action is Action.UNMANAGED and change.type.lower() == kinds.OUTBOUND_RULE.lower()
    )
    return Egress(
        rules,
        tuple(rule.name for rule in rules if actions.get(f"outbound-rule/{rule.name}") is Action.CREATE),
        (*unneeded(spec), *theirs),
        FIREWALL[spec.network.managed.firewall_sku] if any(rule.type == FQDN for rule in rules) else None,
    )


def shown_destination(rule: Rule) -> JsonObject:
    """As JSON, whatever kind of rule it is."""
    return {"host": rule.destination} if isinstance(rule.destination, str) else dict(rule.destination)
