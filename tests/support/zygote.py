"""A process that has imported the whole product once, and forks a copy of itself for every run.

``python -m tests.support.zygote`` reads orders (one JSON object a line) and answers ``{"pid": …}`` to each, and
``{"exited": pid, "status": …}`` when a copy has ended. It has no threads and no event loop, so that a copy is what a
fresh process would be after its imports. What a copy then runs is the product: the queue worker of funchost with
``function_app.ticks``, or the API. The harness wraps two methods of the store in the copy, to die at a commit and to
lose or double messages.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import json
import os
import selectors
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.waiting import PATIENCE_SECONDS

ROOT = Path(__file__).resolve().parents[2]
_MODULES = (
    "function_app",
    "funchost.worker",
    "httpx",
    "controlplane.bootstrap",
    "controlplane.azure._pipeline",
    "controlplane.azure.catalog",
    "controlplane.azure.reader",
    "controlplane.azure.writer",
    "controlplane.clocks",
    "controlplane.http.app",
    "controlplane.projects.repository",
    "controlplane.store",
    "controlplane.triggers.sweeps",
    "controlplane.triggers.ticks",
    "controlplane.workspaces.posture",
    "controlplane.workspaces.reconcile",
    "azure.mgmt.network.aio",
    "azure.mgmt.privatedns.aio",
)


# -- in the zygote ---------------------------------------------------------------------------------------------------


def main() -> None:
    """Until the end of standard input; then every copy is killed."""
    for name in _MODULES:
        importlib.import_module(name)
    if threading.active_count() > 1:
        raise RuntimeError("something started a thread while it was imported")
    gc.collect()
    gc.freeze()
    woken, wake = os.pipe()
    for end in (woken, wake):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    selector = selectors.DefaultSelector()
    selector.register(0, selectors.EVENT_READ)
    selector.register(woken, selectors.EVENT_READ)
    copies: set[int] = set()
    _say({"ready": True})
    pending = b""
    while True:
        for key, _ in selector.select():
            if key.fd == woken:
                os.read(woken, 4096)
                continue
            read = os.read(0, 65536)
            if not read:
                for pid in copies:
                    os.kill(pid, signal.SIGKILL)
                return
            *lines, pending = (pending + read).split(b"\n")
            for line in lines:
                copies.add(_fork(json.loads(line)))
        while copies:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                break
            copies.discard(pid)
            _say({"exited": pid, "status": os.waitstatus_to_exitcode(status)})


def _say(answer: dict[str, Any]) -> None:
    os.write(1, json.dumps(answer).encode() + b"\n")


def _fork(order: dict[str, Any]) -> int:
    pid = os.fork()
    if pid:
        _say({"pid": pid})
        return pid
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.environ.update(order["environment"])
        _sabotage(order)
        _RUNS[order["run"]](order)
        code = 0
    except BaseException:  # noqa: BLE001 - a copy must never go back into the zygote's loop
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


# -- in a copy -------------------------------------------------------------------------------------------------------


def _ticks(order: dict[str, Any]) -> None:
    from funchost.worker import WorkerOptions, run_worker

    run_worker(WorkerOptions(ROOT, "ticks", Path(order["folder"])))


def _api(order: dict[str, Any]) -> None:
    Path(order["answers"]).write_text(json.dumps(asyncio.run(_requests(order))))


async def _requests(order: dict[str, Any]) -> list[dict[str, Any]]:
    """Sends requests to the ASGI app; what it answers."""
    import httpx

    from controlplane import bootstrap

    answers = []
    transport = httpx.ASGITransport(bootstrap.http_app())
    headers = {"Authorization": f"Bearer {order['token']}"}
    async with httpx.AsyncClient(transport=transport, base_url="https://controlplane.test", headers=headers) as client:
        for method, path, body in order["requests"]:
            answer = await client.request(method, path, params={"api-version": order["apiVersion"]}, json=body)
            answers.append({"status": answer.status_code, "body": answer.json()})
    return answers


_RUNS: dict[str, Callable[[dict[str, Any]], None]] = {"ticks": _ticks, "api": _api}


def _sabotage(order: dict[str, Any]) -> None:
    from controlplane.store import SqliteQueue, SqliteStore

    commit, send = SqliteStore.commit, SqliteQueue.send
    record = os.open(order["commits"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    done = 0

    async def dying_commit(self: SqliteStore, partition: str, writes: Any) -> Any:
        nonlocal done
        done += 1
        mine = done == order.get("killAt")
        rows = [f"{type(write).__name__} {write.row}" for write in writes]
        os.write(record, f"{partition}: {', '.join(rows)}\n".encode())
        if mine and not order["after"]:
            os.kill(os.getpid(), signal.SIGKILL)
        etags = await commit(self, partition, writes)
        if mine:
            os.kill(os.getpid(), signal.SIGKILL)
        return etags

    async def repeated_send(self: SqliteQueue, message: str, *, delay_seconds: float = 0.0) -> None:
        for _ in range(order["messages"]):
            await send(self, message, delay_seconds=delay_seconds)

    SqliteStore.commit = dying_commit  # type: ignore[method-assign]
    SqliteQueue.send = repeated_send  # type: ignore[method-assign]


# -- in the test process ---------------------------------------------------------------------------------------------


class Zygote:
    """The zygote as the test process sees it; its own log is ``zygote.log`` in ``folder``.

    ``environment`` is there before the imports: aiohttp makes its TLS context when it is imported.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        with (folder / "zygote.log").open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.support.zygote"],
                cwd=ROOT,
                env={**os.environ, **environment},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                bufsize=0,
            )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._orders, self._answers = self._process.stdin, self._process.stdout
        self._ordering = threading.Lock()
        self._changed = threading.Condition()
        self._started: list[int] = []
        self._exited: dict[int, int] = {}
        self._ready = self._gone = False
        self._reader = threading.Thread(target=self._read, name="zygote", daemon=True)
        self._reader.start()
        self._wait(lambda: self._ready)

    def start(self, order: dict[str, Any]) -> int:
        """Forks a copy; its pid. May be called by several threads."""
        with self._ordering:
            known = len(self._started)
            self._orders.write(json.dumps(order).encode() + b"\n")
            self._wait(lambda: len(self._started) > known)
            return self._started[known]

    def exit_code(self, pid: int) -> int | None:
        """None while it runs; negative for a signal."""
        return self._exited.get(pid)

    def wait(self, pid: int) -> int:
        """Its exit code, when it has ended."""
        self._wait(lambda: pid in self._exited)
        return self._exited[pid]

    def kill(self, pid: int) -> None:
        """SIGKILL, unless it has ended already."""
        if pid not in self._exited:
            os.kill(pid, signal.SIGKILL)

    def close(self) -> None:
        self._orders.close()
        self._process.wait(PATIENCE_SECONDS)
        self._reader.join()
        self._answers.close()

    def _read(self) -> None:
        for line in self._answers:
            answer = json.loads(line)
            with self._changed:
                match answer:
                    case {"pid": pid}:
                        self._started.append(pid)
                    case {"exited": pid, "status": status}:
                        self._exited[pid] = status
                    case _:
                        self._ready = True
                self._changed.notify_all()
        with self._changed:
            self._gone = True
            self._changed.notify_all()

    def _wait(self, done: Callable[[], bool]) -> None:
        with self._changed:
            if not self._changed.wait_for(lambda: done() or self._gone, PATIENCE_SECONDS) or not done():
                raise RuntimeError("the zygote does not answer; see zygote.log")


@contextmanager
def zygote(folder: Path, environment: Mapping[str, str]) -> Iterator[Zygote]:
    """Started, and ended with all its copies."""
    started = Zygote(folder, environment)
    try:
        yield started
    finally:
        started.close()


if __name__ == "__main__":
    main()
