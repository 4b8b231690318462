"""Conditions of a workspace from its findings: which one speaks of what, and when its time moves."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from controlplane.arm import fold
from controlplane.operations.model import Condition, ConditionStatus
from controlplane.workspaces import kinds
from controlplane.workspaces.model import Unreadable
from controlplane.workspaces.posture import conditions
from tests.support.azure_answers import Estate, create
from tests.support.blueprints import compiled
from tests.support.looks import NOW, look

CREATED = create(compiled())
TRUE, FALSE, UNKNOWN = ConditionStatus.TRUE, ConditionStatus.FALSE, ConditionStatus.UNKNOWN
ALL_TRUE = dict.fromkeys(("Ready", "NetworkIsolated", "IdentityAssigned", "AccessGranted", "Monitored"), TRUE)


def of(estate: Estate, previous: tuple[Condition, ...] = ()) -> tuple[Condition, ...]:
    return conditions(look(estate), previous, NOW)


def opened(estate: Estate) -> None:
    estate.body("storage")["properties"]["publicNetworkAccess"] = "Enabled"


def without_identity(estate: Estate) -> None:
    estate.body("workspace")["identity"] = {"type": "None"}


def without_role(estate: Estate) -> None:
    estate.delete(estate.id_of("role/workspace-identity/registry/contributor"))


def without_logs(estate: Estate) -> None:
    estate.delete(estate.id_of("diagnostic/vault"))


def retagged(estate: Estate) -> None:
    estate.body("vnet/ml")["tags"]["project"] = "other"


def without_egress(estate: Estate) -> None:
    estate.body("public-ip/nat")["properties"]["ipAddress"] = None


def unreadable_roles(estate: Estate) -> None:
    path = f"{estate.id_of('resource-group')}/providers/{kinds.ROLE_ASSIGNMENT}"
    estate.refused[fold(path)] = Unreadable("AuthorizationFailed", "no")


CASES: dict[str, tuple[Callable[[Estate], None], dict[str, ConditionStatus]]] = {
    "as created": (lambda _: None, {}),
    "public storage": (opened, {"Ready": FALSE, "NetworkIsolated": FALSE}),
    "no identity, so no roles": (
        without_identity,
        {"Ready": FALSE, "IdentityAssigned": FALSE, "AccessGranted": FALSE},
    ),
    "a role is missing": (without_role, {"Ready": FALSE, "AccessGranted": FALSE}),
    "logs are missing": (without_logs, {"Ready": FALSE, "Monitored": FALSE}),
    "a tag differs": (retagged, {}),
    "no way out": (without_egress, {"Ready": FALSE}),
    "roles cannot be read": (unreadable_roles, {"Ready": UNKNOWN, "AccessGranted": UNKNOWN}),
}


@pytest.mark.parametrize("name", CASES)
def test_status(name: str) -> None:
    act, expected = CASES[name]
    estate = CREATED.copy()
    act(estate)
    assert {c.type: c.status for c in of(estate)} == {**ALL_TRUE, **expected}


def test_reason_and_message_name_the_finding() -> None:
    estate = CREATED.copy()
    opened(estate)
    found = {c.type: c for c in of(estate)}
    assert found["NetworkIsolated"].reason == "PropertyDiffers"
    assert "STO.PublicNetworkAccess" in found["NetworkIsolated"].message
    assert found["Ready"].reason == "NetworkIsolatedFailed"


def test_drift_that_breaks_nothing_is_told() -> None:
    estate = CREATED.copy()
    retagged(estate)
    ready = next(c for c in of(estate) if c.type == "Ready")
    assert (ready.status, ready.reason) == (TRUE, "Drifted")


def test_time_moves_only_with_status() -> None:
    first = of(CREATED)
    later = NOW + timedelta(hours=6)
    same = conditions(look(CREATED), first, later)
    assert {c.last_transition_time for c in same} == {NOW}
    estate = CREATED.copy()
    opened(estate)
    changed = {c.type: c.last_transition_time for c in conditions(look(estate), same, later)}
    assert changed == {
        "Ready": later,
        "NetworkIsolated": later,
        "IdentityAssigned": NOW,
        "AccessGranted": NOW,
        "Monitored": NOW,
    }


def test_reason_may_change_without_time() -> None:
    estate = CREATED.copy()
    opened(estate)
    first = of(estate)
    estate.delete(estate.id_of("dns-link/blob/ml"))
    later = conditions(look(estate), first, NOW + timedelta(hours=1))
    before = {c.type: c for c in first}
    network = next(c for c in later if c.type == "NetworkIsolated")
    assert network.message != before["NetworkIsolated"].message
    assert network.last_transition_time == NOW
