"""How many rows a window had, where the monitor does not say: the calls that its deployment answered meanwhile.

Azure ML's own monitors write no count (Azure/azureml-assets, evaluate_metrics_threshold.py). Each call is collected as
one row at least, so calls are a lower bound. Source of the metric: "Supported metrics for
Microsoft.MachineLearningServices/workspaces/onlineEndpoints/deployments", `RequestsPerMinute`, a count.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from controlplane.errors import Rejected
from controlplane.json_types import JsonObject
from controlplane.ports.reader import ResourceReader
from controlplane.retraining.monitors.model import MonitorSpec, data_of

_log = logging.getLogger(__name__)
METRICS_API = "2018-01-01"
METRIC = "RequestsPerMinute"


async def calls_in(reader: ResourceReader, workspace_id: str, spec: MonitorSpec, window_at: datetime) -> int | None:
    """Calls in the window whose slot is ``window_at``; None where nobody knows: no sample, or it may not be read.
    Raises ``Transient``."""
    begin, end = data_of(spec, window_at)
    path = f"{workspace_id}/onlineEndpoints/{spec.endpoint}/deployments/{spec.deployment}"
    query = (
        ("metricnames", METRIC),
        ("timespan", f"{_text(begin)}/{_text(end)}"),
        ("interval", "PT1H"),
        ("aggregation", "Total"),
    )
    try:
        found = await reader.list(f"{path}/providers/Microsoft.Insights/metrics", METRICS_API, query)
    except Rejected as error:
        _log.warning("calls of a window could not be read path=%s code=%s", path, error.code)
        return None
    totals = list(_totals(found))
    return int(sum(totals)) if totals else None


def _totals(metrics: Sequence[JsonObject]) -> Iterator[float]:
    for metric in metrics:
        series = metric.get("timeseries")
        for one in series if isinstance(series, list) else ():
            points = one.get("data") if isinstance(one, dict) else None
            for point in points if isinstance(points, list) else ():
                total = point.get("total") if isinstance(point, dict) else None
                if isinstance(total, int | float) and math.isfinite(total):
                    yield float(total)


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
