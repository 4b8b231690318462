"""Network security groups and their rules. Recording: network-nsg-create.

A group's `securityRules` are child resources shown in its body. The six default rules belong to the group, carry its
etag and follow its provisioningState.
"""

from __future__ import annotations

from dataclasses import replace

from simulator.engine.declaration import (
    ArmError,
    Hook,
    HookContext,
    JsonObject,
    Phase,
    ReadOnly,
    Resource,
    ResourceType,
)
from simulator.types._shared import drop_children, items, parent_id, settle_children, state_of
from simulator.types.network import _lro, bastions

NSG = "Microsoft.Network/networkSecurityGroups"
RULE = f"{NSG}/securityRules"
DEFAULT_RULE = f"{NSG}/defaultSecurityRules"

RULE_DEFAULTS: JsonObject = {
    "sourcePortRanges": [],
    "destinationPortRanges": [],
    "sourceAddressPrefixes": [],
    "destinationAddressPrefixes": [],
}

#: name, description, source, destination, access, priority, direction: the recording's six.
DEFAULTS = (
    (
        "AllowVnetInBound",
        "Allow inbound traffic from all VMs in VNET",
        "VirtualNetwork",
        "VirtualNetwork",
        "Allow",
        65000,
        "Inbound",
    ),
    (
        "AllowAzureLoadBalancerInBound",
        "Allow inbound traffic from azure load balancer",
        "AzureLoadBalancer",
        "*",
        "Allow",
        65001,
        "Inbound",
    ),
    ("DenyAllInBound", "Deny all inbound traffic", "*", "*", "Deny", 65500, "Inbound"),
    (
        "AllowVnetOutBound",
        "Allow outbound traffic from all VMs to all VMs in VNET",
        "VirtualNetwork",
        "VirtualNetwork",
        "Allow",
        65000,
        "Outbound",
    ),
    (
        "AllowInternetOutBound",
        "Allow outbound traffic from all VMs to Internet",
        "*",
        "Internet",
        "Allow",
        65001,
        "Outbound",
    ),
    ("DenyAllOutBound", "Deny all outbound traffic", "*", "*", "Deny", 65500, "Outbound"),
)


def default_rules(nsg: Resource) -> list[JsonObject]:
    return [
        {
            "name": name,
            "id": f"{nsg.id}/defaultSecurityRules/{name}",
            "etag": nsg.body.get("etag", ""),
            "type": DEFAULT_RULE,
            "properties": {
                "provisioningState": state_of(nsg) or "Succeeded",
                "description": description,
                "protocol": "*",
                "sourcePortRange": "*",
                "destinationPortRange": "*",
                "sourceAddressPrefix": source,
                "destinationAddressPrefix": destination,
                "access": access,
                "priority": priority,
                "direction": direction,
                **RULE_DEFAULTS,
            },
        }
        for name, description, source, destination, access, priority, direction in DEFAULTS
    ]


def _wanted_rules(ctx: HookContext) -> dict[str, JsonObject] | None:
    properties = ctx.request.get("properties")
    if not isinstance(properties, dict) or properties.get("securityRules") is None:
        # Like subnets of a network, an absent list keeps the rules: what azurerm's separate rule resources rely on.
        return None if ctx.previous is not None else {}
    return {
        str(rule.get("name")): dict(rule.get("properties") or {})
        for rule in items(ctx.request, "properties.securityRules")
    }


def lets_in(rules: list[JsonObject], source: str, port: int) -> bool:
    """Whether the first inbound rule that speaks of a tag and a TCP port allows it; the default rules deny."""
    inbound = [rule for rule in rules if str(rule.get("direction")).lower() == "inbound"]
    for rule in sorted(inbound, key=lambda one: int(one.get("priority") or 0)):
        sources = [rule.get("sourceAddressPrefix"), *(rule.get("sourceAddressPrefixes") or [])]
        ports = [rule.get("destinationPortRange"), *(rule.get("destinationPortRanges") or [])]
        if (
            str(rule.get("protocol")).lower() in ("*", "tcp")
            and any(str(one).lower() in ("*", "internet", source.lower()) for one in sources if one)
            and any(bastions.covers(str(one), port) for one in ports if one)
        ):
            return str(rule.get("access")).lower() == "allow"
    return False


def check_rules(nsg_id: str, rules: dict[str, JsonObject]) -> None:
    """Rules are complete, priorities 100-4096 and unique per direction.

    Sources: SecurityRuleParameterPriorityAlreadyTaken as emulators and Terraform users quote it; the words of missing
    parameters as an ARM template checker carries them. The code of the latter is assumed.
    """
    taken: dict[tuple[str, int], str] = {}
    for name, rule in rules.items():
        rule_id = f"{nsg_id}/securityRules/{name}"
        _check_complete(rule_id, rule)
        priority = rule.get("priority")
        if not isinstance(priority, int) or not 100 <= priority <= 4096:
            raise ArmError(
                400,
                "SecurityRuleInvalidPriority",
                f"Security rule has invalid Priority. Value provided: {priority or 0} Allowed range 100-4096.",
            )
        slot = (str(rule["direction"]).lower(), priority)
        if slot in taken:
            raise ArmError(
                400,
                "SecurityRuleParameterPriorityAlreadyTaken",
                f"Security rule {name} conflicts with rule {taken[slot]}. Rules cannot have the same Priority and "
                "Direction.",
            )
        taken[slot] = name


def _check_complete(rule_id: str, rule: JsonObject) -> None:
    required: tuple[tuple[str, tuple[str, ...]], ...] = (
        ("Protocol", ("protocol",)),
        ("Access", ("access",)),
        ("Direction", ("direction",)),
        (
            "SourceAddressPrefixes, SourceAddressPrefix, or SourceApplicationSecurityGroups",
            ("sourceAddressPrefix", "sourceAddressPrefixes", "sourceApplicationSecurityGroups"),
        ),
        (
            "DestinationAddressPrefixes, DestinationAddressPrefix, or DestinationApplicationSecurityGroups",
            ("destinationAddressPrefix", "destinationAddressPrefixes", "destinationApplicationSecurityGroups"),
        ),
        ("SourcePortRange(s)", ("sourcePortRange", "sourcePortRanges")),
        ("DestinationPortRange(s)", ("destinationPortRange", "destinationPortRanges")),
    )
    for words, fields in required:
        if not any(rule.get(field) for field in fields):
            raise ArmError(
                400,
                "SecurityRuleParameterRequired",
                f"Required security rule parameters are missing for security rule with Id: {rule_id}. Security rule "
                f"must specify {words}.",
            )


def validate_group(ctx: HookContext) -> None:
    wanted = _wanted_rules(ctx)
    if wanted is not None:
        check_rules(ctx.resource.id, wanted)


def write_inline_rules(ctx: HookContext) -> None:
    wanted = _wanted_rules(ctx)
    properties = ctx.resource.properties
    properties.pop("securityRules", None)
    properties.pop("defaultSecurityRules", None)
    if wanted is None:
        return
    drop_children(ctx, RULE, wanted)
    for name, rule in wanted.items():
        body = {**RULE_DEFAULTS, **rule}
        ctx.engine.put(f"{ctx.resource.id}/securityRules/{name}", {"properties": body}, state="Updating")


def settle_inline_rules(ctx: HookContext) -> None:
    settle_children(ctx, RULE)


def show_rules(ctx: HookContext) -> None:
    properties = dict(ctx.body.get("properties") or {})
    etag = ctx.body.get("etag", "")
    properties["securityRules"] = [
        {
            "name": rule.name,
            "id": rule.id,
            "etag": etag,
            "type": RULE,
            "properties": dict(rule.properties),
        }
        for rule in ctx.engine.children(ctx.resource.id, RULE)
    ]
    properties["defaultSecurityRules"] = [{**rule, "etag": etag} for rule in default_rules(ctx.resource)]
    ctx.body["properties"] = properties


def refuse_used_group(ctx: HookContext) -> None:
    """Source of the code: Azure/azure-container-networking and AKS error tables; words as `az network nsg delete`."""
    users = [*items(ctx.resource.body, "properties.subnets"), *items(ctx.resource.body, "properties.networkInterfaces")]
    if users:
        names = ", ".join(str(user.get("id")) for user in users)
        raise ArmError(
            400,
            "InUseNetworkSecurityGroupCannotBeDeleted",
            f"Network security group {ctx.resource.id} cannot be deleted because it is in use by the following "
            f"resources: {names}. In order to delete the Network security group, remove the association with the "
            "resource(s). To learn how to do this, see aka.ms/deletensg.",
        )


def validate_rule(ctx: HookContext) -> None:
    siblings = {
        child.name: child.properties
        for child in ctx.engine.children(parent_id(ctx.resource.id), RULE)
        if child.name.lower() != ctx.resource.name.lower()
    }
    check_rules(parent_id(ctx.resource.id), {**siblings, ctx.resource.name: ctx.resource.properties})


TYPES: tuple[ResourceType, ...] = (
    replace(
        _lro.tracked(NSG, 4),
        read_only=(
            ReadOnly("properties.resourceGuid"),
            ReadOnly("properties.subnets"),
            ReadOnly("properties.networkInterfaces"),
            ReadOnly("properties.defaultSecurityRules"),
        ),
        keep_on_put=("properties.subnets", "properties.networkInterfaces"),
        computed=_lro.resource_guid,
        hooks=(
            Hook(Phase.VALIDATE, "nsg-rules", validate_group),
            bastions.GROUP_HOOK,
            Hook(Phase.ACCEPTED, "nsg-inline-rules", write_inline_rules),
            Hook(Phase.COMPLETED, "nsg-inline-rules", settle_inline_rules),
            Hook(Phase.READ, "nsg-shows-rules", show_rules),
            Hook(Phase.DELETING, "nsg-in-use", refuse_used_group),
        ),
    ),
    replace(
        _lro.nested(RULE, 4),
        defaults={"properties": RULE_DEFAULTS},
        hooks=(Hook(Phase.VALIDATE, "nsg-rules", validate_rule),),
    ),
)
