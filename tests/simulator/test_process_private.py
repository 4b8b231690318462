"""What the process keeps to itself: files with keys, and control endpoints that no web page reaches."""

from __future__ import annotations

import stat
from pathlib import Path

import httpx
import pytest

from tests.support.simulator import (  # noqa: F401 (fixtures)
    RunningSimulator,
    simulator,
    simulator_process,
    start_simulator,
)
from tests.support.waiting import PATIENCE_SECONDS


def test_files_with_keys_are_their_owners(tmp_path: Path) -> None:
    with start_simulator(tmp_path, state=tmp_path / "state.db"):
        names = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    state = {name for name in names if name.startswith("state.db")}
    assert {"state.db-wal"} < state
    assert {names[name] for name in state | {"azure.env", "simulator-server.pem"}} == {0o600}


OF_A_PAGE: dict[str, dict[str, str]] = {
    "a form or fetch of another site": {"Origin": "https://evil.test"},
    "of a page without an origin": {"Origin": "null"},
    "a page on another port of this machine": {"Origin": "https://localhost:3000", "Sec-Fetch-Site": "same-site"},
    "an image of another site, which has no Origin": {"Sec-Fetch-Site": "cross-site"},
    "another name that resolves to this machine": {"Host": "rebound.evil.test"},
    "no name at all": {"Host": "["},
}


@pytest.mark.parametrize("case", OF_A_PAGE)
def test_control_endpoints_do_not_answer_web_pages(simulator: RunningSimulator, case: str) -> None:  # noqa: F811
    with httpx.Client(base_url=simulator.url, verify=simulator.context(), timeout=PATIENCE_SECONDS) as page:
        refused = page.post("/simulator/settings", json={"timeScale": 7}, headers=OF_A_PAGE[case])
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "NotForBrowsers")
    assert simulator.control("GET", "settings")["timeScale"] != 7


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "LOCALHOST:1"])
def test_control_endpoints_answer_programs_of_this_machine(simulator: RunningSimulator, host: str) -> None:  # noqa: F811
    with httpx.Client(base_url=simulator.url, verify=simulator.context(), timeout=PATIENCE_SECONDS) as program:
        assert program.get("/simulator/health", headers={"Host": host}).status_code == 200
        own = {"Origin": simulator.url, "Sec-Fetch-Site": "same-origin"}
        assert program.get("/simulator/health", headers=own).status_code == 200
