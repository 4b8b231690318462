"""Metrics of many resources at once: ``metrics:getBatch``, through the pipeline of Azure's own client. Implements
``ports.metrics``."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

from controlplane.arm import subscription_of
from controlplane.azure import metrics_answer
from controlplane.azure.arm_client import answer_of, encode
from controlplane.azure.errors import clean, error_of, lost_connection
from controlplane.azure.monitor import MonitorClients
from controlplane.errors import Fatal
from controlplane.ports.metrics import MOST_IDS, Answers, MetricsQuestion

API = "2024-02-01"
_AGGREGATIONS = "Average,Maximum,Total,Count"
#: Azure's time grains ("Azure Monitor Metrics overview").
_GRAINS = {
    timedelta(minutes=1): "PT1M",
    timedelta(minutes=5): "PT5M",
    timedelta(minutes=15): "PT15M",
    timedelta(minutes=30): "PT30M",
    timedelta(hours=1): "PT1H",
    timedelta(hours=6): "PT6H",
    timedelta(hours=12): "PT12H",
    timedelta(days=1): "P1D",
}


class AzureMetrics:
    """See the protocol. Source: azure-monitor-querymetrics 1.0: its ``query_resources`` sends the same, its
    ``send_request`` sends it for us and leaves the answer to us (``metrics_answer`` says why)."""

    def __init__(self, clients: MonitorClients) -> None:
        self._clients = clients

    async def batch(self, region: str, ids: Sequence[str], question: MetricsQuestion) -> Answers:
        if not 0 < len(ids) <= MOST_IDS:
            raise Fatal("TooManyResources", f"A batch is of 1 to {MOST_IDS} resources, not {len(ids)}.")
        client = await self._clients.metrics(region)
        rest, exceptions = (importlib.import_module(f"azure.core.{one}") for one in ("rest", "exceptions"))
        pipeline = importlib.import_module("controlplane.azure._pipeline")
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        body = encode({"resourceids": list(ids)})
        request: Any = rest.HttpRequest("POST", _path(ids[0], question), headers=headers, content=body)
        try:
            answer = await answer_of(await client.send_request(request))
        except pipeline.LOST as error:
            raise lost_connection(error) from error
        except exceptions.HttpResponseError as error:  # There is no token: nothing was sent.
            raise Fatal("UnexpectedAnswer", clean(str(error))) from error
        if not answer.ok:
            raise error_of(answer)
        return metrics_answer.read(answer.json(), ids, question.names)


def _path(arm_id: str, question: MetricsQuestion) -> str:
    """The client puts its region's address before it."""
    subscription, grain = subscription_of(arm_id), _GRAINS.get(question.grain)
    if subscription is None or grain is None:
        raise Fatal("UnexpectedQuestion", f"Metrics of {arm_id[:300]!r} in steps of {question.grain} cannot be asked.")
    if any("," in name for name in question.names):
        raise Fatal("UnexpectedQuestion", "A metric's name with a comma cannot be asked: names are a list of commas.")
    query = {
        "api-version": API,
        "starttime": _time(question.begin),
        "endtime": _time(question.end),
        "interval": grain,
        "metricnamespace": question.namespace,
        "metricnames": ",".join(question.names),
        "aggregation": _AGGREGATIONS,
    }
    return f"/subscriptions/{quote(subscription, safe='')}/metrics:getBatch?{urlencode(query, quote_via=quote)}"


def _time(at: datetime) -> str:
    """``yyyy-MM-ddTHH:mm:ss.fffZ``, as the definition has it."""
    return f"{at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"
