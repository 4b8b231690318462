"""Registrations by REST."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.support.api import Api, error, registration


async def test_life_of_a_registration(api: Api) -> None:
    created = await api.call("PUT", "projects/churn", registration())
    assert created.status_code == 201
    assert created.headers["ETag"] == created.json()["etag"]
    assert (await api.call("GET", "projects/churn")).json() == created.json()
    same = await api.call("PUT", "projects/churn", registration())
    assert (same.status_code, same.json()) == (200, created.json())
    api.clock.advance(60)
    changed = await api.call("PUT", "projects/churn", registration(regions=["northeurope"]))
    assert changed.status_code == 200
    assert changed.json()["etag"] != created.json()["etag"]
    assert changed.json()["createdAt"] == created.json()["createdAt"] < changed.json()["lastModifiedAt"]
    listed = (await api.call("GET", "projects")).json()
    assert listed == {"value": [changed.json()]}
    assert (await api.call("DELETE", "projects/churn")).status_code == 204
    assert (await api.call("GET", "projects/churn")).status_code == 404
    assert (await api.call("DELETE", "projects/churn")).status_code == 204


BAD: dict[str, tuple[dict[str, Any], set[str]]] = {
    "missing and unknown": ({"regions": [], "colour": 1}, {"$.regions", "$.colour"}),
    "subscription": ({"subscriptions": ["prod"]}, {"$.subscriptions[0]"}),
    "address pools": ({"addressPools": ["10.0.0.0/8", "10.0.0.1/8", "x"]}, {"$.addressPools[1]", "$.addressPools[2]"}),
    "ids of Azure": ({"hubs": ["hub"], "registries": ["/subscriptions/x"]}, {"$.hubs[0]", "$.registries[0]"}),
    "keys": ({"keys": ["key"]}, {"$.keys[0]"}),
    "groups": (
        {"entraGroups": ["all"], "members": {"readers": ["everybody"]}},
        {"$.entraGroups[0]", "$.members.readers[0]"},
    ),
    "prefix and limit": (
        {"resourceGroupPrefix": "/", "limits": {"maxNodes": -1}},
        {"$.resourceGroupPrefix", "$.limits.maxNodes"},
    ),
    "unknown inside": ({"members": {"owners": []}}, {"$.members.owners"}),
}


@pytest.mark.parametrize("case", BAD)
async def test_every_bad_field_is_named(api: Api, case: str) -> None:
    changes, targets = BAD[case]
    answer = await api.call("PUT", "projects/churn", registration(**changes))
    assert (answer.status_code, answer.headers["x-ms-error-code"]) == (400, "InvalidRegistration")
    assert {detail["target"] for detail in answer.json()["error"]["details"]} == targets
    assert (await api.call("GET", "projects/churn")).status_code == 404


@pytest.mark.parametrize("name", ["A", "-a", "a-", "a_b", "x" * 41, "a%23b", "a%20b"])
async def test_bad_name(api: Api, name: str) -> None:
    put = await api.call("PUT", f"projects/{name}", registration())
    assert (put.status_code, put.headers["x-ms-error-code"]) == (400, "InvalidResourceName")
    assert (await api.call("GET", f"projects/{name}")).status_code == 404
    assert (await api.call("DELETE", f"projects/{name}")).status_code == 204


def groups(project: str, prefix: str, *subscriptions: str, **changes: Any) -> dict[str, Any]:
    asked = registration(project, resourceGroupPrefix=prefix, **changes)
    return {**asked, "subscriptions": list(subscriptions)} if subscriptions else asked


OTHER_SUBSCRIPTION = "00000000-0000-0000-0000-00000000000f"


@pytest.mark.parametrize("prefix", ["rg-churn-", "RG-Churn-", "rg-churn-b-", "rg-", "rg-churn"])
async def test_a_prefix_that_begins_like_another_projects_is_refused(api: Api, prefix: str) -> None:
    await api.register()
    answer = await api.call("PUT", "projects/fraud", groups("fraud", prefix))
    found = error(answer)
    assert (answer.status_code, found["code"]) == (409, "ResourceGroupPrefixOverlaps")
    (detail,) = found["details"]
    assert detail["target"] == "$.resourceGroupPrefix"
    assert "'churn'" in detail["message"]
    assert (await api.call("GET", "projects/fraud")).status_code == 404


@pytest.mark.parametrize(
    "asked",
    [
        groups("fraud", "rg-fraud-"),
        groups("fraud", "rg-churm-"),
        groups("fraud", "rg-churn-b-", OTHER_SUBSCRIPTION),
    ],
    ids=["another prefix", "as long, another one", "in another subscription"],
)
async def test_a_prefix_of_its_own_is_taken(api: Api, asked: dict[str, Any]) -> None:
    await api.register()
    assert (await api.call("PUT", "projects/fraud", asked)).status_code == 201


async def test_a_registration_that_grows_into_anothers_groups_is_refused(api: Api) -> None:
    """By a subscription or by another prefix; what it had, it keeps, and a prefix is free when its project is gone."""
    await api.register()
    assert (
        await api.call("PUT", "projects/fraud", groups("fraud", "rg-churn-b-", OTHER_SUBSCRIPTION))
    ).status_code == 201
    shared = registration()["subscriptions"]
    wider = groups("fraud", "rg-churn-b-", OTHER_SUBSCRIPTION, *shared)
    assert (await api.call("PUT", "projects/fraud", wider)).status_code == 409
    shorter = groups("fraud", "rg-", *shared)
    assert (await api.call("PUT", "projects/fraud", shorter)).status_code == 409
    same = groups("fraud", "rg-churn-b-", OTHER_SUBSCRIPTION, regions=["northeurope"])
    assert (await api.call("PUT", "projects/fraud", same)).status_code == 200
    assert (await api.call("DELETE", "projects/churn")).status_code == 204
    assert (await api.call("PUT", "projects/fraud", wider)).status_code == 200
    listed = (await api.call("GET", "projects")).json()["value"]
    assert [one["id"] for one in listed] == ["projects/fraud"]


async def test_of_registrations_at_once_one_has_the_groups(api: Api) -> None:
    names = [f"team-{number}" for number in range(12)]
    prefixes = ["rg-x-" + "y" * number for number in range(6)] + [f"rg-{name}-" for name in names[6:]]
    calls = (
        api.call("PUT", f"projects/{name}", groups("churn", prefix))
        for name, prefix in zip(names, prefixes, strict=True)
    )
    answers = [answer.status_code for answer in await asyncio.gather(*calls)]
    assert sorted(answers[:6]) == [201, 409, 409, 409, 409, 409]
    assert answers[6:] == [201] * 6


async def test_project_with_workspaces_stays(api: Api) -> None:
    await api.register()
    await api.create()
    answer = await api.call("DELETE", "projects/churn")
    assert (answer.status_code, answer.headers["x-ms-error-code"]) == (409, "ProjectNotEmpty")


async def test_preconditions(api: Api) -> None:
    update_only = await api.call("PUT", "projects/churn", registration(), headers={"If-Match": "*"})
    assert update_only.status_code == 412
    etag = (await api.call("PUT", "projects/churn", registration())).json()["etag"]
    assert (await api.call("PUT", "projects/churn", registration(), headers={"If-None-Match": "*"})).status_code == 412
    changed = registration(regions=["northeurope"])
    assert (await api.call("PUT", "projects/churn", changed, headers={"If-Match": etag})).status_code == 200
    assert (await api.call("PUT", "projects/churn", registration(), headers={"If-Match": etag})).status_code == 412
    assert (await api.call("DELETE", "projects/churn", headers={"If-Match": etag})).status_code == 412


async def test_an_etag_of_a_deleted_registration_fits_no_later_one(api: Api) -> None:
    old = (await api.call("PUT", "projects/churn", registration())).json()["etag"]
    await api.call("DELETE", "projects/churn")
    new = (await api.call("PUT", "projects/churn", registration())).json()["etag"]
    assert new != old
    assert (await api.call("DELETE", "projects/churn", headers={"If-Match": old})).status_code == 412
