"""What holds for every test."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.support.azurite import azurite
from tests.support.long_files import LONG

__all__ = ["azurite"]

#: azure-ai-ml writes the cloud it used last here, and refuses to be imported where that cloud is not known.
_SDK_CLOUD = "AZUREML_CURRENT_CLOUD"

# How long an example takes proves nothing. The rest is as Hypothesis has it, where it runs alone and under CI.
settings.register_profile(
    "unhurried",
    settings.get_profile(settings.get_current_profile_name()),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("unhurried")


@pytest.fixture(autouse=True)
def _the_sdk_leaves_no_cloud_behind() -> Iterator[None]:
    """Processes that a later test starts inherit this one's environment."""
    before = os.environ.get(_SDK_CLOUD)
    yield
    if before is None:
        os.environ.pop(_SDK_CLOUD, None)
    else:
        os.environ[_SDK_CLOUD] = before


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Workers take whole files in this order (``--no-loadscope-reorder``): at the end only short ones are left."""
    last = len(LONG)
    ranks = {name: rank for rank, name in enumerate(LONG)}
    items.sort(key=lambda item: ranks.get(item.path.name, last))
