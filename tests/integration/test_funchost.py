"""funchost as processes: sockets, signals, deaths, and host.json's settings seen from outside."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import shutil
import signal
import sqlite3
import sys
import time
import uuid
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import psutil  # type: ignore[import-untyped]
import pytest
from azure.storage.queue.aio import QueueClient

from funchost.environment import app_settings
from tests.support.azurite import RunningAzurite
from tests.support.funchost import APP, ROOT, Host, running_host
from tests.support.processes import runs
from tests.support.waiting import PATIENCE_SECONDS


def send(folder: Path, *orders: Mapping[str, Any]) -> None:
    """Puts messages into the queue file as docs/sqlite-queue.md says."""
    connection = sqlite3.connect(folder / "queue.db", timeout=PATIENCE_SECONDS)
    with connection:
        for order in orders:
            body = base64.b64encode(json.dumps(order).encode()).decode()
            connection.execute(
                "INSERT INTO queue_messages (id, queue, body, inserted_at, visible_at) VALUES (?, 'ticks', ?, ?, ?)",
                (str(uuid.uuid4()), body, time.time(), time.time()),
            )
    connection.close()


def queued(folder: Path, queue: str = "ticks") -> list[tuple[int, float]]:
    """Dequeue count and visibility of the messages in a queue."""
    connection = sqlite3.connect(folder / "queue.db", timeout=PATIENCE_SECONDS)
    rows = connection.execute("SELECT dequeue_count, visible_at FROM queue_messages WHERE queue = ?", (queue,))
    found = rows.fetchall()
    connection.close()
    return found


def app_with(folder: Path, section: str, **changes: object) -> Path:
    """A copy of the app whose host.json differs in one section of ``extensions``."""
    app = folder / "app"
    shutil.copytree(APP, app, ignore=shutil.ignore_patterns("__pycache__"))
    document = json.loads((app / "host.json").read_text())
    document["extensions"][section] |= changes
    (app / "host.json").write_text(json.dumps(document))
    return app


async def get(url: str) -> httpx.Response:
    async with httpx.AsyncClient(timeout=PATIENCE_SECONDS) as client:
        return await client.get(url)


async def test_each_kind_of_function_runs_in_a_process_of_its_own(tmp_path: Path) -> None:
    async with running_host(tmp_path) as host:
        answer = await get(f"{host.url}/pre/api/things?a=1")
        assert answer.status_code == 201
        seen = answer.json()
        assert (seen["path"], seen["query"], seen["function"]) == ("/pre/api/things", "a=1", "front")
        plain = (await get(f"{host.url}/pre/plain/7")).json()
        assert (plain["id"], plain["invocation"]) == ("7", True)
        for path in ("/", "/api/things", "/pre/other", "/pre/plain/x", "/admin/host/status"):
            assert (await get(host.url + path)).status_code == 404
        send(tmp_path, {"n": 1})
        await host.until(lambda: bool(host.notes("end") and host.notes("tick")))
        assert host.notes("end")[0]["body"] == '{"n": 1}'
        pids = {seen["pid"], host.notes("end")[0]["pid"], host.notes("tick")[0]["pid"], host.process.pid}
        assert len(pids) == 4
        assert {note["pid"] for note in host.notes("tick")} == {host.notes("tick")[0]["pid"]}
        # A full minute may have begun meanwhile; none runs before its time.
        early = [one for one in host.notes("minutely") if one["at"] < _time(one["status"]["Next"])]
        assert early == []
        # The host is ready before each of its timers has said when it is due.
        await host.until((tmp_path / "timers" / "minutely.json").exists)
        status = json.loads((tmp_path / "timers" / "minutely.json").read_text())
        assert set(status) == {"Last", "Next", "LastUpdated"}


def _time(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


async def test_route_prefix(tmp_path: Path) -> None:
    app = app_with(tmp_path, "http", routePrefix="")
    async with running_host(tmp_path, "--only", "http", app=app) as host:
        assert (await get(f"{host.url}/plain/7")).status_code == 200
        assert (await get(f"{host.url}/pre/plain/7")).status_code == 404
        assert len(children_of(host)) == 1


@pytest.mark.parametrize("batch_size", [2, 5])
async def test_batch_size(tmp_path: Path, batch_size: int) -> None:
    app = app_with(tmp_path, "queues", batchSize=batch_size)
    async with running_host(tmp_path, "--only", "work", app=app) as host:
        assert host.url == ""
        gate = tmp_path / "gate"
        send(tmp_path, *({"n": n, "until": str(gate)} for n in range(6)))
        await host.until(lambda: len(host.notes("begin")) == batch_size)
        gate.touch()
        await host.until(lambda: len(host.notes("end")) == 6)
        running = most = 0
        for note in host.notes():
            running += 1 if note["event"] == "begin" else -1
            most = max(most, running)
        assert most == batch_size


@pytest.mark.parametrize(("visibility_timeout", "again"), [("00:00:00", True), ("00:20:00", False)])
async def test_visibility_timeout(tmp_path: Path, visibility_timeout: str, again: bool) -> None:
    app = app_with(tmp_path, "queues", visibilityTimeout=visibility_timeout)
    async with running_host(tmp_path, "--only", "work", app=app) as host:
        send(tmp_path, {"fail": True})
        if again:
            await host.until(lambda: len(host.notes("end")) == 3)
            return
        await host.until(lambda: any(900 < at - time.time() < 1200 for _, at in queued(tmp_path)))
        assert [note["count"] for note in host.notes("begin")] == [1]


@pytest.mark.parametrize("most", [1, 2])
async def test_max_dequeue_count(tmp_path: Path, most: int) -> None:
    app = app_with(tmp_path, "queues", maxDequeueCount=most)
    async with running_host(tmp_path, "--only", "work", app=app) as host:
        send(tmp_path, {"fail": True})
        await host.until(lambda: len(queued(tmp_path, "ticks-poison")) == 1)
        assert [note["count"] for note in host.notes("begin")] == list(range(1, most + 1))
        assert queued(tmp_path) == []


async def test_a_worker_that_dies_is_replaced(tmp_path: Path) -> None:
    async with running_host(tmp_path) as host:
        first = (await get(f"{host.url}/pre/api/x")).json()["pid"]
        os.kill(first, signal.SIGKILL)
        second = (await get(f"{host.url}/pre/api/x")).json()["pid"]
        assert second != first
        send(tmp_path, {"die": True})
        await host.until(lambda: len(host.notes("begin")) == 1)
        send(tmp_path, {"n": 2})
        await host.until(lambda: len(host.notes("end")) == 1)
        died, lived = host.notes("begin")
        assert died["pid"] != lived["pid"]
        # The function notes its end before the host deletes its message.
        await host.until(lambda: len(queued(tmp_path)) == 1)
        ((count, visible_at),) = queued(tmp_path)
        assert count == 1
        assert visible_at > time.time() + 500, "a message whose worker died comes again when its lease is over"


def alive(pids: list[int]) -> list[int]:
    """Those of ``pids`` that run; a zombie that nobody has waited for does not."""
    return [pid for pid in pids if runs(pid)]


def children_of(host: Host) -> list[int]:
    return [child.pid for child in psutil.Process(host.process.pid).children(recursive=True)]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
async def test_children_end_with_the_parent_however_it_ends(tmp_path: Path, number: signal.Signals) -> None:
    async with running_host(tmp_path) as host:
        pids = children_of(host)
        assert len(pids) == 5
        host.process.send_signal(number)
        code = await asyncio.wait_for(host.process.wait(), PATIENCE_SECONDS)
        assert code == (-signal.SIGKILL if number == signal.SIGKILL else 0)
        await host.until(lambda: alive(pids) == [])


async def test_what_runs_is_ended_before_the_host_ends(tmp_path: Path) -> None:
    async with running_host(tmp_path, "--only", "work") as host:
        send(tmp_path, {"sleep": 0.5})
        await host.until(lambda: len(host.notes("begin")) == 1)
        host.process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(host.process.wait(), PATIENCE_SECONDS) == 0
        assert len(host.notes("end")) == 1
        assert queued(tmp_path) == []


async def run_to_end(*arguments: str) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "funchost", "--port", "0", *arguments),
        cwd=ROOT,
        env={**os.environ, "WORK_QUEUE": "ticks"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await asyncio.wait_for(process.communicate(), PATIENCE_SECONDS)
    return process.returncode, output.decode()


async def test_what_cannot_start_says_why_and_ends_with_1(tmp_path: Path) -> None:
    code, output = await run_to_end("--app", str(tmp_path))
    assert code == 1
    assert "function_app.py" in output
    app = app_with(tmp_path, "queues", batchSize=99)
    code, output = await run_to_end("--app", str(app))
    assert code == 1
    assert "batchSize" in output
    code, output = await run_to_end("--app", str(APP), "--only", "absent", "--state", str(tmp_path))
    assert code == 1
    assert "absent" in output


def test_state_is_kept_beside_the_queue_that_was_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_with(tmp_path, "queues")
    elsewhere = tmp_path / "elsewhere"
    monkeypatch.delenv("CONTROLPLANE_SQLITE_QUEUE", raising=False)
    settings, state = app_settings(app, None, None)
    assert (settings["CONTROLPLANE_SQLITE_QUEUE"], state) == (str(app / ".local" / "queue.db"), app / ".local")
    (app / "local.settings.json").write_text(
        json.dumps({"Values": {"CONTROLPLANE_SQLITE_QUEUE": str(elsewhere / "q.db")}})
    )
    settings, state = app_settings(app, None, None)
    assert (settings["CONTROLPLANE_SQLITE_QUEUE"], state) == (str(elsewhere / "q.db"), elsewhere)
    assert app_settings(app, None, tmp_path)[1] == tmp_path


@pytest.mark.parametrize("asked", ["option", "setting"])
async def test_several_workers_of_a_function(tmp_path: Path, asked: str) -> None:
    options, settings = (("--workers", "2"), {}) if asked == "option" else ((), {"FUNCTIONS_WORKER_PROCESS_COUNT": "2"})
    async with running_host(tmp_path, *options, **settings) as host:
        groups = [psutil.Process(pid).cmdline() for pid in children_of(host)]
        counts = Counter(line[line.index("--worker") + 1] for line in groups)
        assert counts == {"http": 2, "work": 2, "events": 2, "tick": 1, "minutely": 1}, "a timer has one"
        gate = tmp_path / "gate"
        send(tmp_path, *({"n": n, "until": str(gate)} for n in range(12)))  # more than one takes at once
        await host.until(lambda: len({note["pid"] for note in host.notes("begin")}) == 2)
        gate.touch()
        await host.until(lambda: len(host.notes("end")) == 12)
        assert len({note["id"] for note in host.notes("begin")}) == len(host.notes("begin")) == 12
        first = (await get(f"{host.url}/pre/api/x")).json()["pid"]
        os.kill(first, signal.SIGSTOP)
        try:
            assert (await get(f"{host.url}/pre/api/x")).json()["pid"] != first, "one socket, heard by both"
        finally:
            os.kill(first, signal.SIGCONT)


async def test_two_hosts_of_one_state_have_one_timer(tmp_path: Path) -> None:
    async with running_host(tmp_path, "--only", "tick") as first:
        await first.until(lambda: len(first.notes("tick")) >= 2)
        async with running_host(tmp_path, "--only", "tick") as second:
            await first.until(lambda: len(first.notes("tick")) >= 4)
            assert len({note["pid"] for note in first.notes("tick")}) == 1
            first.process.send_signal(signal.SIGTERM)
            await second.until(lambda: len({note["pid"] for note in first.notes("tick")}) == 2)


EVENT = {"id": "1", "subject": "s", "eventType": "t", "eventTime": "2026-11-22T00:00:00Z", "dataVersion": ""}


async def test_event_grid_functions_have_their_own_process_behind_the_same_port(tmp_path: Path) -> None:
    async with running_host(tmp_path) as host:
        key = json.loads((tmp_path / "keys.json").read_text())["systemKeys"]["eventgrid_extension"]
        url = f"{host.url}/runtime/webhooks/EventGrid?functionName=events&code={key}"

        async def deliver(**data: object) -> int:
            async with httpx.AsyncClient(timeout=PATIENCE_SECONDS) as client:
                headers = {"aeg-event-type": "Notification"}
                return (await client.post(url, headers=headers, json=[{**EVENT, "data": data}])).status_code

        async with httpx.AsyncClient(timeout=PATIENCE_SECONDS) as client:
            validation = [{**EVENT, "data": {"validationCode": "code"}}]
            answer = await client.post(url, headers={"aeg-event-type": "SubscriptionValidation"}, json=validation)
            assert (answer.status_code, answer.json()) == (200, {"validationResponse": "code"})
            assert (await client.options(url)).headers["WebHook-Allowed-Origin"] == "eventgrid.azure.net"
            assert (await client.post(url.replace(key, "wrong"))).status_code == 401
        assert await deliver(n=1) == 202
        assert await deliver(fail=True) == 500
        assert await deliver(die=True) == 500
        assert await deliver(n=2) == 202, "the worker is replaced, and its port waits meanwhile"
        notes = host.notes("delivered")
        assert [note["data"] for note in notes] == [{"n": 1}, {"fail": True}, {"die": True}, {"n": 2}]
        assert notes[0]["pid"] == notes[2]["pid"] != notes[3]["pid"]
        assert notes[0]["pid"] != (await get(f"{host.url}/pre/api/x")).json()["pid"]


async def test_an_event_grid_function_alone_has_the_port(tmp_path: Path) -> None:
    async with running_host(tmp_path, "--only", "events") as host:
        assert (await get(f"{host.url}/runtime/webhooks/EventGrid?functionName=events")).status_code == 401
        assert len(children_of(host)) == 2


async def test_storage_queues(tmp_path: Path, azurite: RunningAzurite) -> None:
    queue = f"q-{uuid.uuid4().hex[:12]}"
    settings = {"WORK_QUEUE": queue, "AzureWebJobsStorage": azurite.connection_string}
    async with (
        running_host(tmp_path, "--only", "work", "--queues", "storage", "--workers", "2", **settings) as host,
        QueueClient.from_connection_string(azurite.connection_string, queue) as ticks,
        QueueClient.from_connection_string(azurite.connection_string, f"{queue}-poison") as poison,
    ):
        assert "CONTROLPLANE_SQLITE_QUEUE" not in psutil.Process(children_of(host)[0]).environ()
        await ticks.create_queue()
        for order in ({"n": 1}, {"fail": True}):
            await ticks.send_message(base64.b64encode(json.dumps(order).encode()).decode())
        await host.until(lambda: len(host.notes("end")) == 4)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (await ticks.get_queue_properties()).approximate_message_count:  # noqa: ASYNC110 - the host's doing
                await asyncio.sleep(0.02)
        (failed,) = await poison.peek_messages(5)
        assert json.loads(base64.b64decode(failed.content)) == {"fail": True}
        assert sorted(note["count"] for note in host.notes("begin")) == [1, 1, 2, 3]


async def test_a_storage_queue_needs_its_connection(tmp_path: Path) -> None:
    state = ("--state", str(tmp_path))
    code, output = await run_to_end("--app", str(APP), "--only", "work", "--queues", "storage", *state)
    assert code == 1
    assert "'AzureWebJobsStorage' does not exist" in output
    code, output = await run_to_end("--app", str(APP), "--workers", "11", *state)
    assert code == 1
    assert "11 is no number of workers" in output


async def test_settings_come_from_files_and_the_environment(tmp_path: Path) -> None:
    app = app_with(tmp_path, "queues")
    values = {"WORK_QUEUE": "other", "FROM_SETTINGS": "1"}
    (app / "local.settings.json").write_text(json.dumps({"IsEncrypted": False, "Values": values}))
    env_file = tmp_path / "azure.env"
    env_file.write_text("# the simulator's\nWORK_QUEUE=ticks\n\n")
    async with running_host(
        tmp_path, "--only", "work", "--env-file", str(env_file), app=app, WORK_QUEUE="wrong"
    ) as host:
        (worker,) = psutil.Process(host.process.pid).children()
        environment = worker.environ()
        assert environment["WORK_QUEUE"] == "ticks"
        assert environment["FROM_SETTINGS"] == "1"
        assert environment["CONTROLPLANE_SQLITE_QUEUE"] == str(tmp_path / "queue.db")
        send(tmp_path, {"n": 1})
        await host.until(lambda: len(host.notes("end")) == 1)
