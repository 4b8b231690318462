"""The parent: child processes for each group of functions, started again when they die, stopped with the parent."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from funchost.host_json import HostError
from funchost.keys import keys_of
from funchost.worker import GRACE_SECONDS

#: Seconds before a dead child is started again: doubled each time, from the first again once it lived long enough.
FIRST_DELAY = 0.1
LONGEST_DELAY = 10.0
HEALTHY_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Options:
    """What ``python -m funchost`` was asked."""

    app: Path
    state: Path
    host: str
    port: int
    only: str | None
    ready_file: Path | None
    environment: Mapping[str, str]
    queues: str = "sqlite"
    workers: int = 1


@dataclass
class _Child:
    """One process. ``socket`` is where it listens; several children may listen on one."""

    group: str
    socket: socket.socket | None = None
    process: asyncio.subprocess.Process | None = None
    ready: asyncio.Event = field(default_factory=asyncio.Event)


class Supervisor:
    """Runs until SIGTERM or SIGINT. Raises ``HostError`` when a child cannot be started the first time."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._stop = asyncio.Event()
        self._started = False
        self._sockets: dict[str, socket.socket] = {}
        self._hooks: list[str] = []

    async def run(self) -> None:
        """Starts the groups, says when all of them are ready, and supervises."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        functions = await self._functions()
        url = self._listen(functions)
        children = self._children(functions)
        tasks = [asyncio.create_task(self._keep(child)) for child in children]
        try:
            await self._wait_until_ready(children, tasks)
            if not self._stop.is_set():
                self._started = True
                self._announce(url, functions)
                await asyncio.wait([asyncio.create_task(self._stop.wait()), *tasks], return_when="FIRST_COMPLETED")
        finally:
            self._stop.set()
            await self._end(children, tasks)

    async def _functions(self) -> list[tuple[str, str, str]]:
        """Name, kind and group of each function; asked of a child, so that the app never runs in the parent."""
        process = await asyncio.create_subprocess_exec(
            *self._command("--list"), env=self._options.environment, stdout=asyncio.subprocess.PIPE
        )
        output, _ = await process.communicate()
        if process.returncode != 0:
            raise HostError("the app cannot be indexed")
        functions = [(item[0], item[1], item[2]) for item in json.loads(output.splitlines()[-1])]
        only = self._options.only
        chosen = [f for f in functions if only is None or only == f[2]]
        if not chosen:
            raise HostError(f"the app has no function for {only!r}" if only else "the app has no functions")
        return chosen

    def _command(self, *arguments: str) -> list[str]:
        options = self._options
        common = ["--app", str(options.app), "--state", str(options.state), "--queues", options.queues]
        return [sys.executable, "-m", "funchost", *common, *arguments]

    def _listen(self, functions: list[tuple[str, str, str]]) -> str:
        """Opens the listening sockets. They stay with the parent, so that callers wait while a child restarts.

        The port of the HTTP functions is also that of the Event Grid functions' webhook; each of those hears a port
        of its own on loopback, where the HTTP process passes its requests on. The base URL, or nothing.
        """
        events = [name for name, kind, _ in functions if kind == "event"]
        if not events and not any(kind == "http" for _, kind, _ in functions):
            return ""
        for name in events:
            self._sockets[name] = socket.create_server(("127.0.0.1", 0), backlog=1024)
            self._hooks += ["--hook", f"{name}={self._sockets[name].getsockname()[1]}"]
        public = socket.create_server((self._options.host, self._options.port), backlog=1024)
        self._sockets["http"] = public
        keys_of(self._options.state)  # before two children make them at once
        return f"http://{self._options.host}:{public.getsockname()[1]}"

    def _children(self, functions: list[tuple[str, str, str]]) -> list[_Child]:
        """A timer has one process however many there are of the others."""
        kinds = {group: kind for _, kind, group in functions} | ({"http": "http"} if "http" in self._sockets else {})
        return [
            _Child(group, self._sockets.get(group))
            for group, kind in kinds.items()
            for _ in range(1 if kind == "timer" else self._options.workers)
        ]

    def _announce(self, url: str, functions: list[tuple[str, str, str]]) -> None:
        names = ", ".join(f"{name} ({kind})" for name, kind, _ in functions)
        print(f"funchost: healthy{f', serving {url}' if url else ''}; functions: {names}", flush=True)
        if self._options.ready_file is not None:
            temporary = self._options.ready_file.with_name(self._options.ready_file.name + ".tmp")
            temporary.write_text(url + "\n")
            temporary.replace(self._options.ready_file)

    async def _wait_until_ready(self, children: list[_Child], tasks: list[asyncio.Task[None]]) -> None:
        """Returns early when the parent is told to stop. Raises what a child's task raised."""
        ready = asyncio.gather(*(child.ready.wait() for child in children))
        stop = asyncio.create_task(self._stop.wait())
        waiting: set[asyncio.Future[object]] = {ready, stop, *tasks}  # type: ignore[arg-type]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        if not ready.done():
            ready.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await ready
        for task in tasks:
            if task.done():
                task.result()

    async def _keep(self, child: _Child) -> None:
        """Starts a group again and again until the parent stops."""
        delay = FIRST_DELAY / 2
        while not self._stop.is_set():
            begun = time.monotonic()
            code = await self._run_once(child)
            if self._stop.is_set():
                return
            if not self._started:
                raise HostError(f"the worker of {child.group} ended with {code} before it was ready")
            delay = FIRST_DELAY if time.monotonic() - begun >= HEALTHY_SECONDS else min(2 * delay, LONGEST_DELAY)
            print(f"funchost: the worker of {child.group} ended with {code}; again in {delay:g} s", flush=True)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(delay):
                    await self._stop.wait()

    async def _run_once(self, child: _Child) -> int:
        """The exit code. Two pipes: the child says that it is ready; and it sees the parent's end."""
        ready_read, ready_write = os.pipe()
        lifeline_read, lifeline_write = os.pipe()
        arguments = ["--worker", child.group, "--ready-fd", str(ready_write), "--lifeline-fd", str(lifeline_read)]
        descriptors = [ready_write, lifeline_read]
        if child.socket is not None:
            descriptors.append(child.socket.fileno())
            arguments += ["--listen-fd", str(child.socket.fileno())]
        if child.group == "http":
            arguments += self._hooks
        try:
            child.process = await asyncio.create_subprocess_exec(
                *self._command(*arguments),
                env=self._options.environment,
                pass_fds=descriptors,
                stdin=asyncio.subprocess.DEVNULL,
                # A Ctrl-C in the terminal reaches the parent alone, which then ends its children in order.
                start_new_session=True,
            )
            os.close(ready_write)
            os.close(lifeline_read)
            if await asyncio.to_thread(os.read, ready_read, 6) == b"ready\n":
                child.ready.set()
            return await child.process.wait()
        finally:
            os.close(ready_read)
            os.close(lifeline_write)

    async def _end(self, children: list[_Child], tasks: list[asyncio.Task[None]]) -> None:
        for child in children:
            _signal(child.process, signal.SIGTERM)
        _, late = await asyncio.wait(tasks, timeout=GRACE_SECONDS + 2)
        for child in children:
            _signal(child.process, signal.SIGKILL)
        if late:
            await asyncio.wait(late)
        for listening in self._sockets.values():
            listening.close()


def _signal(process: asyncio.subprocess.Process | None, number: signal.Signals) -> None:
    if process is not None and process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(number)
