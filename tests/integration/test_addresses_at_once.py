"""Many workspaces from one pool at once, by processes whose store loses answers (``bench/addresses.py``: fifty)."""

from __future__ import annotations

import json
import subprocess
import sys
from ipaddress import IPv4Network
from itertools import combinations
from pathlib import Path

from controlplane.operations.preconditions import Preconditions
from controlplane.projects.repository import ProjectRepository
from controlplane.projects.service import ProjectDeps, put_project
from controlplane.store import SqliteStore
from controlplane.workspaces.repository import WorkspaceRepository
from controlplane.workspaces.rows import PARTITION
from tests.support.address_taker import ADMIN
from tests.support.api import registration
from tests.support.blueprints import ROOT
from tests.support.clock import FrozenClock
from tests.support.waiting import PATIENCE_SECONDS

PROCESSES, EACH = 3, 4


def ask(store: Path, verb: str) -> dict[str, str]:
    """All processes at once; what each has been given."""
    command = [sys.executable, "-m", "tests.support.address_taker", str(store)]
    running = [
        subprocess.Popen(
            [*command, str(number), verb, *(f"team-{number}-{one}" for one in range(EACH))],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(PROCESSES)
    ]
    found: dict[str, str] = {}
    for process in running:
        said, wrong = process.communicate(timeout=PATIENCE_SECONDS)
        assert process.returncode == 0, wrong
        found |= json.loads(said)
    return found


async def test_nothing_overlaps_nothing_fails_and_nothing_is_left(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    store = SqliteStore(path)
    deps = ProjectDeps(ProjectRepository(store), WorkspaceRepository(store), FrozenClock())
    # Just enough: the last one finds the last free range, and the project's last place.
    room = registration(addressPools=["10.40.0.0/19", "10.41.0.0/20"], limits={"maxWorkspaces": PROCESSES * EACH})
    await put_project(deps, ADMIN, "churn", room, Preconditions())
    found = ask(path, "create")
    networks = [IPv4Network(text) for text in found.values()]
    assert len(networks) == PROCESSES * EACH
    assert not any(one.overlaps(other) for one, other in combinations(networks, 2))
    ledger = await store.query(PARTITION, prefix="n!")
    assert {claim["range"] for row in ledger.entities for claim in row.value["taken"]} == set(found.values())
    ask(path, "delete")
    left = [await store.query(PARTITION, prefix=prefix) for prefix in ("n!", "g!", "m!", "w!")]
    assert [entity.row for page in left for entity in page.entities] == []
