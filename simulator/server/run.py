"""One process, one event loop: certificates, sockets, uvicorn, the env file."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import trustme
import uvicorn
import yaml
from cryptography import x509

from simulator.faults import Faults
from simulator.planes import own_roles
from simulator.planes.world import Config, World
from simulator.recorder import Recorder
from simulator.server.app import Simulator

MIN_DAYS = 2


@dataclass(frozen=True)
class Options:
    """What the command line says."""

    port: int = 8443
    state: str = ":memory:"
    scale: float = 100.0
    seed: str = "contoso"
    record: str | None = None
    faults: str | None = None
    env_file: str = ".local/azure.env"
    roles: str | None = None


def certificates(folder: Path) -> tuple[Path, Path]:
    """(CA, server certificate with key) beside the env file; made anew when absent or about to expire."""
    ca_file, server_file = folder / "simulator-ca.pem", folder / "simulator-server.pem"
    if not (ca_file.exists() and server_file.exists() and _valid(ca_file) and _valid(server_file)):
        authority = trustme.CA(organization_name="Azure simulator")
        leaf = authority.issue_cert("localhost", "127.0.0.1", "::1")
        authority.cert_pem.write_to_path(str(ca_file))
        write_secret(server_file, leaf.private_key_and_cert_chain_pem.bytes())
    return ca_file.resolve(), server_file.resolve()


def _valid(path: Path) -> bool:
    text = path.read_bytes()
    start = text.find(b"-----BEGIN CERTIFICATE-----")
    if start < 0:
        return False
    certificate = x509.load_pem_x509_certificate(text[start:])
    return certificate.not_valid_after_utc > datetime.now(UTC) + timedelta(days=MIN_DAYS)


def sockets(port: int) -> tuple[int, list[socket.socket]]:
    """Loopback sockets, IPv4 and (where there is one) IPv6, on the same port; 0 takes a free one."""
    first = socket.socket(socket.AF_INET)
    first.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    first.bind(("127.0.0.1", port))
    port = first.getsockname()[1]
    found = [first]
    second = None
    try:
        second = socket.socket(socket.AF_INET6)
        second.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        second.bind(("::1", port))
        found.append(second)
    except OSError:
        # No IPv6 on this machine, or the port is taken there: IPv4 is enough.
        if second is not None:
            second.close()
    return port, found


def write_secret(path: Path, content: bytes) -> None:
    """A file that nobody else may read, not even while it is written; written beside and renamed, so that a reader
    sees all or nothing."""
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    beside.unlink(missing_ok=True)
    beside.touch(0o600, exist_ok=False)
    beside.write_bytes(content)
    beside.replace(path)


def write_environment(path: Path, values: dict[str, str]) -> None:
    """`KEY=value` lines, a secret among them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_secret(path, "".join(f"{key}={value}\n" for key, value in values.items()).encode())


class _Server(uvicorn.Server):
    """Writes the env file when it listens, and runs what comes due while nobody calls."""

    def __init__(self, config: uvicorn.Config, simulator: Simulator) -> None:
        super().__init__(config)
        self._simulator = simulator
        self._ticker: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._simulator.on_environment()
        self._ticker = asyncio.create_task(_tick(self._simulator))

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._ticker is not None:
            self._ticker.cancel()
        await self._simulator.grid.close()
        await self._simulator.alerting.close()
        await super().shutdown(sockets)
        self._simulator.world.close()
        self._simulator.recorder.close()


async def _tick(simulator: Simulator) -> None:
    world = simulator.world
    while True:
        try:
            world.settle()
            simulator.grid.work()
            simulator.alerting.work()
        except Exception:
            logging.getLogger("simulator").exception("an event failed")
        due = min((one for one in simulator.dues() if one is not None), default=None)
        wait = 0.5 if due is None else min(0.5, max(0.01, due - world.moment()))
        await asyncio.sleep(wait)


def serve(options: Options) -> None:
    """Serve until SIGINT or SIGTERM."""
    try:
        port, bound = sockets(options.port)  # before anything is removed: what serves there may be using it
    except OSError as error:
        text = f"port {options.port} is in use; is `make run` or `make sim` running? Stop it, or choose another --port."
        raise SystemExit(text) from error
    env_file = Path(options.env_file)
    env_file.parent.mkdir(parents=True, exist_ok=True)
    env_file.unlink(missing_ok=True)  # whoever waits for it must not read that of an earlier process
    ca_file, server_file = certificates(env_file.parent)
    roles = Path(options.roles) if options.roles else own_roles.FOLDER
    world = World(Config(f"https://localhost:{port}", options.state, options.seed, options.scale, roles))
    world.keys.jwks()  # makes the signing key now, not under the first request
    simulator = Simulator(world, Recorder(options.record), Faults())
    if options.faults is not None:
        simulator.disturb(yaml.safe_load(Path(options.faults).read_text(encoding="utf-8")))

    def environment() -> None:
        trust = {"SSL_CERT_FILE": str(ca_file), "REQUESTS_CA_BUNDLE": str(ca_file)}
        write_environment(env_file, {**world.environment(), **trust})

    simulator.on_environment = environment
    settings: dict[str, Any] = {
        "ssl_certfile": str(server_file), "ssl_keyfile": str(server_file), "log_level": "warning", "access_log": False,
        "lifespan": "off", "ws": "none", "server_header": False, "proxy_headers": False, "timeout_keep_alive": 75,
        "timeout_graceful_shutdown": 2,
    }  # fmt: skip
    server = _Server(uvicorn.Config(simulator, **settings), simulator)
    print(f"Azure simulator on {world.base}, time scale {options.scale:g}, env file {env_file}", flush=True)
    server.run(sockets=bound)
