"""``python -m funchost``: see ``--help``."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

from funchost.environment import app_settings
from funchost.functions import index
from funchost.host_json import HostError
from funchost.supervisor import Options, Supervisor
from funchost.worker import WorkerOptions, run_worker

#: https://learn.microsoft.com/azure/azure-functions/functions-app-settings#functions_worker_process_count
_WORKERS_SETTING = "FUNCTIONS_WORKER_PROCESS_COUNT"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="funchost", description="Runs function_app.py without the Functions host.")
    parser.add_argument("--app", type=Path, default=Path(), help="directory of function_app.py and host.json")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=7071, help="port to listen on; 0 takes a free one")
    parser.add_argument("--env-file", type=Path, help="KEY=value lines: app settings")
    parser.add_argument("--only", metavar="http|NAME", help="run the HTTP functions only, or one other function")
    parser.add_argument("--ready-file", type=Path, help="gets the base URL when every function is ready")
    parser.add_argument("--state", type=Path, help="directory of timers' status and the queue's file")
    parser.add_argument(
        "--queues",
        choices=("sqlite", "storage"),
        default="sqlite",
        help="where queue triggers listen: the SQLite file, or the storage account of their connection setting",
    )
    parser.add_argument(
        "--workers", type=int, help=f"processes of each function; {_WORKERS_SETTING} says so too, otherwise 1"
    )
    # What the parent tells its children.
    parser.add_argument("--list", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--hook", action="append", default=[], help=argparse.SUPPRESS)
    for name in ("--listen-fd", "--ready-fd", "--lifeline-fd"):
        parser.add_argument(name, type=int, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> int:
    """The exit code."""
    arguments = _arguments()
    app = arguments.app.absolute()
    try:
        if arguments.list:
            os.chdir(app)
            print(json.dumps([(f.name, f.kind, f.group) for f in index(app)]))
        elif arguments.worker:
            listening = () if arguments.listen_fd is None else (socket.socket(fileno=arguments.listen_fd),)
            run_worker(
                WorkerOptions(
                    app=app,
                    group=arguments.worker,
                    state=arguments.state or app / ".local",
                    sockets=listening,
                    ready_fd=arguments.ready_fd,
                    lifeline_fd=arguments.lifeline_fd,
                    hooks={name: int(port) for name, _, port in (hook.partition("=") for hook in arguments.hook)},
                    queues=arguments.queues,
                )
            )
        else:
            sqlite = arguments.queues == "sqlite"
            environment, state = app_settings(app, arguments.env_file, arguments.state, sqlite=sqlite)
            options = Options(
                app=app,
                state=state,
                host=arguments.host,
                port=arguments.port,
                only=arguments.only,
                ready_file=arguments.ready_file.absolute() if arguments.ready_file else None,
                environment=environment,
                queues=arguments.queues,
                workers=_workers(arguments.workers, environment),
            )
            asyncio.run(_supervise(options))
    except (HostError, OSError) as error:
        print(f"funchost: {error}", file=sys.stderr, flush=True)
        return 1
    return 0


def _workers(asked: int | None, environment: Mapping[str, str]) -> int:
    """1 to 10, as the host takes it."""
    text = str(asked) if asked is not None else environment.get(_WORKERS_SETTING, "1")
    if text.isdecimal() and 1 <= int(text) <= 10:
        return int(text)
    raise HostError(f"{text} is no number of workers: 1 to 10")


async def _supervise(options: Options) -> None:
    await Supervisor(options).run()


if __name__ == "__main__":
    sys.exit(main())
