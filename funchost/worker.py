"""One worker process: it indexes the app and runs one group's functions until told to end or its parent is gone."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from funchost.by_hand import ByHand
from funchost.functions import Function, index
from funchost.host_json import HostError, HostSettings, read_host_json
from funchost.http_front import AnswerApp, HttpFront
from funchost.invocation import Invoker
from funchost.keys import keys_of
from funchost.queue_file import QueueFile
from funchost.queue_listener import QueueListener
from funchost.queues import Queue
from funchost.routes import routes_of
from funchost.timer_listener import TimerListener
from funchost.webhooks import EventGridHook, Webhooks

_log = logging.getLogger("funchost.worker")

QUEUE_SETTING = "CONTROLPLANE_SQLITE_QUEUE"
#: Functions that still run when the host stops have this long.
GRACE_SECONDS = 6.0
KEEP_ALIVE_SECONDS = 75


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """``ready_fd`` is written to when the group works; the end of ``lifeline_fd`` means that the parent is gone.

    ``hooks`` are the Event Grid functions and the ports of their workers; ``queues`` is ``sqlite`` or ``storage``.
    """

    app: Path
    group: str
    state: Path
    sockets: tuple[socket.socket, ...] = ()
    ready_fd: int | None = None
    lifeline_fd: int | None = None
    hooks: Mapping[str, int] = field(default_factory=dict)
    queues: str = "sqlite"


def run_worker(options: WorkerOptions) -> None:
    """Returns when the worker was stopped. Raises ``HostError`` when the group cannot be run."""
    os.chdir(options.app)
    settings = read_host_json(options.app)
    logging.basicConfig(
        level=settings.log_level,
        stream=sys.stderr,
        format=f"%(asctime)s %(levelname)-7s [{options.group}] %(name)s: %(message)s",
    )
    # Uvicorn tells its start and end under the name of its error log.
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    every = index(options.app)
    if not options.hooks and all(f.group != options.group for f in every):
        raise HostError(f"no function of this app belongs to {options.group!r}")
    asyncio.run(_serve(options, settings, every))


async def _serve(options: WorkerOptions, settings: HostSettings, every: tuple[Function, ...]) -> None:
    functions = tuple(f for f in every if f.group == options.group)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if options.lifeline_fd is not None:
        loop.add_reader(options.lifeline_fd, stop.set)
    invoker = Invoker(settings.function_timeout)

    def ready() -> None:
        if options.ready_fd is not None:
            os.write(options.ready_fd, b"ready\n")
            os.close(options.ready_fd)

    # The HTTP group may be there for its port alone, when the app has nothing but Event Grid functions.
    match functions[0].kind if functions else "http":
        case "http":
            keys = keys_of(options.state)
            webhooks = Webhooks(keys, options.hooks)
            routes = routes_of(functions, settings.route_prefix)
            front = HttpFront(routes, invoker, _replace_worker, keys, webhooks)
            work = _http(options, AnswerApp(ByHand(every, keys, invoker, front.answer).answer), stop, ready)
        case "event":
            hook = EventGridHook(functions[0], keys_of(options.state), invoker, _replace_worker)
            work = _http(options, AnswerApp(hook.answer), stop, ready)
        case "queue":
            work = _queue(options, settings, functions[0], invoker, stop, ready)
        case _:
            listener = TimerListener(functions[0], options.state / "timers", invoker, _replace_worker)
            ready()
            work = listener.run(stop)
    serving = asyncio.ensure_future(work)
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if not serving.done():
        await asyncio.wait({serving}, timeout=GRACE_SECONDS)
    if not serving.done():
        _log.warning("functions that still run are given up")
        os._exit(0)
    await serving


async def _http(options: WorkerOptions, app: AnswerApp, stop: asyncio.Event, ready: Callable[[], None]) -> None:
    # Queue and timer workers need no web server; it is half of what they would load.
    import uvicorn

    config = uvicorn.Config(
        app,
        loop="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        # Longer than clients keep an idle connection: else one is closed while the next request is on its way.
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=int(GRACE_SECONDS) - 1,
    )
    # It answers SIGTERM and SIGINT itself, and raises them again for the worker's own handlers when it has ended.
    server = uvicorn.Server(config)
    serving = asyncio.ensure_future(server.serve(sockets=list(options.sockets)))
    # The socket listens already; what comes before the server accepts waits in its backlog.
    ready()
    await asyncio.wait({serving, asyncio.ensure_future(stop.wait())}, return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    await serving


async def _queue(
    options: WorkerOptions,
    settings: HostSettings,
    function: Function,
    invoker: Invoker,
    stop: asyncio.Event,
    ready: Callable[[], None],
) -> None:
    messages = _open_queue(options, function)
    try:
        listener = QueueListener(function, settings.queues, messages, invoker, _replace_worker)
        ready()
        await listener.run(stop)
    finally:
        await messages.aclose()


def _open_queue(options: WorkerOptions, function: Function) -> Queue:
    name = str(function.trigger["queueName"])
    if options.queues == "storage":
        from funchost.queue_storage import StorageQueue, connection_string

        return StorageQueue(connection_string(str(function.trigger.get("connection") or ""), os.environ), name)
    path = os.environ.get(QUEUE_SETTING)
    if not path:
        raise HostError(f"{QUEUE_SETTING} must name the queue's file")
    return QueueFile(Path(path), name)


def _replace_worker() -> None:
    """A function that ran too long cannot be ended inside its process; the host replaces the process."""
    _log.error("functionTimeout: this worker ends and is replaced")
    logging.shutdown()
    os._exit(1)
