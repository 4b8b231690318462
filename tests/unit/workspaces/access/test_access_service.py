"""``/workspaces/{name}/access`` against the simulator's engine: read, approve, explain, reconcile, replace."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from controlplane.arm import fold
from controlplane.errors import Conflict, Rejected, Transient
from controlplane.json_types import JsonObject
from controlplane.operations.preconditions import Preconditions
from controlplane.ports.reader import OperationReading, ResourceReader
from controlplane.projects.access import Caller, Permission
from controlplane.workspaces import service
from controlplane.workspaces.access.personas import Persona
from controlplane.workspaces.access.powers import Can, Plane
from controlplane.workspaces.access.report import AccessReport, GrantState, GrantView
from controlplane.workspaces.access.roles import ROLES
from controlplane.workspaces.service import Request
from tests.support.blueprints import example
from tests.support.quiet_product import ADMIN, NAME, QuietProduct

BOB = Caller("tenant", "bob", frozenset({"Platform.Admin"}))
PERSONAS: dict[str, list[str]] = example("personas")["access"]
ROLE = "Microsoft.Authorization/roleAssignments"


@pytest.fixture
def product() -> Iterator[QuietProduct]:
    made = QuietProduct()
    made.register()
    assert made.create(example("personas")).status == "Succeeded"
    yield made
    made.close()


def access(product: QuietProduct) -> AccessReport:
    return product.run(service.get_access(product.services, ADMIN, NAME))[1]


def grants(report: AccessReport) -> list[GrantView]:
    return [grant for persona in report.personas for grant in persona.grants]


def states(report: AccessReport) -> Counter[GrantState]:
    return Counter(grant.state for grant in grants(report))


def given(product: QuietProduct, principal: str, code: str, key: str, name: str = "a") -> int:
    """Somebody else with all rights gives a role."""
    scope = product.ids()[key]
    known = product.azure.world.directory.get(principal)
    assert known is not None
    properties = {
        "roleDefinitionId": f"/providers/Microsoft.Authorization/roleDefinitions/{ROLES[code].guid}",
        "principalId": principal,
        "principalType": known["kind"],
    }
    path = f"{scope}/providers/{ROLE}/{name * 8}-0000-0000-0000-000000000000"
    return product.owner("PUT", path, {"properties": properties})


def request(permission: Permission, *, consent: bool = False) -> Request:
    return Request(ADMIN, permission, NAME, Preconditions(), consent)


def reconcile(product: QuietProduct, *, consent: bool = False) -> str:
    ask = request(Permission.ACCESS_RECONCILE, consent=consent)
    return product.finish(product.run(service.reconcile_access(product.services, ask))).status


def put(product: QuietProduct, data: dict[str, Any], *, consent: bool = False) -> service.Outcome:
    ask = request(Permission.ACCESS_PUT, consent=consent)
    return product.run(service.put_access(product.services, ask, data))


def test_owner_waits_for_approval_and_for_an_administrator(product: QuietProduct) -> None:
    """What the operator may not grant is asked for, approved by another, run by hand as it is told, and seen."""
    assert states(access(product)) == {GrantState.IN_PLACE: 41, GrantState.AWAITING_APPROVAL: 12}
    with pytest.raises(Rejected, match="ApproverIsRequester"):
        product.run(service.approve_access(product.services, ADMIN, NAME))
    approved = product.run(service.approve_access(product.services, BOB, NAME))[1]
    assert states(approved) == {GrantState.IN_PLACE: 41, GrantState.PENDING_MANUAL: 12}
    for grant in grants(approved):
        if grant.request is not None:
            asked = grant.request
            assert asked.path in asked.command
            assert product.owner(asked.method, asked.path, asked.body, asked.api_version) == 201
    after = access(product)
    assert states(after) == {GrantState.IN_PLACE: 53}
    assert after.drift.missing == after.drift.extra == ()
    assert product.validate().report.is_clean
    support = [held for held in after.effective if held.persona is Persona.PLATFORM_SUPPORT]
    assert support
    assert all(held.eligible for held in support)


def test_an_approval_is_of_what_was_asked_for(product: QuietProduct) -> None:
    """Another group of platform support is another request: nobody has approved it."""
    product.run(service.approve_access(product.services, BOB, NAME))
    other = {**PERSONAS, "platformSupport": [PERSONAS["modelEndUsers"][0]]}
    other.pop("modelEndUsers")
    product.finish(put(product, other))
    found = {grant.state for grant in grants(access(product)) if grant.row == "RB-D07"}
    assert found == {GrantState.AWAITING_APPROVAL}


def test_drift_is_told_apart_and_reconciled(product: QuietProduct) -> None:
    ada = product.azure.world.directory.person("ada")["id"]
    analysts, testers = PERSONAS["dataAnalysts"][0], PERSONAS["modelTesters"][0]
    lost = f"role/data-analysts/{analysts}/storage/contributor"
    assert product.owner("DELETE", product.ids()[lost]) == 200
    assert given(product, ada, "R", "storage", "a") == 201
    assert given(product, testers, "C", "vault", "b") == 201
    assert given(product, ada, "O", "vault", "c") == 201
    report = access(product)
    drift = report.drift
    missing = [grant for grant in drift.missing if grant.state is GrantState.MISSING]
    assert [(grant.row, grant.principal_id, grant.role) for grant in missing] == [("RB-D02", analysts, "Contributor")]
    assert {(held.principal_id, held.role) for held in drift.extra} == {
        (ada, "Reader"),
        (ada, "Owner"),
        (testers, "Contributor"),
    }
    assert {held.principal_id for held in drift.direct_grants if not held.inherited} == {ada}
    assert drift.orphaned is None
    assert reconcile(product) == "Succeeded"
    kept = access(product).drift
    assert not [grant for grant in kept.missing if grant.state is GrantState.MISSING]
    assert len(kept.extra) == 3
    assert reconcile(product, consent=True) == "Succeeded"
    # Owner is an administrator's to take away, as it is to give.
    assert [(held.principal_id, held.role) for held in access(product).drift.extra] == [(ada, "Owner")]


def test_consent_is_to_grants_and_to_nothing_else(product: QuietProduct) -> None:
    storage = product.ids()["storage"]
    body = product.body(storage) or {}
    product.owner("DELETE", storage)
    product.owner("PUT", storage, {**body, "kind": "BlobStorage", "properties": {"accessTier": "Hot"}})
    with pytest.raises(Conflict, match="DestructiveChangeNotAllowed"):
        reconcile(product, consent=True)


def test_who_can_read_the_storage_account_and_by_which_row(product: QuietProduct) -> None:
    """Settings and content are told apart: with keys switched off, Contributor shows no data."""
    ask = service.explain_access(product.services, ADMIN, NAME, "storage", Can.READ)
    found = {(who.grant.persona, who.grant.row, who.grant.role): who.planes for who in product.run(ask).who}
    settings, content = (Plane.MANAGEMENT,), (Plane.DATA,)
    assert found[Persona.DATA_ANALYSTS, "RB-D02", "Contributor"] == settings
    assert found[Persona.PRODUCT_OWNERS, "RB-D06", "Reader"] == settings
    assert found[Persona.ML_WORKSPACE, None, "Storage Blob Data Contributor"] == content
    assert found[None, None, "Owner"] == settings  # inherited from the subscription
    # The control plane's own roles are custom ones, and known by their definitions.
    assert found[None, None, "MLOps Control Plane Observer"] == settings
    write = service.explain_access(product.services, ADMIN, NAME, "storage", Can.WRITE)
    writers = {who.grant.persona for who in product.run(write).who if who.planes}
    assert Persona.PRODUCT_OWNERS not in writers
    assert {Persona.DATA_ANALYSTS, Persona.ML_WORKSPACE, Persona.PROJECT_LEADS} <= writers
    with pytest.raises(Rejected, match="InvalidParameter"):
        product.run(service.explain_access(product.services, ADMIN, NAME, "/subscriptions/x", Can.READ))


def test_replacing_the_personas_leaves_the_rest_of_the_spec(product: QuietProduct) -> None:
    kept = {name: ids for name, ids in PERSONAS.items() if name != "dataAnalysts"}
    with pytest.raises(Conflict, match="DestructiveChangeNotAllowed"):
        put(product, kept)
    outcome = put(product, kept, consent=True)
    assert outcome.stored.record.spec["compute"]["clusters"][0]["name"] == "cpu"
    assert product.finish(outcome).status == "Succeeded"
    report = access(product)
    assert {held.persona for held in report.effective if held.persona} & {Persona.DATA_ANALYSTS} == set()
    assert put(product, kept).operation is None
    with pytest.raises(Rejected, match="InvalidSpec"):
        put(product, {"janitors": []})


def test_what_a_management_group_gives_is_seen(product: QuietProduct) -> None:
    group = "/providers/Microsoft.Management/managementGroups/contoso-platform"
    product.azure.engine.grant(group, ROLES["R"].guid, PERSONAS["modelEndUsers"][0])
    report = access(product)
    (held,) = (one for one in report.effective if one.persona is Persona.MODEL_END_USERS)
    assert (held.scope, held.inherited, held.row) == (group, True, None)
    assert {view.id: view.status for view in report.invariants}["RB-I4"] == "Fail"
    assert {view.id: view.status for view in report.invariants}["RB-I8"] == "NotChecked"


def test_access_that_cannot_be_read_is_unknown(product: QuietProduct) -> None:
    """Rights of the observer taken away: no grant is in place, none is missing."""
    for assignment in product.azure.engine.all_of(ROLE):
        if assignment.properties["principalId"] == product.azure.world.seeded("observer")["id"]:
            role = str(assignment.properties["roleDefinitionId"])
            assignment.properties["roleDefinitionId"] = role[:-36] + ROLES["AcrPush"].guid
            product.azure.engine.save(assignment)
    report = access(product)
    assert report.unreadable is not None
    assert set(states(report)) == {GrantState.UNKNOWN}
    assert {view.status for view in report.invariants} <= {"Unknown", "NotApplicable", "NotChecked"}


class People:
    """Entra ID with everybody but those who left."""

    def __init__(self, *left: str) -> None:
        self._left = left

    async def names(self, ids: tuple[str, ...]) -> dict[str, str] | None:
        return {one: f"name of {one}" for one in ids if one not in self._left}


def test_a_directory_gives_names_and_tells_who_is_gone(product: QuietProduct) -> None:
    gone = PERSONAS["dataAnalysts"][0]
    services = replace(product.services, directory=People(gone))
    report = product.run(service.get_access(services, ADMIN, NAME))[1]
    assert report.drift.orphaned is not None
    assert {held.principal_id for held in report.drift.orphaned} == {gone}
    names = {held.principal_id: held.display_name for held in report.effective}
    assert names[gone] is None
    assert names[PERSONAS["projectLeads"][0]] == f"name of {PERSONAS['projectLeads'][0]}"


def patched(product: QuietProduct, who: Caller, access: dict[str, Any]) -> None:
    """Somebody's change of the spec, to its end."""
    ask = Request(who, Permission.ACCESS_PUT, NAME, Preconditions(), True)
    product.finish(product.run(service.put_access(product.services, ask, access)))


def test_who_asked_for_a_grant_does_not_approve_it_after_somebody_elses_change(product: QuietProduct) -> None:
    """Whoever changes anything else of the spec afterwards has not asked for the grants that were asked for before."""
    kept = {name: ids for name, ids in PERSONAS.items() if name != "dataAnalysts"}
    patched(product, BOB, kept)
    with pytest.raises(Rejected, match="ApproverIsRequester"):
        product.run(service.approve_access(product.services, ADMIN, NAME))
    assert GrantState.PENDING_MANUAL not in states(access(product))
    carol = Caller("tenant", "carol", frozenset({"Platform.Admin"}))
    approved = product.run(service.approve_access(product.services, carol, NAME))[1]
    assert GrantState.AWAITING_APPROVAL not in states(approved)


def test_a_grant_that_was_given_up_is_approved_anew(product: QuietProduct) -> None:
    product.run(service.approve_access(product.services, BOB, NAME))
    patched(product, ADMIN, {name: ids for name, ids in PERSONAS.items() if name != "platformSupport"})
    patched(product, ADMIN, PERSONAS)
    found = {grant.state for grant in grants(access(product)) if grant.row == "RB-D07"}
    assert found == {GrantState.AWAITING_APPROVAL}


def test_an_approval_in_dev_is_none_in_production(product: QuietProduct) -> None:
    """The grant has the same principal, role and scope, and its row is another one: somebody says so again."""
    product.run(service.approve_access(product.services, BOB, NAME))
    bastion = {
        "bastion": True,
        "jumpHost": True,
        "adminPublicKey": example("hub-bastion")["network"]["hub"]["adminPublicKey"],
    }
    asked = {**example("personas"), "environment": "prod"}
    asked["network"] = {**asked["network"], "hub": bastion}
    product.finish(product.put(asked, consent=True))
    report = access(product)
    assert report.half == "production"
    assert states(report)[GrantState.AWAITING_APPROVAL] == 9
    assert states(report)[GrantState.PENDING_MANUAL] == 0


def test_what_the_spec_grants_beside_the_personas_is_no_drift(product: QuietProduct) -> None:
    """A scale set's keeper is named in the spec, and has its role from the operator."""
    keeper = example("hub-scale-set")["network"]["hub"]["agents"]["principalId"]
    product.register(agentPrincipals=[keeper])
    asked = example("personas")
    asked["network"] = {**asked["network"], "hub": example("hub-scale-set")["network"]["hub"]}
    product.finish(product.put(asked, consent=True))
    report = access(product)
    assert keeper in {held.principal_id for held in report.effective}
    assert report.drift.extra == ()


class Blind:
    """The observer may not read one collection any more."""

    def __init__(self, reader: ResourceReader, hidden: str) -> None:
        self._reader, self._hidden = reader, hidden

    async def get(self, path: str, api_version: str) -> JsonObject | None:
        return await self._reader.get(path, api_version)

    async def list(self, path: str, api_version: str, query: Sequence[tuple[str, str]] = ()) -> tuple[JsonObject, ...]:
        if fold(path) == fold(self._hidden):
            raise Rejected("AuthorizationFailed", "The client does not have authorization.")
        return await self._reader.list(path, api_version, query)

    async def operation(self, url: str) -> OperationReading:
        return await self._reader.operation(url)


def test_grants_of_identities_that_cannot_be_seen_are_not_taken_for_others(product: QuietProduct) -> None:
    """What the workspace's own identity has is nobody's drift, also while Azure does not show whose it is."""
    workspace = product.ids()["workspace"]
    own = (product.body(workspace) or {})["identity"]["principalId"]
    assert given(product, own, "C", "storage") == 201
    assert not access(product).drift.extra
    services = replace(product.services, reader=Blind(product.services.reader, workspace.rpartition("/")[0]))
    ask = request(Permission.ACCESS_RECONCILE, consent=True)
    with pytest.raises(Transient, match="ResourceUnreadable"):
        product.run(service.reconcile_access(services, ask))


def test_what_an_administrator_of_the_subscription_holds_is_not_taken_away(product: QuietProduct) -> None:
    ada = product.azure.world.directory.person("ada")["id"]
    assert given(product, ada, "C", "storage") == 201
    services = replace(product.services, administrators=(ada,))
    product.services = services
    product.deps = replace(product.deps, administrators=(ada,))
    assert reconcile(product, consent=True) == "Succeeded"
    assert [held.principal_id for held in access(product).drift.extra] == [ada]


def behind(product: QuietProduct, resource: str, principal: str) -> set[tuple[str, str, str | None, tuple[str, ...]]]:
    """Role, name of its scope, row and requirements, of what an identity may do to a resource."""
    found = product.run(service.explain_access(product.services, ADMIN, NAME, resource, Can.READ)).who
    mine = [one.grant for one in found if one.grant.principal_id == principal]
    return {(one.role, one.scope.rpartition("/")[2], one.row, one.requirements) for one in mine}


def test_an_explanation_names_the_identity_s_row_or_what_else_asks_for_its_role(product: QuietProduct) -> None:
    """RB-D10 has Contributor on registry and storage, not on the vault; Azure's own grant on the group is S2-09's."""
    identity = (product.body(product.ids()["workspace"]) or {})["identity"]["principalId"]
    group = product.ids()["resource-group"].rpartition("/")[2]
    names = {key: product.ids()[key].rpartition("/")[2] for key in ("registry", "vault")}
    assert behind(product, "registry", identity) == {
        ("Contributor", group, "RB-D10", ("S2-09",)),
        ("Contributor", names["registry"], "RB-D10", ("S1-02", "S1-69", "S2-70", "S3-59")),
    }
    assert ("Contributor", group, "RB-D10", ("S2-09",)) in behind(product, "storage", identity)
    assert behind(product, "vault", identity) == {
        ("Contributor", group, None, ("S2-09",)),
        ("Contributor", names["vault"], None, ("S1-02",)),
        ("Key Vault Administrator", names["vault"], None, ("S1-02",)),
    }


def test_a_cluster_s_identity_is_not_the_workspace_s(product: QuietProduct) -> None:
    """Contributor on the registry is a cell of RB-D10 for the workspace's identity and for nobody else's."""
    cluster = next(key for key in product.ids() if key.startswith("cluster/"))
    principal = (product.body(product.ids()[cluster]) or {})["identity"]["principalId"]
    assert given(product, principal, "C", "registry") == 201
    registry = product.ids()["registry"].rpartition("/")[2]
    assert ("Contributor", registry, None, ()) in behind(product, "registry", principal)
