"""``make run`` while it serves: leaps of the clock fire what they leapt over, and a process that ended is noticed."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.waiting import PATIENCE_SECONDS
from tools.demo.serving import Leaps
from tools.local import LocalStack, StartFailed

NOON = datetime(2026, 12, 1, 12, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def timers() -> dict[str, str]:
    """As a process of its own indexes them: an app's functions are read once in a process."""
    program = "import json; from tools.demo.serving import schedules; print(json.dumps(schedules()))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=PATIENCE_SECONDS
    )
    found: dict[str, str] = json.loads(done.stdout)
    return found


class Clocks:
    def __init__(self) -> None:
        self.time = NOON
        self.fired: list[str] = []

    def now(self) -> datetime:
        return self.time

    def fire(self, *timers: str) -> None:
        self.fired += timers


@pytest.mark.parametrize(
    ("leap", "expected"),
    [
        (timedelta(0), set()),
        (timedelta(minutes=5), {"wake", "live", "monitors"}),
        (timedelta(hours=5), {"wake", "live", "monitors", "checkpoint", "costs"}),
        (timedelta(hours=26), {"wake", "live", "monitors", "checkpoint", "costs", "fleet"}),
    ],
)
def test_what_the_clock_leapt_over_is_fired_once(timers: dict[str, str], leap: timedelta, expected: set[str]) -> None:
    clocks, machine = Clocks(), NOON - timedelta(days=40)
    leaps = Leaps(clocks, timers, machine)
    clocks.time += leap + timedelta(seconds=1)
    assert set(leaps.look(machine + timedelta(seconds=1))) == expected
    assert sorted(clocks.fired) == sorted(expected)
    clocks.time += timedelta(hours=5)  # as the machine's: the host's own timers do that
    assert leaps.look(machine + timedelta(hours=5)) == ()


def test_a_process_that_ended_is_noticed(tmp_path: Path) -> None:
    log = tmp_path / "functions.log"
    log.write_text("its last words\n")
    with subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE) as process:
        stack = LocalStack({}, "", tmp_path, 0, 0, children=(("the function host", process, log),))
        stack.require_alive()
        process.kill()
        process.wait()
        with pytest.raises(StartFailed, match=r"the function host has ended \(-9\)[^!]*its last words"):
            stack.require_alive()
