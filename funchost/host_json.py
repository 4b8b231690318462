"""host.json → typed settings, with the Functions host's defaults for what is not there.

Source: https://learn.microsoft.com/azure/azure-functions/functions-host-json and, for queues,
``QueuesOptions`` of Microsoft.Azure.WebJobs.Extensions.Storage.Queues 5.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_TIMESPAN = re.compile(r"(?:(\d+)\.)?(\d{1,2}):(\d{1,2}):(\d{1,2}(?:\.\d+)?)")
_LEVELS = {
    "Trace": "DEBUG",
    "Debug": "DEBUG",
    "Information": "INFO",
    "Warning": "WARNING",
    "Error": "ERROR",
    "Critical": "CRITICAL",
    "None": "CRITICAL",
}
_QUEUE_NAMES = {
    "batchSize",
    "newBatchThreshold",
    "maxDequeueCount",
    "visibilityTimeout",
    "maxPollingInterval",
    "messageEncoding",
}


class HostError(RuntimeError):
    """The app, its settings or host.json are not something this host can run; the text says why."""


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """``extensions.queues``. Times in seconds."""

    batch_size: int = 16
    new_batch_threshold: int = 8
    max_dequeue_count: int = 5
    visibility_timeout: float = 0.0
    """How long a message stays away after its function *failed*."""
    max_polling_interval: float = 60.0
    base64: bool = True

    @classmethod
    def from_json(cls, section: Mapping[str, Any]) -> QueueSettings:
        """Refuses names and values that the extension would not take."""
        if unknown := set(section) - _QUEUE_NAMES:
            raise HostError(f"host.json: extensions.queues does not know {', '.join(sorted(unknown))}")
        batch_size = _integer(section, "batchSize", 16, least=1, most=32)
        encoding = str(section.get("messageEncoding", "base64")).lower()
        if encoding not in ("base64", "none"):
            raise HostError("host.json: extensions.queues.messageEncoding is base64 or none")
        return cls(
            batch_size=batch_size,
            new_batch_threshold=_integer(
                section, "newBatchThreshold", batch_size // 2 * (os.cpu_count() or 1), least=0, most=1_000_000
            ),
            max_dequeue_count=_integer(section, "maxDequeueCount", 5, least=1, most=1_000_000),
            visibility_timeout=timespan(section.get("visibilityTimeout", "00:00:00")),
            max_polling_interval=max(0.1, timespan(section.get("maxPollingInterval", "00:01:00"))),
            base64=encoding == "base64",
        )


@dataclass(frozen=True, slots=True)
class HostSettings:
    """What of host.json this host acts on."""

    route_prefix: str = "api"
    function_timeout: float | None = 1800.0
    """Seconds; None is unbounded. The default is Flex Consumption's."""
    log_level: str = "INFO"
    queues: QueueSettings = QueueSettings()


def read_host_json(directory: Path) -> HostSettings:
    """Reads ``host.json`` of the app's directory. Raises ``HostError``."""
    try:
        document = json.loads((directory / "host.json").read_text())
    except (OSError, ValueError) as error:
        raise HostError(f"host.json cannot be read: {error}") from error
    if not isinstance(document, dict) or document.get("version") != "2.0":
        raise HostError('host.json must be an object with "version": "2.0"')
    extensions = document.get("extensions", {})
    timeout = document.get("functionTimeout", "00:30:00")
    level = document.get("logging", {}).get("logLevel", {}).get("default", "Information")
    if level not in _LEVELS:
        raise HostError(f"host.json: logging.logLevel.default is one of {', '.join(_LEVELS)}")
    return HostSettings(
        route_prefix=str(extensions.get("http", {}).get("routePrefix", "api")).strip("/"),
        function_timeout=None if timeout == "-1" else timespan(timeout),
        log_level=_LEVELS[level],
        queues=QueueSettings.from_json(extensions.get("queues", {})),
    )


def timespan(text: object) -> float:
    """Seconds of a .NET TimeSpan such as ``00:00:30`` or ``1.02:00:00``."""
    match = _TIMESPAN.fullmatch(str(text))
    if match is None:
        raise HostError(f"host.json: {text!r} is not a time span such as 00:00:30")
    days, hours, minutes, seconds = match.groups()
    return int(days or 0) * 86400 + int(hours) * 3600 + int(minutes) * 60 + float(seconds)


def _integer(section: Mapping[str, Any], name: str, default: int, *, least: int, most: int) -> int:
    value = section.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise HostError(f"host.json: extensions.queues.{name} is a whole number from {least} to {most}")
    return value
