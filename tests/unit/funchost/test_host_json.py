"""host.json: the host's defaults, and what it would refuse."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from funchost.host_json import HostError, HostSettings, QueueSettings, read_host_json, timespan

ROOT = Path(__file__).resolve().parents[3]


def read(folder: Path, document: Any) -> HostSettings:
    (folder / "host.json").write_text(json.dumps(document))
    return read_host_json(folder)


def test_an_empty_host_json_has_the_hosts_defaults(tmp_path: Path) -> None:
    settings = read(tmp_path, {"version": "2.0"})
    assert (settings.route_prefix, settings.function_timeout) == ("api", 1800.0)
    queues = settings.queues
    assert (queues.batch_size, queues.max_dequeue_count, queues.visibility_timeout) == (16, 5, 0.0)
    assert (queues.max_polling_interval, queues.base64) == (60.0, True)


def test_every_setting_is_read(tmp_path: Path) -> None:
    settings = read(
        tmp_path,
        {
            "version": "2.0",
            "functionTimeout": "-1",
            "logging": {"logLevel": {"default": "Debug"}},
            "extensions": {
                "http": {"routePrefix": "/v1/"},
                "queues": {
                    "batchSize": 3,
                    "newBatchThreshold": 1,
                    "maxDequeueCount": 2,
                    "visibilityTimeout": "00:01:30",
                    "maxPollingInterval": "00:00:05",
                    "messageEncoding": "None",
                },
            },
        },
    )
    assert settings == HostSettings("v1", None, "DEBUG", QueueSettings(3, 1, 2, 90.0, 5.0, base64=False))


def test_the_products_host_json() -> None:
    settings = read_host_json(ROOT)
    assert settings.route_prefix == ""
    assert settings.queues.visibility_timeout == 30.0, "the default of zero would burn all attempts at once"
    assert settings.queues.max_dequeue_count == 5
    assert settings.queues.base64


@pytest.mark.parametrize(
    ("text", "seconds"), [("00:00:30", 30), ("01:02:03", 3723), ("1.00:00:01", 86401), ("00:00:00.2", 0.2)]
)
def test_time_spans(text: str, seconds: float) -> None:
    assert timespan(text) == seconds


REFUSED: dict[str, Any] = {
    "version 1": {"version": "1.0"},
    "no object": [],
    "batch of 33": {"version": "2.0", "extensions": {"queues": {"batchSize": 33}}},
    "batch of 0": {"version": "2.0", "extensions": {"queues": {"batchSize": 0}}},
    "no dequeue": {"version": "2.0", "extensions": {"queues": {"maxDequeueCount": 0}}},
    "number for a time": {"version": "2.0", "extensions": {"queues": {"visibilityTimeout": 30}}},
    "mistyped name": {"version": "2.0", "extensions": {"queues": {"visibilityTimeOut": "00:00:30"}}},
    "encoding": {"version": "2.0", "extensions": {"queues": {"messageEncoding": "utf8"}}},
    "level": {"version": "2.0", "logging": {"logLevel": {"default": "Loud"}}},
    "timeout": {"version": "2.0", "functionTimeout": "soon"},
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(HostError):
        read(tmp_path, REFUSED[name])


def test_a_missing_or_broken_file(tmp_path: Path) -> None:
    with pytest.raises(HostError):
        read_host_json(tmp_path)
    (tmp_path / "host.json").write_text("{")
    with pytest.raises(HostError):
        read_host_json(tmp_path)
