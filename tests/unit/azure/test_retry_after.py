from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.azure.retry_after import retry_after

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
IN_30_S = "Sat, 21 Nov 2026 12:00:30 GMT"


def _http_date(date: datetime) -> str:
    return f"{date:%a, %d %b} {date.year:04} {date:%H:%M:%S} GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        pytest.param({}, None, id="none"),
        pytest.param({"retry-after": "17"}, 17.0, id="seconds"),
        pytest.param({"retry-after": "0"}, 0.0, id="zero is an answer"),
        pytest.param({"retry-after": "1.5"}, 1.5, id="fraction"),
        pytest.param({"retry-after": "-3"}, 0.0, id="negative"),
        pytest.param({"retry-after": IN_30_S}, 30.0, id="date"),
        pytest.param({"retry-after": IN_30_S, "date": "Sat, 21 Nov 2026 12:00:20 GMT"}, 10.0, id="the server's clock"),
        pytest.param({"retry-after": IN_30_S, "date": "yesterday"}, 30.0, id="unreadable date"),
        pytest.param({"retry-after": "Sat, 21 Nov 2026 11:00:00 GMT"}, 0.0, id="past date"),
        pytest.param({"retry-after": "Sat, 21 Nov 2026 12:00:30 -0000"}, 30.0, id="no zone is GMT"),
        pytest.param({"x-ms-retry-after-ms": "250"}, 0.25, id="x-ms milliseconds"),
        pytest.param({"retry-after-ms": "250"}, 0.25, id="milliseconds"),
        pytest.param({"retry-after": "1", "x-ms-retry-after-ms": "100"}, 0.1, id="the most exact wins"),
        pytest.param({"retry-after": IN_30_S, "retry-after-ms": "100"}, 0.1, id="milliseconds over a date"),
        pytest.param({"retry-after": "5", "x-ms-retry-after-ms": "soon"}, 5.0, id="unreadable gives way"),
        pytest.param({"retry-after": "1e300"}, 86400.0, id="never is a day"),
        pytest.param({"retry-after": "soon"}, None, id="unreadable"),
        pytest.param({"retry-after": "nan"}, None, id="not a number"),
        pytest.param({"retry-after": "inf"}, None, id="for ever"),
        pytest.param({"retry-after": ""}, None, id="empty"),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers, NOW) == seconds


@given(
    st.dictionaries(
        st.sampled_from(["retry-after", "retry-after-ms", "x-ms-retry-after-ms", "date"]),
        st.text(max_size=40) | st.floats().map(str) | st.datetimes(timezones=st.just(UTC)).map(_http_date),
    )
)
def test_whatever_the_headers_hold_the_wait_is_none_or_at_most_a_day(headers: dict[str, str]) -> None:
    wait = retry_after(headers, NOW)
    assert wait is None or 0 <= wait <= 86400
