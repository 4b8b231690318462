"""Azure ML compute instances: a personal machine that idles, and stops when it may.

Sources: learn.microsoft.com "Create an Azure Machine Learning compute instance" ([CI]: idle shutdown of 15 minutes to
three days, no stop where the instance's identity is no Contributor on the workspace, POST updateIdleShutdownSetting,
size and SSH fixed at creation), ComputeInstanceProperties of the published SDK model; the shape is the answer in
Azure/azure-powershell's test notes of Microsoft.MachineLearningServices; names: the words of
MicrosoftDocs/pipelines-azureml#19 and of microsoft/Templates-For-Dynamics-365-...-Azure-Machine-Learning#4.
"""

from __future__ import annotations

import re

from simulator.engine.declaration import (
    Action,
    Answer,
    ArmError,
    Caller,
    Hook,
    HookContext,
    JsonObject,
    Lro,
    Phase,
    Resource,
    Style,
)
from simulator.types._shared import add_reference, dig, drop_reference, iso, name_of, parent_id
from simulator.types.machinelearning._lro import LOCATION
from simulator.types.machinelearning.nodes import duration, inner
from simulator.types.machinelearning.workspaces import WORKSPACE

INSTANCE = "ComputeInstance"
COMPUTE = f"{WORKSPACE}/computes"
SHORTEST, LONGEST = 15 * 60.0, 3 * 86400.0
_DURATION = re.compile(r"P(?=.)(\d+D)?(T(?=.)(\d+H)?(\d+M)?(\d+S)?)?")
_NAME = re.compile(r"[a-zA-Z](?!.*-[0-9-]*$)[a-zA-Z0-9-]{1,22}[a-zA-Z0-9]")


def is_instance(compute: Resource) -> bool:
    return bool(dig(compute.body, "properties.computeType") == INSTANCE)


def defaults(ctx: HookContext) -> JsonObject:
    """`properties.properties` of an instance that says nothing itself."""
    host = f"{ctx.resource.name}.{ctx.resource.location}.instances.azureml.ms"
    return {
        "subnet": None,
        "applicationSharingPolicy": "Shared",
        "sshSettings": {
            "sshPublicAccess": "Disabled",
            "adminUserName": "azureuser",
            "sshPort": 4001,
            "adminPublicKey": None,
        },
        "errors": [],
        "connectivityEndpoints": {"publicIpAddress": None, "privateIpAddress": None},
        "applications": [
            {"displayName": "Jupyter", "endpointUri": f"https://{host}/tree/"},
            {"displayName": "Jupyter Lab", "endpointUri": f"https://{host}/lab"},
        ],
        "state": "Creating",
        "createdBy": {"userOrgId": ctx.engine.tenant_id, "userId": ctx.caller.object_id},
        "computeInstanceAuthorizationType": "personal",
        "personalComputeInstanceSettings": None,
        "setupScripts": None,
        "schedules": {"computeStartStop": []},
        "dataMounts": None,
        "dataDisks": None,
        "containers": None,
        "enableNodePublicIp": True,
        "idleTimeBeforeShutdown": None,
    }


# ---------------------------------------------------------------------------------------------- validation


def _error(message: str) -> ArmError:
    return ArmError(400, "UserError", message)


def _unavailable(name: str, reason: str, why: str) -> ArmError:
    return _error(f"Compute name '{name}' is not available. Reason: {reason}. Message: {why}")


def validate(ctx: HookContext) -> None:
    """A hook of instances only; clusters have rules of their own."""
    compute = ctx.resource
    if not is_instance(compute):
        return
    _validate_name(ctx)
    state = inner(compute)
    if not state.get("vmSize"):
        raise _error("The vmSize of a ComputeInstance must be specified.")
    subnet = dig(state, "subnet.id")
    if subnet and ctx.engine.get(str(subnet)) is None:
        raise _error(f"The specified subnet {subnet} could not be found.")
    if (idle := state.get("idleTimeBeforeShutdown")) is not None:
        _validate_idle(str(idle))
    before = dig(ctx.previous, "identity.type", "None") if ctx.previous is not None else None
    if before is not None and before != dig(compute.body, "identity.type", before):
        # No public quotation of Azure's words was found. That it is fixed: azurerm_machine_learning_compute_instance.
        raise _error("The identity of a compute instance cannot be changed.")


def _validate_name(ctx: HookContext) -> None:
    name = ctx.resource.name
    if _NAME.fullmatch(name) is None:
        raise _unavailable(
            name,
            "Invalid",
            "A name for an Azure ML Compute Instance must be between 3 and 24 characters in length and must use only "
            "numbers, letters and minus symbol (-), must start with letters. Numbers cannot be the ending of the name "
            "if the previous character is a minus symbol (-). Please specify a different Azure ML Instance name",
        )
    for other in ctx.engine.all_of(COMPUTE) if ctx.creating else ():
        same = name_of(other.id).lower() == name.lower() and is_instance(other) and other.key != ctx.resource.key
        if same and other.location == ctx.resource.location:
            why = f"The specified name {name} is already in use and is therefore unavailable"
            raise _unavailable(name, "AlreadyExists", why)


def _validate_idle(text: str) -> None:
    """[CI]; no public quotation of Azure's words was found."""
    if _DURATION.fullmatch(text) is None or not SHORTEST <= duration(text) <= LONGEST:
        raise _error(
            f"The idleTimeBeforeShutdown '{text}' is invalid: an ISO 8601 duration from 15 minutes to 3 days is needed."
        )


# ---------------------------------------------------------------------------------------------- effects


def keep_what_is(ctx: HookContext) -> None:
    """A later PUT changes tags only; what the instance is, and what it does, stays."""
    if ctx.previous is None:
        return
    before = ctx.previous["properties"]
    ctx.resource.properties["properties"] = dict(before.get("properties") or {})
    for field in ("disableLocalAuth", "computeLocation", "createdOn"):
        if field in before:
            ctx.resource.properties[field] = before[field]


def settle_in(ctx: HookContext) -> None:
    """The machine has its address in the subnet, runs, and begins to idle."""
    compute, state = ctx.resource, inner(ctx.resource)
    if not is_instance(compute) or state.get("state") not in ("Creating", "CreateFailed"):
        return
    subnet = dig(state, "subnet.id")
    if subnet:
        add_reference(ctx.engine, subnet, "ipConfigurations", _address_of(compute))
        address = ctx.engine.allocate_ip(str(subnet), compute.id)
        state["connectivityEndpoints"] = {"publicIpAddress": None, "privateIpAddress": address}
    _turn(ctx, "Running", "Create")


def leave(ctx: HookContext) -> None:
    subnet = dig(inner(ctx.resource), "subnet.id")
    if is_instance(ctx.resource) and subnet:
        drop_reference(ctx.engine, subnet, "ipConfigurations", _address_of(ctx.resource))
        ctx.engine.release_ip(str(subnet), ctx.resource.id)


def _address_of(compute: Resource) -> str:
    group = "/".join(compute.id.split("/")[:5])
    return f"{group}/providers/Microsoft.Network/networkInterfaces/{compute.name}-nic/ipConfigurations/ipconfig"


def _turn(ctx: HookContext, state: str, operation: str, trigger: str = "User") -> None:
    inner(ctx.resource).update(
        state=state,
        lastOperation={
            "operationName": operation,
            "operationTime": iso(ctx.engine.now(), zulu=False),
            "operationStatus": "Succeeded",
            "operationTrigger": trigger,
        },
    )
    if state == "Running":
        _watch(ctx)


def _watch(ctx: HookContext) -> None:
    """Nobody ever works on a simulated instance: it idles from the moment it runs."""
    idle = inner(ctx.resource).get("idleTimeBeforeShutdown")
    mark = ctx.engine.now().isoformat()
    ctx.resource.private["idle_since"] = mark
    if idle is not None:
        ctx.engine.schedule(duration(str(idle)), "instance-stops-when-idle", ctx.resource.id, {"mark": mark})


def stop_when_idle(ctx: HookContext) -> None:
    """[CI] An instance with an identity stops only if that is Contributor on the workspace; it tries again."""
    compute, state = ctx.resource, inner(ctx.resource)
    if state.get("state") != "Running" or compute.private.get("idle_since") != ctx.data.get("mark"):
        return
    principal = _principal(compute)
    if principal is not None:
        acting = Caller(principal, None, compute.name, "ManagedIdentity")
        if not ctx.engine.may(acting, f"{COMPUTE}/stop/action", parent_id(compute.id)):
            _watch(ctx)
            return
    _turn(ctx, "Stopped", "Stop", "IdleShutdown")


def _principal(compute: Resource) -> str | None:
    """Whom the instance acts as: its own identity, or the first of those it was given."""
    own = dig(compute.body, "identity.principalId")
    given = dig(compute.body, "identity.userAssignedIdentities", {})
    first: JsonObject = next(iter(given.values()), {}) if isinstance(given, dict) else {}
    found = own or first.get("principalId")
    return str(found) if found else None


# ---------------------------------------------------------------------------------------------- actions


def _power(name: str, state: str) -> Action:
    def run(ctx: HookContext) -> Answer:
        if not is_instance(ctx.resource):
            raise _error(f"Operation {name.lower()} is not supported for compute {ctx.resource.name}.")
        _turn(ctx, state, name)
        ctx.engine.save(ctx.resource)
        return Answer(200)

    return Action(name.lower(), run, long=_LONG)


_LONG = Lro(
    Style.ASYNC_OPERATION,
    202,
    seconds=30,
    operation_url=LOCATION + "/computeOperationsStatus/{guid}",
    url_query="service=new",
)


def _set_idle(ctx: HookContext) -> Answer:
    """[CI]: the way to change it for an instance that is there."""
    idle = ctx.request.get("idleTimeBeforeShutdown")
    if not is_instance(ctx.resource):
        raise _error(f"Compute {ctx.resource.name} is no compute instance.")
    _validate_idle(str(idle))
    inner(ctx.resource)["idleTimeBeforeShutdown"] = idle
    _watch(ctx)
    ctx.engine.save(ctx.resource)
    return Answer(200)


ACTIONS: tuple[Action, ...] = (
    _power("Start", "Running"),
    _power("Stop", "Stopped"),
    _power("Restart", "Running"),
    Action("updateIdleShutdownSetting", _set_idle),
)
HOOKS: tuple[Hook, ...] = (
    Hook(Phase.VALIDATE, "instance-rules", validate),
    Hook(Phase.COMPLETED, "instance-settles-in", settle_in),
    Hook(Phase.EVENT, "instance-stops-when-idle", stop_when_idle),
    Hook(Phase.DELETED, "instance-settles-in", leave),
)
