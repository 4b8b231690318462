"""The managed network of an Azure ML workspace, and its outbound rules.

Sources: [MN] learn.microsoft.com "Workspace managed virtual network isolation" (modes, ratchet, required rules,
firewall, times); [API] the API definition of 2025-12-01 (ManagedNetworkSettings, OutboundRule,
ManagedNetworkProvisions); [DUMP] public dumps of workspaces (names `__SYS_ST_…` and `__SYS_PE_…`, ports, a managed
endpoint's id in a subscription of Microsoft's); [TR] learn.microsoft.com "Troubleshoot Azure Machine Learning managed
virtual network". Where no source is named words are assumed; the code is the provider's.
"""

from __future__ import annotations

from simulator.engine.declaration import (
    Answer,
    ArmError,
    Caller,
    EngineApi,
    HookContext,
    JsonObject,
    Resource,
)
from simulator.types._shared import dig, same_id
from simulator.types.private_link import connection_id, linkable_of, put_connection

WORKSPACE = "Microsoft.MachineLearningServices/workspaces"
RULE = f"{WORKSPACE}/outboundRules"
COMPUTE = f"{WORKSPACE}/computes"
MODES = ("Disabled", "AllowInternetOutbound", "AllowOnlyApprovedOutbound")
DISABLED, INTERNET, APPROVED = MODES
BUILD_SECONDS, FIREWALL_SECONDS, RULE_SECONDS = 1800.0, 600.0, 60.0  # [MN]: about 30 minutes, the first FQDN 10 more
#: [DUMP]: a managed endpoint lies in a subscription of Microsoft's.
ELSEWHERE = "/subscriptions/d33a362d-4e60-4adf-8041-20adabec49fb/resourceGroups/commonHoboRG28"
#: [MN] list of required rules, with the ports of [DUMP].
TAGS = (
    ("AzureActiveDirectory", "TCP", "80, 443"),
    ("AzureMachineLearning", "TCP", "443, 8787, 18881"),
    ("AzureMachineLearning", "UDP", "5831"),
    ("BatchNodeManagement", "TCP", "443"),
    ("AzureResourceManager", "TCP", "443"),
    ("AzureFrontDoor.FirstParty", "TCP", "443"),
    ("MicrosoftContainerRegistry", "TCP", "443"),
    ("AzureMonitor", "TCP", "443"),
    ("VirtualNetwork", "TCP", "443"),
)
#: Property of a workspace → groups of the endpoints that the network has to it [MN].
DEPENDENCIES = {"storageAccount": ("blob", "file"), "keyVault": ("vault",), "containerRegistry": ("registry",)}


def mode_of(body: JsonObject | None) -> str:
    """The isolation mode in a workspace's body, in Azure's casing."""
    found = str(dig(body or {}, "properties.managedNetwork.isolationMode") or DISABLED)
    return next((mode for mode in MODES if mode.lower() == found.lower()), found)


def is_active(workspace: Resource) -> bool:
    return bool(dig(workspace.body, "properties.managedNetwork.status.status") == "Active")


def refused(message: str) -> ArmError:
    return ArmError(400, "ValidationError", message)


# ---------------------------------------------------------------------------------------------- the network


def only_grows(ctx: HookContext) -> None:
    """[MN]: "Once a managed VNet workspace is configured to allow internet outbound, the workspace cannot be
    reconfigured to disabled. Similarly, … allow only approved outbound … cannot be reconfigured to allow internet"."""
    before, wanted = mode_of(ctx.previous), mode_of(ctx.resource.body)
    if wanted not in MODES:
        raise refused(f"Isolation mode '{wanted}' is not valid. Valid values: {', '.join(MODES)}.")
    if MODES.index(wanted) < MODES.index(before):
        raise refused(
            f"The managed network isolation mode of workspace '{ctx.resource.name}' cannot be changed from '{before}' "
            f"to '{wanted}'."
        )


def comes_before_computes(ctx: HookContext) -> None:
    """[MN], migration of compute resources: "You'll need to delete all existing managed compute resources and recreate
    them after enabling the managed virtual network"."""
    before, wanted = mode_of(ctx.previous), mode_of(ctx.resource.body)
    if before == DISABLED and wanted != DISABLED and ctx.engine.children(ctx.resource.id, COMPUTE):
        raise refused(
            "The managed network cannot be enabled while the workspace has computes. Delete all computes of workspace "
            f"'{ctx.resource.name}' first."
        )


def settle_settings(ctx: HookContext) -> None:
    """What a request leaves out stays; what only Azure knows is Azure's. Rules in the body become rules."""
    properties = ctx.resource.properties
    sent = properties.get("managedNetwork")
    if not isinstance(sent, dict):
        return
    before = dict(dig(ctx.previous or {}, "properties.managedNetwork") or {})
    rules = sent.get("outboundRules") or {}
    served = {name: before.get(name) for name in ("networkId", "status") if before.get(name) is not None}
    settings = {**before, **{k: v for k, v in sent.items() if k != "outboundRules"}, **served}
    settings["isolationMode"] = mode_of(ctx.resource.body)
    if settings["isolationMode"] != DISABLED:
        settings.setdefault("networkId", ctx.engine.guid("managedNetwork", ctx.resource.key))
        settings.setdefault("status", {"sparkReady": False, "status": "Inactive"})
        settings.setdefault("firewallSku", "Standard")
    properties["managedNetwork"] = settings
    for name, rule in rules.items():
        ctx.engine.put(f"{ctx.resource.id}/outboundRules/{name}", {"properties": dict(rule)}, as_request=True)


def require_rules(ctx: HookContext) -> None:
    """What the network always lets out [MN]. A switch of mode, or a dependency that was made private, adds to it."""
    workspace = ctx.resource
    if mode_of(workspace.body) == DISABLED:
        return
    for tag, protocol, ports in TAGS:
        destination = {"serviceTag": tag, "protocol": protocol, "portRanges": ports, "action": "Allow"}
        _require(ctx.engine, workspace, f"__SYS_ST_{tag}_{protocol}", "ServiceTag", destination)
    for target, group in _private(ctx.engine, workspace):
        leads: JsonObject = {"serviceResourceId": target.id, "subresourceTarget": group, "sparkEnabled": True}
        digits = ctx.engine.digits("sysRule", workspace.key, target.key, length=8)
        _require(ctx.engine, workspace, f"__SYS_PE_{target.name}_{group}_{digits}", "PrivateEndpoint", leads)


def _require(engine: EngineApi, workspace: Resource, name: str, kind: str, destination: JsonObject) -> None:
    arm_id = f"{workspace.id}/outboundRules/{name}"
    if engine.get(arm_id) is None:
        rule = {"type": kind, "category": "Required", "status": "Inactive", "destination": destination}
        made = engine.put(arm_id, {"properties": rule})
        if is_active(workspace):
            open_rule(engine, workspace, made)


def _private(engine: EngineApi, workspace: Resource) -> list[tuple[Resource, str]]:
    """(target, group): those with public access off, with the internet allowed; all, with approved outbound only."""
    found = [(workspace, "amlworkspace")]
    for field, groups in DEPENDENCIES.items():
        target = engine.get(str(workspace.properties.get(field) or ""))
        found += [(target, group) for group in groups] if target is not None else []
    everything = mode_of(workspace.body) == APPROVED
    return [(one, group) for one, group in found if everything or _is_closed(one)]


def _is_closed(target: Resource) -> bool:
    return str(target.properties.get("publicNetworkAccess")) == "Disabled"


def show_rules(ctx: HookContext) -> None:
    """[API]: a workspace shows its rules as a map by name."""
    settings = dig(ctx.body, "properties.managedNetwork")
    if not isinstance(settings, dict):
        return
    rules = {rule.name: dict(rule.properties) for rule in ctx.engine.children(ctx.resource.id, RULE)}
    ctx.body["properties"] = {**ctx.body["properties"], "managedNetwork": {**settings, "outboundRules": rules}}


def build_seconds(ctx: HookContext) -> float:
    """Also refuses: what has no managed network has none to build."""
    if mode_of(ctx.resource.body) == DISABLED:
        raise refused(f"Workspace '{ctx.resource.name}' has no managed network to provision.")
    _may_connect(ctx)
    return 10.0 if is_active(ctx.resource) else time_to_build(ctx.engine, ctx.resource)


def _may_connect(ctx: HookContext) -> None:
    """[TR]: whoever has the network built needs these rights on the workspace; the words are quoted there."""
    for verb in ("read", "write"):
        action = f"{WORKSPACE}/privateEndpointConnections/{verb}"
        if not ctx.engine.may(ctx.caller, action, ctx.resource.id):
            raise ArmError(
                403,
                "AuthorizationFailed",
                f"The client '{ctx.caller.name}' with object ID '{ctx.caller.object_id}' doesn't have authorization to "
                f"perform action '{action}' over scope '{ctx.resource.id}' or the scope is invalid.",
            )


def time_to_build(engine: EngineApi, workspace: Resource) -> float:
    fqdn = any(rule.properties.get("type") == "FQDN" for rule in engine.children(workspace.id, RULE))
    return BUILD_SECONDS + (FIREWALL_SECONDS if fqdn else 0.0)


def provision(ctx: HookContext) -> Answer:
    """Run when the time is over; [API]: the answer is the status."""
    build(ctx.engine, ctx.resource, spark=bool(ctx.request.get("includeSpark")))
    return Answer(200, dict(ctx.resource.properties["managedNetwork"]["status"]))


def build(engine: EngineApi, workspace: Resource, *, spark: bool = False) -> None:
    settings = dict(workspace.properties.get("managedNetwork") or {})
    before = bool(dig(settings, "status.sparkReady"))
    workspace.properties["managedNetwork"] = {**settings, "status": {"sparkReady": spark or before, "status": "Active"}}
    engine.save(workspace)
    for rule in engine.children(workspace.id, RULE):
        open_rule(engine, workspace, rule)


# ---------------------------------------------------------------------------------------------- endpoints


def open_rule(engine: EngineApi, workspace: Resource, rule: Resource) -> None:
    error = _connect(engine, workspace, rule) if rule.properties.get("type") == "PrivateEndpoint" else None
    rule.properties["status"] = "Failed" if error else "Active"
    rule.properties["errorInformation"] = error
    engine.save(rule)


def _connect(engine: EngineApi, workspace: Resource, rule: Resource) -> str | None:
    """The endpoint in Microsoft's subscription, and its connection on the target: Approved for what the workspace
    stands on; for anything else when the workspace's identity may approve it ("Set up authentication": the role Azure
    AI Enterprise Network Connection Approver, needed since 30 April 2025). Otherwise why not."""
    target = engine.get(str(dig(rule.properties, "destination.serviceResourceId")))
    linkable = linkable_of(target.type) if target is not None else None
    if target is None or linkable is None:
        return "The target of the private endpoint does not exist or supports no private endpoints."
    own = same_id(target.id, workspace.id) or any(same_id(workspace.properties.get(f), target.id) for f in DEPENDENCIES)
    principal = str(dig(workspace.body, "identity.principalId") or "")
    may = own or engine.may(Caller(principal, None, workspace.name, "ManagedIdentity"), linkable.approval, target.id)
    state = {"status": "Approved" if may else "Pending", "description": "Auto-Approved" if may else "Awaiting Approval"}
    if engine.get(connection_id(engine, target, endpoint_of(rule).id)) is None:
        put_connection(engine, target, endpoint_of(rule), state)
    if may:
        return None
    return (
        f"The identity of workspace '{workspace.name}' is not authorized to approve the private endpoint connection on "
        f"'{target.id}'."
    )


def endpoint_of(rule: Resource) -> Resource:
    arm_id = f"{ELSEWHERE}/providers/Microsoft.Network/privateEndpoints/{rule.name}"
    return Resource(arm_id, "Microsoft.Network/privateEndpoints", rule.name, {"id": arm_id, "properties": {}})


# ---------------------------------------------------------------------------------------------- computes


def holds_computes(ctx: HookContext) -> None:
    """[MN], limitations: no compute in a network of one's own, none in another region."""
    workspace = ctx.engine.get(ctx.resource.id.rpartition("/computes/")[0])
    if workspace is None or mode_of(workspace.body) == DISABLED:
        return
    if dig(ctx.resource.body, "properties.properties.subnet.id"):
        raise ArmError(
            400, "UserError", "A subnet cannot be specified for a compute of a workspace with a managed network."
        )
    if str(ctx.resource.location or workspace.location).lower() != workspace.location.lower():
        raise ArmError(
            400,
            "UserError",
            "A compute of a workspace with a managed network must be in the region of the workspace.",
        )


def compute_seconds(ctx: HookContext) -> float:
    """[MN]: the first compute waits for the network."""
    workspace = ctx.engine.get(ctx.resource.id.rpartition("/computes/")[0])
    if workspace is None or mode_of(workspace.body) == DISABLED or is_active(workspace):
        return 60.0
    return 60.0 + time_to_build(ctx.engine, workspace)


def first_compute(ctx: HookContext) -> None:
    """[MN]: "The creation of the managed VNet is deferred until a compute resource is created"."""
    workspace = ctx.engine.get(ctx.resource.id.rpartition("/computes/")[0])
    if workspace is not None and mode_of(workspace.body) != DISABLED and not is_active(workspace):
        build(ctx.engine, workspace)
