"""What is SQLite's own: several processes on one file, a locked or broken file, what survives."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from pathlib import Path

import pytest

from controlplane.errors import Conflict, Fatal, Transient
from controlplane.ports.store import Insert, Replace, Upsert
from controlplane.store import SqliteQueue, SqliteStore
from controlplane.store.sqlite_file import connect
from tests.support.waiting import PATIENCE_SECONDS

_WRITER = f"""
import asyncio, sys
from controlplane.errors import Conflict
from controlplane.ports.store import Replace, Upsert
from controlplane.store import SqliteStore

async def main(path, rounds):
    store = SqliteStore(path, busy_seconds={PATIENCE_SECONDS})
    done = 0
    while done < rounds:
        found = await store.get("p", "counter")
        try:
            if found is None:
                raise Conflict("Absent", "the parent writes it first")
            await store.commit("p", [Replace("counter", {{"n": found.value["n"] + 1}}, found.etag)])
            done += 1
        except Conflict:
            continue
    store.close()

asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""


async def run(program: str, *arguments: str) -> int:
    """The exit code of a Python program in a process of its own."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, *arguments)
    return await process.wait()


async def test_several_processes_count_without_losing_one(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    store = SqliteStore(path)
    await store.commit("p", [Insert("counter", {"n": 0})])
    codes = await asyncio.gather(*(run(_WRITER, str(path), "40") for _ in range(3)))
    found = await store.get("p", "counter")
    store.close()
    assert codes == [0, 0, 0]
    assert found is not None
    assert found.value == {"n": 120}


async def test_several_processes_may_make_the_file_at_once(tmp_path: Path) -> None:
    path = tmp_path / "new" / "store.db"
    opened = f"SqliteStore({str(path)!r}, busy_seconds={PATIENCE_SECONDS})"
    program = f"from controlplane.store import SqliteStore; {opened}.close()"
    assert await asyncio.gather(*(run(program) for _ in range(4))) == [0, 0, 0, 0]


async def test_a_file_locked_by_somebody_else_is_transient_for_writers_only(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    store = SqliteStore(path, busy_seconds=0.05)
    queue = SqliteQueue(path, "ticks", busy_seconds=0.05)
    etag = (await store.commit("p", [Insert("r", {"n": 1})]))[0]
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Transient) as caught:
        await store.commit("p", [Upsert("r", {"n": 2})])
    assert caught.value.code == "StoreBusy"
    assert caught.value.retry_after > 0
    with pytest.raises(Transient):
        await queue.send("hint")
    found = await store.get("p", "r")
    assert found is not None
    assert found.value == {"n": 1}
    other.execute("ROLLBACK")
    other.close()
    await store.commit("p", [Replace("r", {"n": 3}, str(etag))])
    await queue.send("hint")
    store.close()
    queue.close()


async def test_what_was_committed_survives_reopening(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    store = SqliteStore(path)
    etags = await store.commit("p", [Insert("r", {"n": 1})])
    store.close()
    again = SqliteStore(path)
    found = await again.get("p", "r")
    assert found is not None
    assert (found.etag, found.value) == (etags[0], {"n": 1})
    with pytest.raises(Conflict):
        await again.commit("p", [Insert("r", {})])
    again.close()


def test_a_file_that_is_no_database_is_fatal(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    path.write_bytes(b"not a database, and long enough to be read as one" * 50)
    with pytest.raises(Fatal):
        SqliteStore(path)


@pytest.mark.parametrize("broken", [b"", b"not gzip", b"\x1f\x8b\x08\x00"], ids=["empty", "not gzip", "cut off"])
async def test_a_broken_value_is_fatal_not_absent(tmp_path: Path, broken: bytes) -> None:
    store = SqliteStore(tmp_path / "store.db")
    await store.commit("p", [Insert("r", {"n": 1})])
    other = connect(tmp_path / "store.db", "")
    other.execute("UPDATE entities SET value = ?", (broken,))
    other.close()
    with pytest.raises(Fatal):
        await store.get("p", "r")
    with pytest.raises(Fatal):
        await store.query("p")
    store.close()


async def test_a_cancelled_commit_leaves_the_store_usable(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "store.db")
    task = asyncio.create_task(store.commit("p", [Upsert("r", {"n": 1})]))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await store.commit("p", [Upsert("other", {})])
    rows = [entity.row for entity in (await store.query("p")).entities]
    store.close()
    assert "other" in rows


async def test_files_are_their_owners_alone(tmp_path: Path) -> None:
    """They hold URLs of operations, and those carry signatures."""
    store, queue = SqliteStore(tmp_path / "store.db"), SqliteQueue(tmp_path / "queue.db", "ticks")
    try:
        await store.commit("p", [Upsert("r", {"a": 1})])
        await queue.send("hello")
        modes = _modes(tmp_path)
    finally:
        store.close()
        queue.close()
    assert {"store.db", "store.db-wal", "queue.db", "queue.db-wal"} <= modes.keys()
    assert set(modes.values()) == {0o600}


def _modes(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}
