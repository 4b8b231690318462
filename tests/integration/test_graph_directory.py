"""Names and members from Microsoft Graph, and the activity log, over HTTP against the simulator."""

# ruff: noqa: F811  (pytest's fixtures are named by their parameters)

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from controlplane.azure.activity import AzureActivityLog
from controlplane.azure.arm_client import ArmClient
from controlplane.azure.graph import MOST, GraphDirectory
from controlplane.azure.reader import ArmReader
from controlplane.errors import Rejected
from tests.support.simulator import RunningSimulator, simulator, simulator_process  # noqa: F401

LEADS, SCIENTISTS = (f"00000000-0000-0000-0000-0000000000{end}" for end in ("d5", "d1"))
PIPELINE, MONITORING = (f"00000000-0000-0000-0000-0000000000{end}" for end in ("e9", "eb"))


@pytest.fixture
async def client(simulator: RunningSimulator, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ArmClient]:
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "IDENTITY_ENDPOINT", "IDENTITY_HEADER"):
        monkeypatch.setenv(name, simulator.env[name])
    made = ArmClient(simulator.env["ARM_ENDPOINT"], simulator.env["OBSERVER_CLIENT_ID"])
    yield made
    await made.close()


def strangers(count: int) -> tuple[str, ...]:
    """Ids that nobody has."""
    return tuple(str(uuid.uuid5(uuid.NAMESPACE_URL, str(number))) for number in range(count))


async def test_names_are_asked_for_by_thousands(simulator: RunningSimulator, client: ArmClient) -> None:
    """The first and the last of 1,002 ids exist; Graph refuses more than 1,000 at once."""
    ids = (LEADS, *strangers(MOST), PIPELINE)
    assert await GraphDirectory(client).names(ids) == {LEADS: "churn-project-leads", PIPELINE: "release-pipeline"}
    asked = simulator.calls(plane="graph")
    assert [(call["method"], call["status"]) for call in asked] == [("POST", 200), ("POST", 200)]
    refused = await client.post("/v1.0/directoryObjects/getByIds", {"ids": list(strangers(MOST + 1))})
    assert refused.status == 400


async def test_members_of_groups_in_groups(simulator: RunningSimulator, client: ArmClient) -> None:
    async with simulator.arm() as owner:
        for group, member in ((LEADS, PIPELINE), (LEADS, SCIENTISTS), (SCIENTISTS, MONITORING)):
            link = {"@odata.id": f"{simulator.url}/v1.0/directoryObjects/{member}"}
            answer = await owner.post(f"/v1.0/groups/{group}/members/$ref", json=link)
            assert answer.status_code == 204, answer.text
    gone = strangers(1)[0]
    found = await GraphDirectory(client).members((LEADS, gone))
    assert found == {LEADS: frozenset({PIPELINE, SCIENTISTS, MONITORING}), gone: frozenset()}
    async with simulator.arm("observer") as observer:
        answer = await observer.post(f"/v1.0/groups/{LEADS}/members/$ref", json=link)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "Authorization_RequestDenied")


async def test_the_activity_log_is_read_page_by_page(simulator: RunningSimulator, client: ArmClient) -> None:
    """More writes than a page has; all of them are the owner's, and the correlation is the one that was sent."""
    group = f"{simulator.subscription}/resourceGroups/rg-log"
    async with simulator.arm() as owner:
        for number in range(110):
            headers = {"x-ms-correlation-request-id": f"c0ffee00-0000-0000-0000-{number:012d}"}
            body = {"location": "westeurope", "tags": {"number": str(number)}}
            answer = await owner.put(group, params={"api-version": "2021-04-01"}, json=body, headers=headers)
            assert answer.headers["x-ms-correlation-request-id"] == headers["x-ms-correlation-request-id"]
    log, now = AzureActivityLog(ArmReader(client)), datetime.now(UTC)
    subscription = simulator.subscription.rpartition("/")[2]
    found = await log.writes(subscription, "rg-log", now - timedelta(days=1), now + timedelta(minutes=1))
    assert len([event for event in found if event.status == "Succeeded"]) == 110
    assert len({event.correlation for event in found}) == 110
    assert {event.app for event in found} == {simulator.env["AZURE_CLIENT_ID"]}
    assert len(simulator.calls(path="/eventtypes/management/values")) > 1
    with pytest.raises(Rejected, match="cannot be more than 90 days in the past"):
        await log.writes(subscription, "rg-log", now - timedelta(days=91), now)
