"""The two identities' own roles, a right at a time: what nobody knows without one of the observer's, and what the
operator may grant to whom.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest

from controlplane.azure.catalog import AzureCatalog
from controlplane.errors import Rejected
from controlplane.workspaces import service
from controlplane.workspaces.access.powers import Can
from controlplane.workspaces.blueprint.access import ROLES
from simulator.planes import roles
from simulator.planes.authority import DEFINITIONS
from tests.support.blueprints import example
from tests.support.own_roles import Rights, actions
from tests.support.quiet_monitors import BY_PIPELINE, WATCHED, QuietMonitors, watched
from tests.support.quiet_product import ADMIN, NAME, QuietClient, QuietProduct
from tests.support.role_lives import ISOLATED, JOINED, POOLED, begin, everything, job_checked, joined, target_unknown
from tests.support.worlds import with_assets


@pytest.fixture(scope="module")
def made() -> Iterator[QuietProduct]:
    """The example workspace exists."""
    with closing(QuietProduct()) as product:
        begin(product)
        assert product.create(everything()).status == "Succeeded"
        with_assets(product)
        assert product.create(joined(), JOINED).status == "Succeeded"
        assert product.create(example("managed-approved-catalog"), name=ISOLATED).status == "Succeeded"
        assert product.create(example("hub-scale-set"), POOLED).status == "Succeeded"
        assert product.create(watched(), name=WATCHED).status == "Succeeded"
        QuietMonitors(product).build()
        yield product


def monitor_asked(made: QuietProduct) -> set[str]:
    """What a monitor is refused for that nobody could read."""
    with pytest.raises(Rejected) as refused:
        QuietMonitors(made).put("theirs", BY_PIPELINE)
    return {one.code for one in refused.value.details if one.code == "PreconditionUnknown"}


@pytest.mark.parametrize("missing", sorted(actions("observer")))
def test_without_a_right_of_the_observer_nobody_learns_that_all_is_well(made: QuietProduct, missing: str) -> None:
    rights = Rights(made)
    # The catalogue keeps what it knows.
    made.services = replace(made.services, catalog=AzureCatalog(QuietClient(made.azure, "observer")))  # type: ignore[arg-type]
    rights.set("observer", actions("observer") - {missing})
    try:
        names = (ISOLATED,) if "outboundRules" in missing else (NAME, JOINED, POOLED)
        findings = [finding for name in names for finding in made.validate(name).report.findings]
        unknown = {f.id for f in findings if f.status == "Unknown"}
        if "eventtypes" in missing:
            # Of who did what a look tells nothing; whoever asks is told that nobody knows.
            activity = made.run(service.get_access(made.services, ADMIN, NAME, 30))[1].activity
            unknown |= {activity.unreadable} if activity is not None and activity.unreadable else set()
        if "deployments" in missing or "components/versions" in missing:
            unknown |= monitor_asked(made)
        if "/data/" in missing or "/models/" in missing:
            unknown |= job_checked(made)
        if "denyAssignments" in missing:
            told = made.run(service.explain_access(made.services, ADMIN, NAME, "storage", Can.READ)).unreadable
            unknown |= {told} if told else set()
        if "subscriptions/providers" in missing and "AuthorizationFailed" in target_unknown(made):
            unknown.add("OutboundTargetUnknown")
        try:
            made.plan(everything())
            refused = False
        except Rejected:
            refused = True
    finally:
        rights.set("observer", actions("observer"))
    assert unknown or refused
    assert missing in rights.asked("observer")["refused"]


@pytest.mark.parametrize("mine", ["operator", "observer"])
@pytest.mark.parametrize("role_name", ["contributor", "reader", "key-vault-administrator"])
def test_the_operator_gives_its_own_identities_nothing(made: QuietProduct, mine: str, role_name: str) -> None:
    """Not even what it gives everybody else, and it takes nothing away from them."""
    group = made.ids()["resource-group"]
    url = f"{group}/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}?api-version=2022-04-01"
    properties = {
        "roleDefinitionId": f"{group.partition('/resourceGroups')[0]}/providers/{DEFINITIONS}/{ROLES[role_name]}",
        "principalId": made.azure.world.seeded(mine)["id"],
        "principalType": "ServicePrincipal",
    }
    refused = made.azure.call("operator", "PUT", url, {"properties": properties})
    assert (refused.status, refused.body["error"]["code"]) == (403, "AuthorizationFailed")
    assert made.azure.call("owner", "PUT", url, {"properties": properties}).status == 201
    assert made.azure.call("operator", "DELETE", url).status == 403
    assert made.azure.call("owner", "DELETE", url).status == 200


@pytest.mark.parametrize(
    ("guid", "kind", "status"),
    [
        pytest.param(ROLES["reader"], "ServicePrincipal", 201, id="a role of a blueprint to an identity"),
        pytest.param(ROLES["reader"], "User", 403, id="to a person"),
        pytest.param(roles.OWNER, "ServicePrincipal", 403, id="Owner"),
        pytest.param(roles.RBAC_ADMINISTRATOR, "ServicePrincipal", 403, id="RBAC Administrator"),
        pytest.param("18d7d88d-d35e-4fb5-a5c3-7773c20a72d9", "ServicePrincipal", 403, id="User Access Administrator"),
        pytest.param("ba92f5b4-2d11-453d-a403-e96b0029c9fe", "ServicePrincipal", 201, id="on data"),
        pytest.param("b7e6dc6d-f1e8-4753-8033-0f276bb0955b", "ServicePrincipal", 403, id="another on data"),
    ],
)
def test_what_the_operator_may_grant(made: QuietProduct, guid: str, kind: str, status: int) -> None:
    world = made.azure.world
    group = made.ids()["resource-group"]
    holder = world.seeded("owner") if kind == "ServicePrincipal" else world.directory.person("ada")
    url = f"{group}/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}?api-version=2022-04-01"
    properties = {
        "roleDefinitionId": f"{group.partition('/resourceGroups')[0]}/providers/{DEFINITIONS}/{guid}",
        "principalId": holder["id"],
        "principalType": kind,
    }
    assert made.azure.call("operator", "PUT", url, {"properties": properties}).status == status
    if status == 201:
        assert made.azure.call("operator", "DELETE", url).status == 200
    else:
        assert made.azure.call("owner", "PUT", url, {"properties": properties}).status == 201
        # What a person holds it may take away, and never give (S3-63).
        taken = made.azure.call("operator", "DELETE", url).status
        assert taken == (200 if kind == "User" else 403)
        assert taken == 200 or made.azure.call("owner", "DELETE", url).status == 200
