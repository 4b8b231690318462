"""Identities of computes over a workspace's life, in virtual time: kinds change, orders and strangers are found."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from controlplane.errors import Conflict, Rejected
from controlplane.operations.model import Operation, OperationStatus
from controlplane.workspaces.model import Action
from controlplane.workspaces.services.merge import merge_patch
from tests.support.blueprints import example, with_instance
from tests.support.lives import written
from tests.support.quiet_product import QuietProduct

IDENTITIES = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg-identities"
TYPE = "Microsoft.ManagedIdentity/userAssignedIdentities"
FIRST, SECOND = (f"{IDENTITIES}/providers/{TYPE}/{name}" for name in ("id-first", "id-second"))
PULL = "7f951dda-4ed3-4680-a7ca-43fe172d538d"


@pytest.fixture
def product() -> Iterator[QuietProduct]:
    """A project that may use two identities which somebody brings."""
    running = QuietProduct()
    running.register(identities=[FIRST, SECOND])
    assert running.owner("PUT", IDENTITIES, {"location": "westeurope"}) == 201
    for one in (FIRST, SECOND):
        assert running.owner("PUT", one, {"location": "westeurope"}) == 201
    yield running
    running.close()


def with_ids(*ids: str) -> dict[str, Any]:
    """The example with a cluster that has these identities, or its own."""
    asked = example()
    asked["compute"]["clusters"][0]["identity"] = {"type": "userAssigned", "ids": list(ids)} if ids else {}
    return asked


def done(operation: Operation) -> None:
    assert operation.status is OperationStatus.SUCCEEDED, operation.error


def cluster(product: QuietProduct) -> dict[str, Any]:
    return product.body(product.ids()["cluster/cpu"]) or {}


def may_pull(product: QuietProduct, principal: str) -> bool:
    """Whether a principal has AcrPull on the workspace's registry."""
    scope = product.ids()["registry"]
    listed = product.body(f"{scope}/providers/Microsoft.Authorization/roleAssignments") or {}
    return any(
        one["properties"]["principalId"] == principal and one["properties"]["roleDefinitionId"].endswith(PULL)
        for one in listed["value"]
    )


def test_a_cluster_changes_its_kind_of_identity_and_stays(product: QuietProduct) -> None:
    """S2-36: by an update and back; what goes are grants, with consent. S2-76: the grant that comes back is given by
    hand, because Azure makes it for new clusters only."""
    done(product.create())
    made = cluster(product)["properties"]["createdOn"]
    with pytest.raises(Conflict) as refused:
        product.put(with_ids(FIRST, SECOND))
    gone = {detail.target for detail in refused.value.details}
    assert gone == {"role/cluster/cpu/registry/acr-pull", "role/cluster/cpu/storage/storage-blob-data-contributor"}

    done(product.finish(product.put(with_ids(FIRST, SECOND), consent=True)))
    given = cluster(product)["identity"]["userAssignedIdentities"]
    assert [one.lower() for one in given] == [FIRST.lower(), SECOND.lower()]
    first, second = (given[one]["principalId"] for one in given)
    assert (may_pull(product, first), may_pull(product, second)) == (True, False)
    assert product.failing() == set()

    done(product.finish(product.put(with_ids(), consent=True)))
    own = cluster(product)["identity"]["principalId"]
    assert may_pull(product, own)
    assert not may_pull(product, first)
    assert cluster(product)["properties"]["createdOn"] == made
    assert product.failing() == set()


def test_another_first_identity_is_found_and_put_right(product: QuietProduct) -> None:
    """S2-32: the same identities in another order give the cluster another default."""
    done(product.create(with_ids(FIRST, SECOND)))
    before = written(product)
    assert product.put(with_ids(FIRST, SECOND)).operation is None
    body = cluster(product)
    swapped = {one: {} for one in reversed(body["identity"]["userAssignedIdentities"])}
    sent = {**body, "identity": {"type": "UserAssigned", "userAssignedIdentities": swapped}}
    assert product.owner("PUT", body["id"], sent) == 200
    (finding,) = (f for f in product.validate().report.findings if f.status == "Fail")
    assert finding.control == "AML.CLUSTER.DefaultIdentity"
    assert written(product) == before
    done(product.repair())
    assert next(iter(cluster(product)["identity"]["userAssignedIdentities"])).lower() == FIRST.lower()
    assert product.failing() == set()
    done(product.delete())
    assert product.body(FIRST) is not None


def boxed(minutes: int, **changes: Any) -> dict[str, Any]:
    return {**example(), **with_instance(idleShutdown=f"PT{minutes}M", **changes)}


def box(product: QuietProduct) -> dict[str, Any]:
    return product.body(product.ids()["instance/ada-box"]) or {}


def test_another_idle_time_is_given_to_the_instance_that_is_there(product: QuietProduct) -> None:
    """Without consent, for nothing is replaced; the person's machine and what is on it stay, and it stops by the new
    time."""
    done(product.create(boxed(120)))
    made = box(product)["properties"]["createdOn"]
    changes = [one for one in product.plan(boxed(30)).plan.changes if one.action is not Action.NONE]
    assert [(one.key, one.action) for one in changes] == [("instance/ada-box", Action.UPDATE)]
    done(product.finish(product.put(boxed(30))))
    found = box(product)["properties"]
    assert (found["createdOn"], found["properties"]["idleTimeBeforeShutdown"]) == (made, "PT30M")
    assert product.failing() == set()
    before = written(product)
    assert product.put(boxed(30)).operation is None
    assert written(product) == before
    product.advance(1700)
    assert box(product)["properties"]["properties"]["state"] == "Running"
    product.advance(300)
    assert box(product)["properties"]["properties"]["state"] == "Stopped"


def test_an_idle_time_that_somebody_changed_is_found_and_put_right(product: QuietProduct) -> None:
    done(product.create(boxed(30)))
    shown = box(product)
    action = f"{shown['id']}/updateIdleShutdownSetting"
    assert product.owner("POST", action, {"idleTimeBeforeShutdown": "P3D"}, "2025-12-01") == 200
    (finding,) = (f for f in product.validate().report.findings if f.status == "Fail")
    assert (finding.control, finding.observed, finding.repair.kind) == ("AML.CI.IdleShutdown", "P3D", "update")
    done(product.repair())
    after = box(product)["properties"]
    assert after["properties"]["idleTimeBeforeShutdown"] == "PT30M"
    assert after["createdOn"] == shown["properties"]["createdOn"]


@pytest.mark.parametrize("works_for_the_workspace", [False, True])
def test_the_grant_by_which_an_instance_stops_has_its_own_name(
    product: QuietProduct, works_for_the_workspace: bool
) -> None:
    """S2-52, of a user-assigned identity; one that the workspace works with too has it for that."""
    asked = boxed(30, identity={"type": "userAssigned", "ids": ["stopper"]})
    primary = "stopper" if works_for_the_workspace else "home"
    asked["identity"] = {"type": "systemAndUserAssigned", "create": ["home", "stopper"], "primary": primary}
    done(product.create(asked))
    product.owner("DELETE", product.ids()["role/identity/stopper/workspace/contributor"])
    found = {f.control for f in product.validate().report.findings if f.status == "Fail"}
    assert found == {"RBAC.WsMi.Workspace" if works_for_the_workspace else "AML.CI.IdleShutdownIdentity"}


def test_another_user_still_takes_another_instance(product: QuietProduct) -> None:
    done(product.create(boxed(30)))
    with pytest.raises(Conflict) as refused:
        product.put(boxed(60, assignedTo="00000000-0000-0000-0000-0000000000a2"))
    assert refused.value.code == "DestructiveChangeNotAllowed"


def test_an_identity_that_is_not_registered_is_refused(product: QuietProduct) -> None:
    before = written(product)
    with pytest.raises(Rejected) as refused:
        product.put(with_ids(FIRST, f"{IDENTITIES}/providers/{TYPE}/id-theirs"))
    targets = [detail.target for detail in refused.value.details]
    assert targets == ["$.compute.clusters[0].identity.ids[1]"]
    assert written(product) == before


def test_an_instance_that_cannot_stop_is_found_whoever_made_it(product: QuietProduct) -> None:
    """S2-52: its identity is no Contributor; inherited rights count."""
    done(product.create({**example(), **with_instance(identity={"type": "systemAssigned"})}))
    mine = product.body(product.ids()["instance/ada-box"]) or {}
    theirs = f"{mine['id'].rpartition('/')[0]}/bob-box"
    sent = {name: mine[name] for name in ("location", "properties")}
    assert product.owner("PUT", theirs, {**sent, "identity": {"type": "SystemAssigned"}}) == 201
    (finding,) = (
        f for f in product.validate().report.findings if f.control == "CP.CI.IdleShutdownWorks" and f.status == "Fail"
    )
    assert (finding.key, finding.resource_id) == (None, theirs)
    principal = (product.body(theirs) or {})["identity"]["principalId"]
    subscription = "/".join(theirs.split("/")[:3])
    product.azure.engine.grant(subscription, "b24988ac-6180-42a0-ab88-20f7382dd24c", principal)
    found = {f.status for f in product.validate().report.findings if f.control == "CP.CI.IdleShutdownWorks"}
    assert found == {"Pass"}


GHOST = f"{IDENTITIES}/providers/{TYPE}/id-ghost"
BOX = {"name": "box", "size": "Standard_DS3_v2", "assignedTo": "00000000-0000-0000-0000-0000000000a1"}
NAMED: dict[str, tuple[dict[str, Any], str]] = {
    "a cluster's second": (with_ids(FIRST, GHOST), "$.compute.clusters[0].identity.ids[1]"),
    "an instance's": (
        {**example(), "compute": {"instances": [{**BOX, "identity": {"type": "userAssigned", "ids": [GHOST]}}]}},
        "$.compute.instances[0].identity.ids[0]",
    ),
    "the build agents'": (
        {
            **example("hub-build-agents"),
            "network": merge_patch(example("hub-build-agents")["network"], {"hub": {"agents": {"identityId": GHOST}}}),
        },
        "$.network.hub.agents.identityId",
    ),
}


@pytest.mark.parametrize("whose", NAMED)
def test_an_identity_that_is_not_there_is_refused_and_nothing_is_written(product: QuietProduct, whose: str) -> None:
    """Registered, and gone since: a creation would come to its computes and fail there."""
    asked, target = NAMED[whose]
    product.register(identities=[FIRST, SECOND, GHOST])
    with pytest.raises(Rejected) as refused:
        product.put(asked)
    assert [(detail.code, detail.target) for detail in refused.value.details] == [("IdentityNotFound", target)]
    assert written(product) == []
