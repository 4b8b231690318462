"""Wherever an answer points to: another host gets no request at all, so no token, and whoever asked gets Fatal.

The other host's certificate is as good as ARM's: nothing but our own checks keeps a request from it. Every way in
which an answer can name a URL, on every way to Azure: our ARM client, the network and the private DNS SDK, azure-ai-ml,
and the identity endpoint.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import pytest

from controlplane.azure.arm_client import ArmClient
from controlplane.azure.catalog import AzureCatalog
from controlplane.azure.jobs import JobClient
from controlplane.azure.reader import ArmReader
from controlplane.azure.writer import ArmWriter
from controlplane.errors import ControlPlaneError, Fatal
from controlplane.settings import Settings
from tests.unit.azure.conftest import CLIENT_ID
from tests.unit.azure.server import Answer, FakeArm
from tests.unit.azure.test_jobs import JOB, NOT_FOUND, REQUEST, WORKSPACE, job
from tests.unit.azure.test_writer import ACCOUNT, LINK, SUBNET, VERSION, VNET

# azure-ai-ml's own schemas use what marshmallow 4 will drop; they are loaded once per process.
pytestmark = pytest.mark.filterwarnings("ignore::marshmallow.warnings.Marshmallow4Warning")

REDIRECTS = (301, 302, 303, 307, 308)
SUBSCRIPTION = VNET.split("/")[2]
COLLECTION = ACCOUNT.rpartition("/")[0]
OPERATION = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Network/locations/westeurope/operations/o"


@dataclass
class Ways:
    """Everything that calls Azure."""

    reader: ArmReader
    writer: ArmWriter
    catalog: AzureCatalog
    jobs: JobClient
    elsewhere: str


@pytest.fixture
async def ways(
    arm: FakeArm, elsewhere: FakeArm, client: ArmClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Ways]:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    monkeypatch.delenv("AZUREML_CURRENT_CLOUD", raising=False)
    settings = Settings(
        arm_endpoint=arm.endpoint,
        authority_host=arm.endpoint,
        tenant_ids=("t",),
        audience="a",
        observer_client_id="o",
        operator_client_id=CLIENT_ID,
    )
    jobs = JobClient(settings, CLIENT_ID)
    yield Ways(ArmReader(client), ArmWriter(client), AzureCatalog(client), jobs, elsewhere.endpoint)
    await jobs.close()


Act = Callable[[Ways], Awaitable[object]]
#: Name → (method, path, what the product does). A redirect as the answer to each.
CALLS: dict[str, tuple[str, str, Act]] = {
    "get": ("GET", ACCOUNT, lambda w: w.reader.get(ACCOUNT, VERSION)),
    "list": ("GET", COLLECTION, lambda w: w.reader.list(COLLECTION, VERSION)),
    "put by ARM client": ("PUT", ACCOUNT, lambda w: w.writer.put(ACCOUNT, VERSION, {})),
    "put by network SDK": ("PUT", VNET, lambda w: w.writer.put(VNET, VERSION, {})),
    "put of a child by network SDK": ("PUT", SUBNET, lambda w: w.writer.put(SUBNET, VERSION, {})),
    "put by private DNS SDK": ("PUT", LINK, lambda w: w.writer.put(LINK, VERSION, {})),
    "delete by ARM client": ("DELETE", ACCOUNT, lambda w: w.writer.delete(ACCOUNT, VERSION)),
    "delete by network SDK": ("DELETE", VNET, lambda w: w.writer.delete(VNET, VERSION)),
    "delete by private DNS SDK": ("DELETE", LINK, lambda w: w.writer.delete(LINK, VERSION)),
    "facts": ("GET", f"/subscriptions/{SUBSCRIPTION}", lambda w: w.catalog.facts(SUBSCRIPTION, "westeurope")),
    "state of a job": ("GET", JOB, lambda w: w.jobs.state(WORKSPACE, "probe-1")),
}


@pytest.mark.parametrize("name", CALLS)
async def test_no_redirect_is_followed(arm: FakeArm, elsewhere: FakeArm, ways: Ways, name: str) -> None:
    method, path, act = CALLS[name]
    for number, status in enumerate(REDIRECTS, start=1):
        arm.on(method, path, Answer(status, None, {"Location": f"{elsewhere.endpoint}{path}"}))
        await refused(act(ways))
        nothing_reached(elsewhere)
        assert [call.method for call in arm.calls] == [method] * number


async def test_no_redirect_of_a_poll_is_followed(arm: FakeArm, elsewhere: FakeArm, ways: Ways) -> None:
    for status in REDIRECTS:
        arm.on("GET", OPERATION, Answer(status, None, {"Location": f"{elsewhere.endpoint}{OPERATION}"}))
        await refused(ways.reader.operation(f"{arm.endpoint}{OPERATION}?api-version=1&t=1"))
        nothing_reached(elsewhere)


@pytest.mark.parametrize("name", [name for name, (method, _, _) in CALLS.items() if method in ("PUT", "DELETE")])
async def test_no_operation_url_is_taken(arm: FakeArm, elsewhere: FakeArm, ways: Ways, name: str) -> None:
    method, path, act = CALLS[name]
    url = f"{elsewhere.endpoint}{OPERATION}"
    for header, value in product(("Azure-AsyncOperation", "Location"), (url, url.removeprefix("https:"))):
        arm.on(method, path, Answer(202, None, {header: value}))
        await refused(act(ways))
        nothing_reached(elsewhere)


async def test_no_stored_operation_url_is_asked(arm: FakeArm, elsewhere: FakeArm, ways: Ways) -> None:
    await refused(ways.reader.operation(f"{elsewhere.endpoint}{OPERATION}?api-version=1&t=1"))
    nothing_reached(elsewhere)
    assert arm.calls == arm.token_calls == []


@pytest.mark.parametrize("page", [1, 2])
async def test_no_next_page_is_fetched(arm: FakeArm, elsewhere: FakeArm, ways: Ways, page: int) -> None:
    there = Answer(body={"value": [{"id": ACCOUNT}], "nextLink": f"{elsewhere.endpoint}{COLLECTION}?page=2"})
    here = Answer(body={"value": [], "nextLink": f"{arm.endpoint}{COLLECTION}?page=2"})
    arm.on("GET", COLLECTION, *([there] if page == 1 else [here, there]))
    await refused(ways.reader.list(COLLECTION, VERSION))
    nothing_reached(elsewhere)


async def test_no_redirect_of_a_next_page_is_followed(arm: FakeArm, elsewhere: FakeArm, ways: Ways) -> None:
    first = Answer(body={"value": [], "nextLink": f"{arm.endpoint}{COLLECTION}?page=2"})
    arm.on("GET", COLLECTION, first, Answer(307, None, {"Location": f"{elsewhere.endpoint}{COLLECTION}"}))
    await refused(ways.reader.list(COLLECTION, VERSION))
    nothing_reached(elsewhere)


async def test_a_job_is_not_sent_elsewhere(arm: FakeArm, elsewhere: FakeArm, ways: Ways) -> None:
    for status in REDIRECTS:
        away = Answer(status, None, {"Location": f"{elsewhere.endpoint}{JOB}"})
        arm.on("GET", JOB, NOT_FOUND)
        arm.on("PUT", JOB, away)
        await refused(ways.jobs.submit(WORKSPACE, REQUEST))
        arm.on("GET", JOB, Answer(body=job()))
        arm.on("POST", f"{JOB}/cancel", away)
        await refused(ways.jobs.cancel(WORKSPACE, "probe-1"))
        nothing_reached(elsewhere)


async def test_where_a_cancelled_job_can_be_watched_is_not_asked(arm: FakeArm, elsewhere: FakeArm, ways: Ways) -> None:
    links = dict.fromkeys(("Location", "Azure-AsyncOperation"), f"{elsewhere.endpoint}{OPERATION}")
    arm.on("GET", JOB, Answer(body=job()))
    arm.on("POST", f"{JOB}/cancel", Answer(202, None, links))
    await ways.jobs.cancel(WORKSPACE, "probe-1")
    nothing_reached(elsewhere)


@pytest.mark.parametrize("name", ["get", "put by network SDK", "state of a job"])
async def test_the_secret_of_the_identity_endpoint_stays_there(
    arm: FakeArm, elsewhere: FakeArm, ways: Ways, name: str
) -> None:
    for status in REDIRECTS:
        arm.tokens = [Answer(status, None, {"Location": f"{elsewhere.endpoint}/msi/token?resource=r"})]
        with pytest.raises(ControlPlaneError):
            await CALLS[name][2](ways)
        nothing_reached(elsewhere)
        assert arm.calls == []


async def refused(act: Awaitable[object]) -> None:
    with pytest.raises(Fatal) as caught:
        await act
    assert caught.value.code == "UnexpectedHost"


def nothing_reached(elsewhere: FakeArm) -> None:
    """Not even a request without a token: where an answer points to is not for us to find out."""
    assert elsewhere.calls == elsewhere.token_calls == []
