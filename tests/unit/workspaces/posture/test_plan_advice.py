"""Advice that a plan shows: for a spec that needs it, and not for one that does not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from controlplane.workspaces import kinds
from controlplane.workspaces.model import Blueprint, WarningLevel
from controlplane.workspaces.posture import advise
from controlplane.workspaces.spec import WorkspaceSpec
from tests.support.api import running_api
from tests.support.api import spec as asked_by_rest
from tests.support.blueprints import FULL_HUB, compiled, example, managed, spec, with_data, with_hub

Case = tuple[WorkspaceSpec, Blueprint]
PERSONAS = example("personas")["access"]


def asked(**changes: object) -> Case:
    """A spec of the example with some fields changed, and what it compiles to."""
    return spec(**changes), compiled(**changes)


def without(resource_type: str) -> Case:
    """A blueprint that has none of a type, as other network modes will have."""
    blueprint = compiled()
    return spec(), replace(blueprint, resources=tuple(r for r in blueprint.resources if r.type != resource_type))


def with_public_nodes() -> Case:
    """Refused as a request until it is built; the spec as a model says what it would be."""
    found = WorkspaceSpec.model_validate(
        {
            **example(),
            "compute": {"clusters": [{"name": "cpu", "size": "Standard_DS3_v2", "maxNodes": 1, "publicIp": True}]},
        }
    )
    return found, compiled()


def with_user_identity() -> Case:
    """With an identity that is made with the workspace."""
    return asked(identity={"type": "userAssigned", "create": ["own"]})


def clusters(**fields: object) -> Callable[[], Case]:
    """The example with another cluster."""
    return lambda: asked(compute={"clusters": [{"name": "cpu", "size": "Standard_DS3_v2", "maxNodes": 1, **fields}]})


def given(*names: str) -> Callable[[], Case]:
    """The example with a cluster that has these identities."""
    prefix = "/subscriptions/s/resourceGroups/ids/providers/Microsoft.ManagedIdentity/userAssignedIdentities"
    identity = {"type": "userAssigned", "ids": [f"{prefix}/{name}" for name in names]}
    cluster = {"name": "cpu", "size": "Standard_DS3_v2", "maxNodes": 1, "identity": identity}
    return lambda: (WorkspaceSpec.model_validate({**example(), "compute": {"clusters": [cluster]}}), compiled())


def hub(**fields: object) -> Callable[[], Case]:
    """The example with another hub."""
    return lambda: asked(network=with_hub(**fields))


def agents(number: int, **fields: object) -> Callable[[], Case]:
    """The example with build agents."""
    return hub(**{**FULL_HUB, "buildAgents": number, **fields})


def behind_express_route() -> Case:
    """An existing hub with a gateway and a circuit."""
    group = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg-hub/providers/Microsoft.Network"
    return hub(
        kind="existing",
        vnetId=f"{group}/virtualNetworks/vnet-hub",
        gatewayIds=[f"{group}/virtualNetworkGateways/ergw"],
        expressRoute={"circuitId": f"{group}/expressRouteCircuits/line"},
    )()


def isolated(name: str) -> Callable[[], Case]:
    """The managed network and the catalog of an example."""
    return lambda: asked(**managed(name))


#: Requirement → code, a case that needs it, a case that does not.
CASES: dict[str, tuple[str, Callable[[], Case], Callable[[], Case]]] = {
    "S3-38": ("ImagesInBlobOrDataLake", lambda: asked(workload="cv"), asked),
    "S3-46": ("TextsAreAnnotatedFirst", lambda: asked(workload="nlp"), asked),
    "S3-84": ("LogsByWorkspaceSetUp", asked, lambda: without(kinds.LOG_ANALYTICS)),
    "S3-49": ("PhasesHaveOwners", lambda: asked(access=PERSONAS), asked),
    "S3-68": (
        "PipelinesHoldOwner",
        lambda: asked(access=PERSONAS, environment="prod"),
        lambda: asked(access=PERSONAS),
    ),
    "S1-04": ("V1ApiStaysInside", lambda: asked(legacyV1Mode=True), asked),
    "S1-05": ("V2ApiReachesPublicArm", asked, lambda: asked(legacyV1Mode=True)),
    "S1-06": ("EvaluateV2Api", asked, lambda: asked(legacyV1Mode=True)),
    "S1-27": ("LowPriorityNodes", asked, clusters(lowPriority=True)),
    "S1-33": ("StorageTagReachesEveryAccount", asked, lambda: asked(compute={"clusters": []})),
    "S1-46": ("V2ApiIsTheDefault", lambda: asked(legacyV1Mode=True), asked),
    "S1-48": ("LegacyModeForV1UsersOnly", lambda: asked(legacyV1Mode=True), asked),
    "S1-51": ("PeeringStaysOnTheBackbone", asked, lambda: without(kinds.PEERING)),
    "S1-52": ("NoWayIn", asked, hub(**FULL_HUB)),
    "S1-53": ("AgentsInThePeeredNetwork", agents(2), asked),
    "S1-54": ("HostedAgentsByAddress", asked, agents(2)),
    "S1-55": ("HostedAgentsByGateway", asked, agents(2)),
    "S1-56": ("AgentCost", agents(2), asked),
    "S1-57": ("AgentMaintenance", agents(2), asked),
    "S1-58": ("AgentBuildTime", agents(2), asked),
    "S1-59": ("OneJobAtATime", agents(2), asked),
    "S1-62": ("OneAgentOnly", agents(1), agents(2)),
    "S1-63": ("AgentsNotRegistered", agents(2, agents={}), agents(2)),
    "S1-65": ("NoImageBuildCompute", lambda: asked(compute={"clusters": []}), asked),
    "S1-68": ("RegistryAdminUser", lambda: asked(registry={"adminUser": True}), asked),
    "S1-71": ("NodesWithPublicAddresses", with_public_nodes, asked),
    "S1-72": ("UseCaseProfile", lambda: asked(workload="cv"), asked),
    "S5-10": ("VpnClientOnEachMachine", hub(**FULL_HUB), asked),
    "S5-11": ("DeviceJoinsTheSite", hub(**FULL_HUB), asked),
    "S5-12": ("ExpressRouteThroughProvider", behind_express_route, asked),
    "S5-02": ("ManagedNetworkHoldsComputes", isolated("managed-internet"), asked),
    "S5-14": ("CuratedWeightsNeedNoRule", isolated("managed-approved-catalog"), isolated("managed-internet")),
    "S5-15": ("MicrosoftRegistryNeedsNoRule", isolated("managed-approved-catalog"), isolated("managed-internet")),
    "S5-25": ("FirewallIsBilled", isolated("managed-approved-catalog"), isolated("managed-internet")),
    "S5-26": ("MetaNeedsNoRule", isolated("managed-internet"), asked),
    "S2-09": ("AzureGrantsSystemIdentity", asked, with_user_identity),
    "S2-33": ("DefaultIdentityWorksForTheSystem", asked, lambda: asked(compute={"clusters": []})),
    "S2-34": ("CodeNamesItsIdentity", given("one", "two"), given("one")),
    "S2-35": ("DefaultIdentityClientId", given("one"), asked),
    "S2-54": ("ComputeIdentityReadsTrainingData", asked, lambda: asked(storage={"sharedKeyAccess": True})),
    "S2-11": ("SystemIdentityEndsWithWorkspace", asked, with_user_identity),
    "S2-12": ("UserIdentityLivesByItself", with_user_identity, asked),
    "S2-44": ("TokenInsteadOfCredential", lambda: asked(**with_data()), asked),
    "S2-47": ("AccessLevelIsTheOwners", lambda: asked(**with_data()), asked),
    "S2-66": ("ClosedAccountsCanStillLeak", lambda: asked(**with_data()), asked),
    "S2-79": ("PublicBaseImages", asked, lambda: asked(**with_data())),
    "S2-43": ("SharedKeyAccess", lambda: asked(storage={"sharedKeyAccess": True}), asked),
}


#: What else is said of a requirement.
FURTHER: dict[str, tuple[tuple[str, Callable[[], Case], Callable[[], Case]], ...]] = {
    "S1-63": (
        (
            "NobodyChangesTheScaleSet",
            agents(2, agents={"runsOn": "scaleSet"}),
            agents(2, agents={"runsOn": "scaleSet", "principalId": "00000000-0000-0000-0000-0000000000f1"}),
        ),
    ),
}


@pytest.mark.parametrize("requirement", CASES)
def test_advise(requirement: str) -> None:
    for code, needs, does_not in (CASES[requirement], *FURTHER.get(requirement, ())):
        warning = {w.code: w for w in advise(*needs())}[code]
        assert requirement in warning.message
        assert warning.target is not None
        assert code not in {w.code for w in advise(*does_not())}


def test_a_workspace_that_nobody_can_reach_is_a_critical_remark_and_good_to_know_is_not() -> None:
    levels = {w.code: w.level for w in advise(*asked())}
    assert levels["NoWayIn"] is WarningLevel.CRITICAL
    assert levels["StorageTagReachesEveryAccount"] is WarningLevel.WARNING
    assert levels["PeeringStaysOnTheBackbone"] is WarningLevel.INFO


WAIVER = {
    "conflict": "X-01",
    "owner": "00000000-0000-0000-0000-0000000000a1",
    "reason": "A scanner signs in by password until it is replaced.",
    "endsOn": "2026-12-31",
}
#: Changes of a spec that may be asked for → advice its plan shows, and does not show.
PLANS: dict[str, tuple[dict[str, object], set[str], set[str]]] = {
    "the example": (
        {},
        {"V2ApiReachesPublicArm", "AzureGrantsSystemIdentity"},
        {"SharedKeyAccess", "NoImageBuildCompute"},
    ),
    "v1": ({"legacyV1Mode": True}, {"V2ApiIsTheDefault", "LegacyModeForV1UsersOnly"}, {"V2ApiReachesPublicArm"}),
    "no cluster": ({"compute": {"clusters": []}}, {"NoImageBuildCompute"}, {"StorageTagReachesEveryAccount"}),
    "open doors": (
        {
            "storage": {"sharedKeyAccess": True},
            "registry": {"adminUser": True},
            "waivers": [WAIVER, {**WAIVER, "conflict": "X-15"}],
        },
        {"SharedKeyAccess", "RegistryAdminUser"},
        {"NoImageBuildCompute"},
    ),
}


@pytest.mark.parametrize("name", PLANS)
async def test_a_plan_shows_its_advice(tmp_path: Path, name: str) -> None:
    changes, shown, not_shown = PLANS[name]
    async with running_api(tmp_path) as api:
        await api.register()
        asked_for = asked_by_rest(**{"compute": example()["compute"], **changes})
        plan = await api.call("POST", "workspaces/churn-dev:plan", {"spec": asked_for})
    codes = {warning["code"] for warning in plan.json()["warnings"]}
    assert {warning["code"] for warning in plan.json()["warnings"] if warning["level"] == "critical"} == {"NoWayIn"}
    assert codes >= shown
    assert not codes & not_shown
