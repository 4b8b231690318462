"""How often Resource Manager refused calls of a subscription, anybody's, in a window (S3-93).

Source: "Monitor Azure Resource Manager" (Microsoft.Resources/subscriptions, metric `Traffic`, aggregation count,
dimension `StatusCode`; `region=global`, api-version 2021-05-01; "examining throttled requests": 429). Its activity log
has writes that were done, and not those that were refused for being too many. It is one read of Resource Manager for a
subscription and sweep, beside the calls for metrics of endpoints.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from controlplane.errors import Rejected, Transient
from controlplane.json_types import JsonObject
from controlplane.ports.reader import ResourceReader

_log = logging.getLogger(__name__)
METRICS_API = "2021-05-01"
NAMESPACE = "microsoft.resources/subscriptions"


async def refused_in(reader: ResourceReader, subscription: str, begin: datetime, end: datetime) -> float | None:
    """Answers with 429 in the window; None where nobody knows. Split by status, because without any 429 there is no
    series of it, and without any series at all nothing was measured."""
    query = (
        ("metricnames", "Traffic"),
        ("metricnamespace", NAMESPACE),
        ("region", "global"),
        ("timespan", f"{_text(begin)}/{_text(end)}"),
        ("interval", "PT1M"),
        ("aggregation", "Count"),
        ("$filter", "StatusCode eq '*'"),
        ("top", "100"),
    )
    try:
        found = await reader.list(
            f"/subscriptions/{subscription}/providers/Microsoft.Insights/metrics", METRICS_API, query
        )
    except (Rejected, Transient) as error:
        _log.warning("throttling of Resource Manager is unknown subscription=%s code=%s", subscription, error.code)
        return None
    series = [(code, count) for metric in found for code, count in _series(metric)]
    return sum(count for code, count in series if code == "429") if series else None


def _series(metric: JsonObject) -> Iterator[tuple[str, float]]:
    for one in _items(metric.get("timeseries")):
        codes = [str(label.get("value")) for label in _items(one.get("metadatavalues"))]
        counts = [point.get("count") for point in _items(one.get("data"))]
        known = [float(value) for value in counts if isinstance(value, int | float) and math.isfinite(value)]
        if known:
            yield codes[0] if codes else "", sum(known)


def _items(value: Any) -> Sequence[JsonObject]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
