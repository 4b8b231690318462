"""Requirements on data, registries and images: a state that passes, and the same with one thing changed.

As ``test_requirement_pairs.py``, for workspaces that use data and images of others.
"""

from __future__ import annotations

from typing import Any

import pytest

from controlplane.workspaces import data_paths
from controlplane.workspaces.data_paths import Door, Readers
from controlplane.workspaces.posture import Finding, FindingStatus
from tests.support.azure_answers import Estate, create, guid
from tests.support.blueprints import compiled, everything, example, with_brought_registry, with_data
from tests.support.looks import fresh, look
from tests.support.requirement_breaks import Break, changed, deleted

SUBSCRIPTION = "/subscriptions/00000000-0000-0000-0000-000000000001"
ACCOUNTS = f"{SUBSCRIPTION}/resourceGroups/rg-data/providers/Microsoft.Storage/storageAccounts"
READER, CONTRIBUTOR = "storage-blob-data-reader", "storage-blob-data-contributor"
PREVIEWS = f"role/workspace-identity/data-stsales/{READER}"
KEY: dict[str, Any] = {"credentialsType": "AccountKey"}


def kept(name: str, credentials: dict[str, Any]) -> Break:
    """Somebody makes a datastore that keeps a credential."""

    def act(estate: Estate) -> None:
        arm_id = f"{estate.id_of('workspace')}/datastores/{name}"
        properties = {
            "datastoreType": "AzureBlob",
            "accountName": "sttheirs",
            "containerName": "data",
            "subscriptionId": "00000000-0000-0000-0000-000000000009",
            "credentials": credentials,
        }
        estate.bodies[arm_id.lower()] = {"id": arm_id, "name": name, "properties": properties}

    return Break("workspace", "CP.DATA.Credentials", act)


def admitted(kind: str) -> Break:
    """Somebody may read what is kept for jobs."""

    def act(estate: Estate) -> None:
        scope = f"{ACCOUNTS}/stpatients"
        arm_id = f"{scope}/providers/Microsoft.Authorization/roleAssignments/{guid('admitted', kind)}"
        role = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
        properties = {
            "scope": scope,
            "roleDefinitionId": f"{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{role}",
            "principalId": guid(kind),
            "principalType": kind,
        }
        estate.bodies[arm_id.lower()] = {"id": arm_id, "name": arm_id.rpartition("/")[2], "properties": properties}

    return Break("datastore/patients", "CP.DATA.ComputeOnly", act)


def account(name: str, **properties: Any) -> Break:
    """Somebody changes the account that a datastore lies in."""

    def act(estate: Estate) -> None:
        estate.bodies[f"{ACCOUNTS}/st{name}".lower()]["properties"] |= properties

    control = "CP.DATA.ComputeOnly" if "allowSharedKeyAccess" in properties else "CP.DATA.Reach"
    return Break(f"datastore/{name}", control, act)


READS = (
    deleted(f"role/cluster/cpu/data-stsales/{READER}", "RBAC.ComputeMi.DataRead"),
    deleted(f"role/cluster/cpu/data-stpatients/{CONTRIBUTOR}", "RBAC.ComputeMi.DataRead"),
)
PULLS = (
    deleted("role/workspace-identity/registry/contributor", "RBAC.WsMi.AcrContributor"),
    deleted("role/cluster/cpu/registry/acr-pull", "RBAC.ComputeMi.AcrPull"),
)
VALIDATED: dict[str, tuple[Break, ...]] = {
    "S2-03": (changed("registry", "ACR.AdminUserDisabled", "properties.adminUserEnabled", True),),
    "S2-40": tuple(
        changed(f"datastore/{name}", "CP.DATA.IdentityBased", "properties.credentials", KEY)
        for name in ("sales", "patients")
    ),
    "S2-41": (kept("theirs", KEY), kept("others", {"credentialsType": "Sas"})),
    "S2-46": READS,
    "S2-49": READS,
    "S2-50": READS,
    "S2-51": (admitted("User"), admitted("Group"), account("patients", allowSharedKeyAccess=True)),
    "S2-65": tuple(
        deleted(f"private-endpoint/data-{name}", "CP.DATA.Reach")
        for name in ("stsales-blob", "stpatients-blob", "stpatients-dfs")
    ),
    "S2-68": (
        changed("datastore/sales", "CP.DATA.ServiceIdentity", "properties.serviceDataAccessAuthIdentity", "None"),
        deleted("role/workspace-identity/private-endpoint-data-stsales-blob/reader", "RBAC.WsMi.ReaderOnDataPe"),
    ),
    "S2-70": PULLS,
    "S2-80": (deleted("role/cluster/cpu/images-crimages/acr-pull", "RBAC.ComputeMi.ImagePull"),),
    "X-15": (kept("theirs", KEY),),
}


@pytest.mark.parametrize("requirement", VALIDATED)
def test_validate(requirement: str) -> None:
    """A state that passes; the same with one thing changed gives one more failing finding, of the expected control."""
    estate, asked = create(everything(**with_data())), compiled(**with_data())
    before = look(estate, asked)
    for case in VALIDATED[requirement]:
        passed = {(f.control, f.key) for f in before.findings if f.status is FindingStatus.PASS}
        assert (case.control, case.key) in passed
        broken = estate.copy()
        case.act(broken)
        (finding,) = fresh(look(broken, asked), before)
        assert (finding.control, finding.key) == (case.control, case.key)
        assert requirement in finding.requirements


def test_validate_s2_73() -> None:
    """The spec's waiver lets the admin account be on; then a policy that denies it is assigned where the group lies."""
    admin = {"registry": {"adminUser": True}}
    estate, asked = create(everything(**admin)), compiled(**admin)
    before = look(estate, asked)
    assert {f.status for f in before.findings if f.control == "CP.ACR.Policy"} == {FindingStatus.PASS}
    arm_id = f"{SUBSCRIPTION}/providers/Microsoft.Authorization/policyAssignments/no-admin-user"
    built_in = "/providers/Microsoft.Authorization/policyDefinitions/dc921057-6b28-4fbe-9b83-f7bec05db6c2"
    properties = {"policyDefinitionId": built_in, "parameters": {"effect": {"value": "Deny"}}}
    estate.bodies[arm_id.lower()] = {"id": arm_id, "name": "no-admin-user", "properties": properties}
    (finding,) = fresh(look(estate, asked), before)
    assert (finding.control, finding.key) == ("CP.ACR.Policy", "registry")
    assert "S2-73" in finding.requirements


#: Requirement → network setting of the account, and who reads for previews then.
SETTINGS: dict[str, tuple[dict[str, Any], str]] = {
    "S2-67": ({"publicNetworkAccess": "Enabled", "ipRules": [{"value": "20.1.2.3"}]}, "selectedNetworks"),
    "S2-69": ({"publicNetworkAccess": "Enabled", "bypass": "AzureServices"}, "trustedServices"),
}


@pytest.mark.parametrize("requirement", SETTINGS)
def test_validate_reader(requirement: str) -> None:
    """The account's setting says that the workspace reads, also for a datastore that does not; its role is missed."""
    (rules, door), path = SETTINGS[requirement], "properties"
    estate, asked = create(everything(**with_data())), compiled(**with_data())
    for name in ("stsales", "stpatients"):
        body = estate.bodies[f"{ACCOUNTS}/{name}".lower()][path]
        body["publicNetworkAccess"] = rules["publicNetworkAccess"]
        body["networkAcls"] = {**body["networkAcls"], **{k: v for k, v in rules.items() if k != "publicNetworkAccess"}}
    before = look(estate, asked)
    readers = of(before.findings, "CP.DATA.PreviewReader")
    assert {f.key for f in readers} == {"datastore/sales", "datastore/patients"}
    assert {f.observed for f in readers} == {"workspaceIdentity"}
    assert all(door in f.message and requirement in f.requirements for f in readers)
    estate.delete(estate.body(PREVIEWS)["id"])
    (finding,) = fresh(look(estate, asked), before)
    assert (finding.control, finding.key) == ("RBAC.WsMi.DataRead", PREVIEWS)
    assert requirement in finding.requirements


def of(findings: tuple[Finding, ...], control: str) -> list[Finding]:
    return [finding for finding in findings if finding.control == control]


def test_paths_s2_06() -> None:
    """S2-06: each datastore is listed with the way in which a job reaches its data."""
    estate, asked = create(everything(**with_data())), compiled(**with_data())
    for name, kind in (("a", "AccountKey"), ("b", "Sas"), ("c", "ServicePrincipal"), ("d", "None"), ("e", "Odd")):
        kept(name, {"credentialsType": kind}).act(estate)
    found = of(look(estate, asked).findings, "CP.DATA.Path")
    assert {str(f.resource_id).rpartition("/")[2]: (f.observed, f.status) for f in found} == {
        "a": ("accountKey", FindingStatus.PASS),
        "b": ("token", FindingStatus.PASS),
        "c": ("servicePrincipal", FindingStatus.PASS),
        "d": ("managedIdentity", FindingStatus.PASS),
        "e": ("unknown", FindingStatus.UNKNOWN),
        "sales": ("managedIdentity", FindingStatus.PASS),
        "patients": ("managedIdentity", FindingStatus.PASS),
    }


def test_inventory_s2_42() -> None:
    """S2-42: what is kept, without the secret."""
    estate, asked = create(everything(**with_data())), compiled(**with_data())
    kept("theirs", {"credentialsType": "ServicePrincipal", "clientId": "c", "tenantId": "t"}).act(estate)
    (finding,) = (f for f in of(look(estate, asked).findings, "CP.DATA.Credentials") if f.status is FindingStatus.FAIL)
    subscription = "00000000-0000-0000-0000-000000000009"
    kind = {"kind": "servicePrincipal", "clientId": "c", "tenantId": "t"}
    assert finding.observed == {**kind, "subscriptionId": subscription}


def test_risk_s2_41() -> None:
    """S2-41: each credential is one finding, and says who can read it."""
    estate, asked = create(everything(**with_data())), compiled(**with_data())
    for name in ("one", "two"):
        kept(name, KEY).act(estate)
    found = [f for f in of(look(estate, asked).findings, "CP.DATA.Credentials") if f.status is FindingStatus.FAIL]
    assert {str(f.resource_id).rpartition("/")[2] for f in found} == {"one", "two"}
    assert all("vault" in f.message and f.repair.kind == "manual" for f in found)


def test_keys_that_a_spec_asks_for_are_exempt_and_not_hidden() -> None:
    changes = {"storage": {"sharedKeyAccess": True}}
    estate, asked = create(everything(**changes)), compiled(**changes)
    kept("workspaceblobstore", KEY).act(estate)
    (finding,) = of(look(estate, asked).findings, "CP.DATA.Credentials")
    assert finding.status is FindingStatus.EXEMPT
    assert "sharedKeyAccess" in finding.message


def test_a_closed_account_without_an_endpoint_is_not_reached() -> None:
    changes = with_data()
    changes["datastores"][0]["privateEndpoint"] = False
    estate, asked = create(everything(**changes)), compiled(**changes)
    (finding,) = look(estate, asked).failing
    assert (finding.control, finding.key) == ("CP.DATA.Reach", "datastore/sales")
    account("sales", publicNetworkAccess="Enabled", networkAcls={"defaultAction": "Allow"}).act(estate)
    assert look(estate, asked).failing == ()


def test_an_endpoint_of_ours_leads_no_node_of_a_managed_network_to_an_account() -> None:
    changes = {**with_data(), "network": example("managed-internet")["network"]}
    estate, asked = create(everything(**changes)), compiled(**changes)
    assert look(estate, asked).failing == ()
    for resource in asked.resources:
        if resource.key.startswith("outbound-rule/data-"):
            estate.delete(estate.id_of(resource.key))
    found = [one for finding in look(estate, asked).failing for one in (finding, *finding.consequences)]
    unreached = {one.key for one in found if one.control == "CP.DATA.Reach"}
    assert unreached == {"datastore/sales", "datastore/patients"}


def test_a_registry_that_was_brought_along_and_has_its_admin_account_on_is_found() -> None:
    changes = with_brought_registry()
    estate, asked = create(everything(**changes)), compiled(**changes)
    assert look(estate, asked).failing == ()
    estate.bodies[changes["registry"]["existing"].lower()]["properties"]["adminUserEnabled"] = True
    (finding,) = look(estate, asked).failing
    assert (finding.control, finding.repair.kind) == ("CP.ACR.BroughtAlong", "manual")


#: "Data administration", the table of scenarios: (credential, workspace identity) → job, preview, browse.
SCENARIOS = {
    ("AccountKey", True): ("storedCredential", "workspaceIdentity", "storedCredential"),
    ("None", True): ("computeIdentity", "workspaceIdentity", "userIdentity"),
    ("AccountKey", False): ("storedCredential", "storedCredential", "storedCredential"),
    ("ServicePrincipal", False): ("storedCredential", "storedCredential", "nobody"),
    ("None", False): ("computeIdentity", "userIdentity", "userIdentity"),
}


@pytest.mark.parametrize("case", SCENARIOS, ids=str)
def test_who_reads_in_an_open_account(case: tuple[str, bool]) -> None:
    found = readers(*case, Door.OPEN)
    assert (found.job, found.preview, found.browse) == SCENARIOS[case]
    # A stored credential wins over the person who asks (S2-61).
    assert found.user_job == ("userIdentity" if case[0] == "None" else "storedCredential")


def test_previews_of_a_closed_account_take_no_credential() -> None:
    assert readers("AccountKey", False, Door.PRIVATE).preview == "nobody"
    assert readers("AccountKey", True, Door.PRIVATE).preview == "workspaceIdentity"


def readers(kind: str, by_workspace: bool, door: Door) -> Readers:
    identity = "WorkspaceSystemAssignedIdentity" if by_workspace else "None"
    properties = {"credentials": {"credentialsType": kind}, "serviceDataAccessAuthIdentity": identity}
    return data_paths.readers_of(properties, door)
