"""What a role lets its holder do, by plane: what "who can read this" is answered from."""

from __future__ import annotations

import pytest

from controlplane.workspaces import kinds as k
from controlplane.workspaces.access.powers import Can, Plane, planes
from controlplane.workspaces.access.roles import ROLES

SETTINGS, CONTENT, BOTH = (Plane.MANAGEMENT,), (Plane.DATA,), (Plane.MANAGEMENT, Plane.DATA)


@pytest.mark.parametrize("code", ["R", "LAR", "LAC", "MR", "MC"])
@pytest.mark.parametrize("resource_type", [k.REGISTRY, k.ML_WORKSPACE, k.LOG_ANALYTICS, k.COMPONENT])
def test_who_reads_everything_reads_images_assets_and_logs(code: str, resource_type: str) -> None:
    """``*/read`` is an action there: Reader pulls images, sees models and asks the logs."""
    assert planes(ROLES[code].guid, Can.READ, resource_type) == BOTH


@pytest.mark.parametrize("code", ["R", "LAR", "MR", "MC"])
@pytest.mark.parametrize("resource_type", [k.STORAGE, k.VAULT])
def test_and_neither_blobs_nor_secrets(code: str, resource_type: str) -> None:
    assert planes(ROLES[code].guid, Can.READ, resource_type) == SETTINGS


@pytest.mark.parametrize("code", ["R", "LAR", "MR"])
@pytest.mark.parametrize("resource_type", [k.REGISTRY, k.ML_WORKSPACE, k.STORAGE, k.VAULT, k.LOG_ANALYTICS])
def test_readers_write_nothing(code: str, resource_type: str) -> None:
    assert planes(ROLES[code].guid, Can.WRITE, resource_type) == ()


def test_keys_of_an_account_are_its_data_only_while_they_open_it() -> None:
    for code, others in (("C", SETTINGS), ("LAC", SETTINGS)):
        assert planes(ROLES[code].guid, Can.READ, k.STORAGE) == BOTH
        assert planes(ROLES[code].guid, Can.READ, k.STORAGE, by_key=False) == others


def test_pulling_and_pushing_show_no_settings() -> None:
    assert planes(ROLES["AcrPush"].guid, Can.WRITE, k.REGISTRY) == CONTENT
    assert planes(ROLES["AcrPush"].guid, Can.READ, k.VAULT) == ()
