"""What a plan costs a month, what it costs now, and the difference (S3-101, S5-25). Reads prices, never Azure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from controlplane.arm import fold, name_of, parent_of
from controlplane.governance.pricing.asking import table_for
from controlplane.governance.pricing.estimate import Estimate, estimate, wanted
from controlplane.governance.pricing.table import CURRENCY
from controlplane.governance.pricing.uses import Item
from controlplane.ports.prices import RetailPrices
from controlplane.workspaces import kinds
from controlplane.workspaces.model import Action, Blueprint, Change, Observed, Origin
from controlplane.workspaces.resolve import at

_NOW = frozenset({Action.NONE, Action.UPDATE, Action.REPLACE, Action.DELETE, Action.UNKNOWN})
#: Of what is somebody else's: a price that people ask for when they think of a way in.
_TOLD = frozenset({fold(kinds.VPN_GATEWAY), fold(kinds.CIRCUIT)})


@dataclass(frozen=True, slots=True)
class Costs:
    """Of one month; ``before`` is of what exists in Azure now. ``billed_in``: the subscription's currency, as its cost
    rows say; None: nobody knows."""

    before: Estimate
    after: Estimate
    billed_in: str | None = None


@dataclass(frozen=True, slots=True)
class Money:
    """Who is asked for prices (None: nobody, the price table has them), and what the bill comes in."""

    prices: RetailPrices | None = None
    billed_in: str | None = None


async def costs_of(blueprint: Blueprint, changes: tuple[Change, ...], observed: Observed, money: Money) -> Costs:
    """``changes``: of the plan for ``blueprint``."""
    added = _added(blueprint, changes, observed)
    before = (*_found(blueprint, changes, observed), *added)
    after = (*_wanted(blueprint, observed), *added)
    table = await table_for(wanted((*before, *after)), money.prices, money.billed_in or CURRENCY)
    return Costs(estimate(before, table), estimate(after, table), money.billed_in)


async def declared(blueprint: Blueprint, money: Money) -> Estimate:
    """Of what a blueprint declares, as if everything were there. Asks for prices and for nothing of Azure, so that
    peerings are taken to be near and gateways of others are not in it."""
    items = _wanted(blueprint, Observed({}))
    return estimate(items, await table_for(wanted(items), money.prices, money.billed_in or CURRENCY))


def _wanted(blueprint: Blueprint, observed: Observed) -> tuple[Item, ...]:
    ours = (
        _placed(
            Item(one.key, one.type, one.body, blueprint.location, ours=one.origin is not Origin.GIVEN),
            str(one.id),
            observed,
        )
        for one in blueprint.resources
    )
    return (*ours, *_others(blueprint, observed))


def _placed(item: Item, arm_id: str, observed: Observed) -> Item:
    """A peering with the regions of its two networks, as far as Azure shows them: it is billed at each end by where
    that lies. What is not shown lies in the workspace's region."""
    if fold(item.type) != fold(kinds.PEERING):
        return item
    here = _region(parent_of(arm_id), observed) or item.region
    there = _region(at(item.body, "properties.remoteVirtualNetwork.id"), observed) or item.region
    return replace(item, region=here, far=there if there != here else "")


def _region(network: object, observed: Observed) -> str:
    body = observed.snapshot.get(fold(network)) if isinstance(network, str) else None
    return str((body or {}).get("location") or "").replace(" ", "").lower()


def _others(blueprint: Blueprint, observed: Observed) -> tuple[Item, ...]:
    """Gateways and circuits behind an existing hub, as they are."""
    found = ((kind, arm_id, observed.snapshot.get(fold(arm_id))) for kind, arm_id in blueprint.watched)
    return tuple(
        Item(f"others/{name_of(arm_id)}", kind, body, blueprint.location, ours=False)
        for kind, arm_id, body in found
        if body is not None and fold(kind) in _TOLD
    )


def _added(blueprint: Blueprint, changes: tuple[Change, ...], observed: Observed) -> tuple[Item, ...]:
    """Outbound rules that somebody added in Azure: they stay, and one for a host name keeps a firewall running."""
    return tuple(
        _item(blueprint, change, observed)
        for change in changes
        if change.action is Action.UNMANAGED and fold(change.type) == fold(kinds.OUTBOUND_RULE)
    )


def _found(blueprint: Blueprint, changes: tuple[Change, ...], observed: Observed) -> tuple[Item, ...]:
    """What exists of the workspace's: what stays, what changes, what goes. Not what others put into its group."""
    return tuple(_item(blueprint, change, observed) for change in changes if change.action in _NOW)


def _item(blueprint: Blueprint, change: Change, observed: Observed) -> Item:
    wanted_here = blueprint.by_key.get(change.key)
    ours = wanted_here is None or wanted_here.origin is not Origin.GIVEN
    body = observed.bodies.get(change.key) or observed.snapshot.get(fold(change.id or ""))
    if body is None:
        return Item(change.key, change.type, {}, blueprint.location, ours, unread="Azure does not show it now.")
    return _placed(Item(change.key, change.type, body, blueprint.location, ours), change.id or "", observed)
