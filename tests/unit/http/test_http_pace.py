"""429: how fast one principal may ask."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.http.errors import TooFast
from controlplane.http.pace import Pace
from tests.support.api import Api, error


async def test_who_asks_too_fast_is_told_when_to_come_again(api: Api) -> None:
    now = [0.0]
    api.app.state.api._pace = Pace(0.5, 3, lambda: now[0])
    eve = api.issuer.token("eve")
    assert [(await api.call("GET", "workspaces", token=eve)).status_code for _ in range(3)] == [200] * 3
    refused = await api.call("GET", "workspaces", token=eve)
    assert (refused.status_code, error(refused)["code"], refused.headers["Retry-After"]) == (
        429,
        "TooManyRequests",
        "2",
    )
    assert (await api.call("GET", "workspaces")).status_code == 200, "others are not held up"
    assert (await api.call("GET", "health/ready", token=eve)).status_code == 200
    assert (await api.client.get("/api/health/live")).status_code == 200
    now[0] += 2.0
    assert (await api.call("GET", "workspaces", token=eve)).status_code == 200


@given(st.lists(st.floats(0, 5), max_size=60), st.floats(0.1, 10), st.integers(1, 20))
def test_never_more_than_burst_and_rate_allow(gaps: list[float], rate: float, burst: int) -> None:
    now, served = 0.0, 0
    pace = Pace(rate, burst, lambda: now)
    for gap in gaps:
        now += gap
        try:
            pace.spend("eve")
            served += 1
        except TooFast as refused:
            assert 0 < refused.retry_after <= 1 / rate + 1e-6
        assert served <= burst + rate * now + 1e-6


def test_buckets_of_those_who_went_are_forgotten() -> None:
    pace = Pace(1.0, 1, lambda: 0.0)
    for number in range(10_001):
        pace.spend(f"p{number}")
    pace.spend("p0")
    with pytest.raises(TooFast):
        pace.spend("p10000")
