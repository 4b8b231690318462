"""One simulator at time scale 1000 for the session, and the CLI logged in to it as different principals."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.az.client import CLOUD, Az, environment
from tests.support.simulator import RunningSimulator, start_simulator


@pytest.fixture(scope="session")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSimulator]:
    """Throttling stays on: the CLI waits as it is told to."""
    with start_simulator(tmp_path_factory.mktemp("azure"), time_scale=1000) as running:
        yield running


def _cloud(az: Az, azure: RunningSimulator) -> None:
    """As the CLI documents for a custom cloud: all but the address of Resource Manager comes from its metadata."""
    az(f"cloud register -n {CLOUD} --endpoint-resource-manager {azure.url}")
    az(f"cloud set -n {CLOUD}")


@pytest.fixture(scope="session")
def az(azure: RunningSimulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Az]:
    """The Owner, by client secret."""
    with Az(environment(tmp_path_factory.mktemp("az"), azure.env)) as az:
        _cloud(az, azure)
        owner = f"-u {azure.env['AZURE_CLIENT_ID']} -p {azure.env['AZURE_CLIENT_SECRET']}"
        az(f"login --service-principal {owner} --tenant {azure.env['AZURE_TENANT_ID']}")
        yield az


@pytest.fixture(scope="session")
def observer(azure: RunningSimulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Az]:
    """The identity that may only read, through the App Service endpoint."""
    service = {name: azure.env[name] for name in ("IDENTITY_ENDPOINT", "IDENTITY_HEADER")}
    with Az(environment(tmp_path_factory.mktemp("az-observer"), azure.env, **service)) as az:
        _cloud(az, azure)
        az(f"login --identity --client-id {azure.env['OBSERVER_CLIENT_ID']}")
        yield az


@pytest.fixture(scope="session")
def stranger(azure: RunningSimulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Az]:
    """Nobody yet."""
    with Az(environment(tmp_path_factory.mktemp("az-stranger"), azure.env)) as az:
        _cloud(az, azure)
        yield az


@pytest.fixture
def group(az: Az, request: pytest.FixtureRequest) -> str:
    """A resource group of the test's own."""
    name = "az-" + "".join(one if one.isalnum() else "-" for one in request.node.name.lower()).strip("-")[:60]
    az(f"group create -n {name}")
    return name


@pytest.fixture
def group_id(azure: RunningSimulator, group: str) -> str:
    return f"{azure.subscription}/resourceGroups/{group}"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A configuration folder for commands in processes of their own."""
    return tmp_path / "home"
