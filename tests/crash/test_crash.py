"""Killing the process at any call and any store write changes nothing of how a creation ends.

The calls 1…N of an undisturbed creation are counted; then the process that runs the ticks is killed (SIGKILL) at call
k, by a proxy that holds it, (before) the simulator has seen it or (after) its effect and before its answer, and at each
store write, before or after it is done. So is the process that accepts the request, at its store writes. What comes
back does so by the due index and the ``wake`` timer. In the end every resource, everything that the store and the API
say, and the operation's status are those of the undisturbed run, nothing was created twice, and a plan of the same spec
is empty. ``k`` counts within the killed run, and a run that has fewer calls is killed at its last. Most runs are copies
of a process that has imported the product; some are the whole of ``python -m funchost``, with its own timer.

``make test`` runs 20 cases, chosen by a fixed seed, and some with every message dropped or doubled; ``make crash`` runs
all. ``CRASH_CASES=call-after-17,commit-before-3-dropped`` runs those, and ``CRASH_LOG`` names a file for
a line per case.
"""

from __future__ import annotations

import os
import queue
import random
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.crash_case import Case, Ended, unlike
from tests.support.crash_lab import Lab, crash_labs

pytestmark = pytest.mark.slow

SEED = 2
#: Of the 20: how many at calls, at store writes of the ticks and of the accepting request, and of real hosts.
CALLS, COMMITS, ACCEPTS, HOSTS = 12, 4, 2, 2
#: Runs at the same time; much of each is waiting for a lease to end.
LANES = 3
#: A run may have fewer calls than the undisturbed one: polls depend on time. Then it is killed at its own last one.
TRIES = 4


class Labs:
    """As many labs as runs go at the same time."""

    def __init__(self, labs: Sequence[Lab], folder: Path) -> None:
        self._free: queue.SimpleQueue[Lab] = queue.SimpleQueue()
        for lab in labs:
            self._free.put(lab)
        self._folder = folder
        self._progress = Path(os.environ.get("CRASH_LOG", folder / "progress.log"))
        self.undisturbed = self._run(Case())

    def all(self, cases: Sequence[Case]) -> Iterator[tuple[Case, list[str]]]:
        """Each case with what is wrong with it, as they end."""
        with ThreadPoolExecutor(LANES) as lanes:
            running = {lanes.submit(self._judged, case): case for case in cases}
            for future in as_completed(running):
                yield running[future], future.result()

    def _judged(self, case: Case) -> list[str]:
        started = time.monotonic()
        try:
            ended = self._killed(case)
            wrong = differences(self.undisturbed, ended)
            story = f"{len(ended.calls)} calls, {len(ended.commits)} commits, killed at {ended.killed_at}"
        except AssertionError as error:
            wrong, story = [str(error)], "did not end"
        verdict = "FAILED" if wrong else "ok"
        lines = "".join(f"    {line[:600]}\n" for line in wrong)
        with self._progress.open("a") as log:
            log.write(f"{verdict} {case.name} {time.monotonic() - started:.1f} s, {story}\n{lines}")
        return wrong

    def _killed(self, case: Case) -> Ended:
        for tried in range(TRIES):
            ended = self._run(case)
            if case.at == "never" or ended.killed_at is not None:
                return ended
            count = {"call": ended.calls, "commit": ended.commits, "accept": ended.accepting}[case.at]
            # How many polls a run takes is a matter of time: each try aims a little before the end of the last one.
            case = replace(case, number=len(count) - 3 * tried)
        raise AssertionError(f"{case.name} was never killed")

    def _run(self, case: Case) -> Ended:
        lab = self._free.get()
        try:
            return lab.run(case)
        except BaseException:
            lab.keep(self._folder / case.name)
            raise
        finally:
            self._free.put(lab)


def differences(undisturbed: Ended, ended: Ended) -> list[str]:
    """What is not as after the undisturbed run."""
    wrong = [f"created twice or deleted: {path}" for path in ended.created_twice]
    wrong += [f"polled before Retry-After: {call}" for call in ended.early_polls]
    return wrong + unlike(undisturbed.facts, ended.facts) + unlike(undisturbed.azure, ended.azure)


def every_case(undisturbed: Ended) -> list[Case]:
    """Each call, each store write, before and after."""
    ends = {"call": undisturbed.calls, "commit": undisturbed.commits, "accept": undisturbed.accepting}
    return [
        Case(at, number, after)
        for at, done in ends.items()
        for number in range(1, len(done) + 1)
        for after in (False, True)
    ]


def chosen(undisturbed: Ended) -> list[Case]:
    """What CRASH_CASES asks for, else the seeded 20. Those of hosts come first: they wait for the minute."""
    asked = os.environ.get("CRASH_CASES", "")
    if asked not in ("", "all"):
        return [Case.named(name) for name in asked.split(",")]
    hosts = some(undisturbed, "call", 6 if asked else HOSTS)
    found = [replace(case, host="worker" if i % 2 else "all") for i, case in enumerate(hosts)]
    if asked:
        return found + every_case(undisturbed)
    counts = {"call": CALLS, "commit": COMMITS, "accept": ACCEPTS}
    return found + [case for at, count in counts.items() for case in some(undisturbed, at, count)]


def some(undisturbed: Ended, at: str, count: int) -> list[Case]:
    """The same ones each time, as long as the creation has as many calls and store writes."""
    return random.Random(f"{SEED} {at}").sample([case for case in every_case(undisturbed) if case.at == at], count)


@pytest.fixture(scope="module")
def labs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Labs]:
    folder = tmp_path_factory.mktemp("crash")
    with crash_labs(folder, LANES) as made:
        yield Labs(made, folder)


def test_an_undisturbed_creation_ends_well(labs: Labs) -> None:
    facts = labs.undisturbed.facts
    assert facts["status"] == "Succeeded"
    assert {status for _, _, status, _ in facts["steps"]} == {"Succeeded"}
    assert ("Ready", "True", "AsDeclared") in [tuple(condition) for condition in facts["conditions"]]
    assert facts["plan"] == []
    assert facts["operations"] == 1
    assert labs.undisturbed.created_twice == ()
    assert len(labs.undisturbed.calls) > len(facts["steps"]) > 50


def test_a_killed_process_changes_nothing_of_the_end(labs: Labs, subtests: pytest.Subtests) -> None:
    for case, wrong in labs.all(chosen(labs.undisturbed)):
        with subtests.test(case.name):
            assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("suffix", ["dropped", "doubled"])
def test_messages_are_hints(labs: Labs, suffix: str, subtests: pytest.Subtests) -> None:
    """Every message lost, or every message sent twice, among ticks that leave early; also with a kill in between."""
    count = 20 if os.environ.get("CRASH_CASES") == "all" else 3
    cases = [Case.named(f"{case.name}-{suffix}") for case in (Case(), *some(labs.undisturbed, "call", count))]
    for case, wrong in labs.all(cases):
        with subtests.test(case.name):
            assert not wrong, "\n".join(wrong)
