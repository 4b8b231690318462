"""Azurite, Azure Storage's emulator, as a process: blobs, queues and tables on free loopback ports, all in memory.

    async def test_table(azurite: RunningAzurite) -> None:          # session scope: share it, use names of your own
        client = TableServiceClient.from_connection_string(azurite.connection_string)

    with start_azurite(folder) as running:                          # one of your own
        ...

It comes with ``make azurite``. Where it is missing, tests fail and say so; they are never skipped.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import pytest

from tests.support.waiting import PATIENCE_SECONDS

T = TypeVar("T")
ROOT = Path(__file__).resolve().parents[2]
ENTRY = ROOT / "tools" / "azurite" / "node_modules" / "azurite" / "dist" / "src" / "azurite.js"
ACCOUNT = "devstoreaccount1"
#: Not a secret: every emulator has this key (https://learn.microsoft.com/azure/storage/common/storage-use-azurite).
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
#: Ends with its standard input, so with the process that started it, however that ends. A number on it is by how many
#: seconds the clock is put forward.
_WRAPPER = """
const [entry, ...rest] = process.argv.slice(1);
process.argv = [process.argv[0], entry, ...rest];
const Real = Date;
let ahead = 0;
globalThis.Date = class Date extends Real {
  constructor(...parts) { if (parts.length) super(...parts); else super(Real.now() + ahead); }
  static now() { return Real.now() + ahead; }
};
process.stdin.on('data', (line) => {
  ahead += 1000 * Number(line);
  console.log(`The clock is ahead by ${ahead} ms.`);
});
process.stdin.on('end', () => process.exit(0));
require(entry);
"""
_SERVICES = ("Blob", "Queue", "Table")
_LISTENING = re.compile(r"Azurite (\w+) service is successfully listening at (\S+)")


class AzuriteMissing(Exception):
    """Node.js or Azurite is not there."""


@dataclass
class RunningAzurite:
    """A started process. URLs are those of the account: ``http://127.0.0.1:<port>/devstoreaccount1``."""

    process: subprocess.Popen[bytes]
    blob_url: str
    queue_url: str
    table_url: str
    log: Path
    ahead: int = field(default=0, init=False)
    account: str = field(default=ACCOUNT, init=False)
    key: str = field(default=KEY, init=False)

    @property
    def connection_string(self) -> str:
        """What ``AzureWebJobsStorage`` would be."""
        protocol = self.table_url.partition(":")[0]
        return (
            f"DefaultEndpointsProtocol={protocol};AccountName={ACCOUNT};AccountKey={KEY};BlobEndpoint={self.blob_url};"
            f"QueueEndpoint={self.queue_url};TableEndpoint={self.table_url};"
        )

    def forward(self, seconds: int) -> None:
        """Puts its clock forward, once for all tests that share it: for those that have a process of their own."""
        assert self.process.stdin is not None
        self.ahead += seconds
        self.process.stdin.write(f"{seconds}\n".encode())
        self.process.stdin.flush()
        _wait_for(self.process, self.log, lambda text: f"ahead by {self.ahead * 1000} ms" in text or None)

    def stop(self) -> None:
        """Ends the process; its data is gone. May be called twice."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)

    def __enter__(self) -> RunningAzurite:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def start_azurite(folder: Path, *options: str) -> RunningAzurite:
    """A process that answers; ``options`` are more of its command line, such as ``--oauth basic``.

    Its output goes to ``folder``. Raises ``AzuriteMissing``, ``RuntimeError`` (it ended), ``TimeoutError``.
    """
    node = shutil.which("node")
    if node is None:
        raise AzuriteMissing("Node.js is needed: the store is tested on Azurite. Install Node.js 18 or later.")
    if not ENTRY.exists():
        raise AzuriteMissing(f"Azurite is not installed: {ENTRY.relative_to(ROOT)} is missing. Run `make azurite`.")
    log = folder / "azurite.log"
    ports = [part for name in ("blob", "queue", "table") for part in (f"--{name}Port", "0")]
    fixed = ("--inMemoryPersistence", "--skipApiVersionCheck", "--silent", "--disableTelemetry")
    # A client keeps a connection that Node.js would close after 5 s: what it sends at that moment would have no answer.
    kept = [part for name in ("blob", "queue", "table") for part in (f"--{name}KeepAliveTimeout", "600")]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [node, "-e", _WRAPPER, "--", str(ENTRY), *fixed, *ports, *kept, *options],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        urls = _wait_for(process, log, _listening)
    except BaseException:
        process.kill()
        process.communicate()
        raise
    blob, queue, table = (f"{urls[name]}/{ACCOUNT}" for name in _SERVICES)
    return RunningAzurite(process, blob, queue, table, log)


def _listening(text: str) -> dict[str, str] | None:
    """Service → URL, once all three listen."""
    urls = dict(_LISTENING.findall(text))
    return urls if urls.keys() >= set(_SERVICES) else None


def _wait_for(process: subprocess.Popen[bytes], log: Path, look: Callable[[str], T | None]) -> T:
    """What ``look`` finds in the process' output."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        text = log.read_text(encoding="utf-8", errors="replace")
        found = look(text)
        if found is not None:
            return found
        if process.poll() is not None:
            raise RuntimeError(f"Azurite ended with {process.returncode}: {text[-2000:]}")
        if time.monotonic() > deadline:
            raise TimeoutError(f"Azurite does not say what was waited for: {text[-2000:]}")
        time.sleep(0.02)


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAzurite]:
    """One Azurite for the whole session (under xdist: one for each worker)."""
    try:
        running = start_azurite(tmp_path_factory.mktemp("azurite"))
    except AzuriteMissing as error:
        pytest.fail(str(error), pytrace=False)
    with running:
        yield running
