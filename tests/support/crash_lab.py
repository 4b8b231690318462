"""Everything the crash test runs: one simulator, one proxy before it, one zygote.

A run is a creation of the example workspace by the real queue worker. It is *accepted* by the real API, *killed* once
where its case says, and *brought back* by the product's own ``wake_due`` on the same files. Nothing else helps it: the
message the dead worker held stays hidden for ten minutes, its lease ends by itself.
"""

from __future__ import annotations

import json
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import yaml

from tests.support.arm_proxy import ArmProxy, Watched
from tests.support.crash_case import Case, Ended, addresses_of, comparable
from tests.support.crash_run import NAME, Copy, Files, Host, Run, Worker
from tests.support.simulator import RunningSimulator, start_simulator
from tests.support.zygote import ROOT, Zygote, zygote
from tools.local import controlplane_environment, start_functions

API_VERSION = "2026-11-01"
SCALE = 2000.0
LEASE_SECONDS = 1.0
#: An accepted request is copied for so long: an operation has two hours.
ACCEPTED_SECONDS = 1200.0


class Lab:
    """One run after the other."""

    def __init__(self, folder: Path, simulator: RunningSimulator, proxy: ArmProxy, copies: Zygote) -> None:
        self._simulator = simulator
        self._proxy = proxy
        self._zygote = copies
        self._home = folder / "run"
        self._template = folder / "accepted"
        self._accepted_at = float("-inf")
        self._case = Case()
        self._host: Host | None = None

    def run(self, case: Case) -> Ended:
        """Raises an ``AssertionError``, ``DidNotEnd`` among them, that ends with what the processes logged."""
        self._case = case
        self._simulator.reset(seed="contoso", scale=SCALE)
        killed_at = self._accept(case)
        self._simulator.clear_calls()
        files = Files(self._home, case.messages)
        run = Run(case, files, self._start_ticks)
        try:
            try:
                run.go()
            finally:
                run.end()
                self._end_host()
            facts, operation = files.facts(), files.operation()
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self._log()}") from error
        finally:
            files.close()
        commits = self._lines("commits")
        if case.at == "commit" and run.deaths > 1:
            killed_at = commits[case.number - 1]
        state = self._simulator.state()
        names = addresses_of(state) | {operation.id: "the operation"}
        return Ended(
            facts={name: comparable(fact, names) for name, fact in {**facts, **self._asked_again()}.items()},
            azure={arm_id: comparable(body, names) for arm_id, body in state.items()},
            **self._recorded(),
            calls=tuple(run.calls),
            accepting=tuple(self._lines("accepting")),
            commits=tuple(commits),
            killed_at=killed_at or run.killed_at,
            restarts=run.deaths - 1,
        )

    # -- the accepting side -------------------------------------------------------------------------------------------

    def _accept(self, case: Case) -> str | None:
        """A home with an accepted request in it. One that is undisturbed is made once and copied."""
        if case.at == "accept":
            self._empty_home()
            return self._accepted_in_spite_of(case)
        kept = self._template / str(case.messages)
        if time.monotonic() - self._accepted_at > ACCEPTED_SECONDS:
            shutil.rmtree(self._template, ignore_errors=True)
            self._accepted_at = time.monotonic()
        if not kept.exists():
            self._empty_home()
            self._ask(self._creation(), messages=case.messages)
            self._template.mkdir(exist_ok=True)
            shutil.copytree(self._home, kept)
        shutil.rmtree(self._home, ignore_errors=True)
        shutil.copytree(kept, self._home)
        return None

    def _accepted_in_spite_of(self, case: Case) -> str | None:
        """The API dies at a commit; the caller got no answer and asks again."""
        order = self._api_order(self._creation(), case.messages)
        pid = self._zygote.start({**order, "killAt": case.number, "after": case.after})
        if self._zygote.wait(pid) == 0:
            return None
        killed_at = self._lines("accepting")[-1]
        answers = self._ask(self._creation(), messages=case.messages, statuses=(200, 201, 202, 409))
        # Whoever repeats the PUT learns of the operation that the first one began, or begins it.
        known = (answers[-1]["body"].get("error") or {}).get("code")
        assert (answers[-1]["status"] == 409) == (known == "AnotherOperationInProgress"), answers
        return killed_at

    def _empty_home(self) -> None:
        shutil.rmtree(self._home, ignore_errors=True)
        self._home.mkdir()

    def _creation(self) -> list[tuple[str, str, Any]]:
        spec = _example("workspaces/secure-classical.yaml")
        return [
            ("PUT", "/api/projects/churn", _example("projects/churn.yaml")),
            ("PUT", f"/api/workspaces/{NAME}", spec),
        ]

    def _asked_again(self) -> dict[str, Any]:
        """What a caller sees afterwards: the workspace, its operations, and the plan of the same spec."""
        path = f"/api/workspaces/{NAME}"
        spec = _example("workspaces/secure-classical.yaml")
        workspace, plan, operations = self._ask(
            [("GET", path, None), ("POST", f"{path}:plan", {"spec": spec}), ("GET", "/api/operations", None)]
        )
        changes = [(c["key"], c["action"]) for c in plan["body"]["changes"] if c["action"].lower() != "none"]
        return {
            "plan": changes,
            "operations": len(operations["body"]["value"]),
            "workspace": workspace["body"],
        }

    def _ask(
        self, requests: list[tuple[str, str, Any]], *, messages: int = 1, statuses: tuple[int, ...] = (200, 201, 202)
    ) -> list[dict[str, Any]]:
        order = self._api_order(requests, messages)
        pid = self._zygote.start(order)
        code = self._zygote.wait(pid)
        if code != 0:
            raise AssertionError(f"the API ended with {code}: {self._log()}")
        answers: list[dict[str, Any]] = json.loads(Path(order["answers"]).read_text())
        for answer in answers:
            assert answer["status"] in statuses, answer
        return answers

    def _api_order(self, requests: list[tuple[str, str, Any]], messages: int) -> dict[str, Any]:
        token = self._simulator.token(roles=["Platform.Admin"], user="ada")
        more = {"token": token, "apiVersion": API_VERSION, "requests": requests}
        return self._order("api", self._simulator.url, messages) | more | {"answers": str(self._home / "answers.json")}

    # -- the ticks ----------------------------------------------------------------------------------------------------

    def _start_ticks(self, watched: Watched, case: Case | None) -> Worker:
        """A new queue worker; its calls to ARM are ``watched``, its death at a commit is ``case``'s."""
        self._proxy.watched = watched
        order = self._order("ticks", self._proxy.url, self._case.messages)
        if self._case.host:
            if self._host is None or not self._host.revive():
                process, _ = start_functions(self._home, order["environment"])
                self._host = Host(process, self._case.host)
            return self._host
        if case is not None and case.at == "commit":
            order |= {"killAt": case.number, "after": case.after}
        return Copy(self._zygote, self._zygote.start(order))

    def _end_host(self) -> None:
        if self._host is not None:
            self._host.end()
            self._host = None

    def _order(self, run: str, endpoint: str, messages: int) -> dict[str, Any]:
        environment = controlplane_environment(self._simulator.env, self._home) | {
            "CONTROLPLANE_ARM_ENDPOINT": endpoint,
            "IDENTITY_ENDPOINT": f"{endpoint}/msi/token",
            "CONTROLPLANE_LEASE_SECONDS": str(LEASE_SECONDS),
            "CONTROLPLANE_TICK_SECONDS": str(self._case.tick_seconds),
        }
        return {
            "run": run,
            "environment": environment,
            "folder": str(self._home),
            "log": str(self._home / f"{run}.log"),
            "commits": str(self._home / "commits") if run == "ticks" else str(self._home / "accepting"),
            "messages": messages,
        }

    # -- looking at it ------------------------------------------------------------------------------------------------

    def _recorded(self) -> dict[str, Any]:
        calls = [call for call in self._simulator.calls() if call["plane"] == "arm"]
        created = Counter(c["path"].lower() for c in calls if c["method"] == "PUT" and c["status"] == 201)
        operations = self._simulator.control("GET", "operations")["value"]
        begun = Counter(o["resourceId"].lower() for o in operations if o["verb"] == "create")
        twice = {key for key, count in (created | begun).items() if count > 1}
        twice |= {call["path"] for call in calls if call["method"] == "DELETE"}
        early = tuple(f"{c['method']} {c['path']}" for c in calls if c["early_poll"])
        return {"created_twice": tuple(sorted(twice)), "early_polls": early}

    def _lines(self, name: str) -> list[str]:
        path = self._home / name
        return path.read_text().splitlines() if path.exists() else []

    def _log(self) -> str:
        """The end of what the run's processes logged."""
        paths = [self._home / name for name in ("ticks.log", "api.log", "functions.log")]
        return "\n".join(f"--- {p.name}\n{p.read_text(errors='replace')[-4000:]}" for p in paths if p.exists())

    def keep(self, where: Path) -> None:
        """Copies the files of the last run."""
        shutil.copytree(self._home, where, dirs_exist_ok=True)
        (where / "calls.json").write_text(json.dumps(self._simulator.calls(), indent=1))
        (where / "state.json").write_text(json.dumps(self._simulator.state(), indent=1))


def _example(path: str) -> Any:
    return json.loads(json.dumps(yaml.safe_load((ROOT / "examples" / path).read_text()), default=str))


@contextmanager
def crash_labs(folder: Path, count: int) -> Iterator[list[Lab]]:
    """Labs with a simulator and a proxy each, and one zygote; it trusts one authority, so that they share that too."""
    with ExitStack() as stack:
        homes = [folder / f"lab{number}" for number in range(count)]
        simulators: list[RunningSimulator] = []
        for home in homes:
            home.mkdir()
            if home != homes[0]:
                for name in ("simulator-ca.pem", "simulator-server.pem"):
                    shutil.copy(homes[0] / name, home)
            simulators.append(stack.enter_context(start_simulator(home, time_scale=SCALE)))
        copies = stack.enter_context(zygote(folder, simulators[0].env))
        proxies = [stack.enter_context(closing(ArmProxy(s.url, h))) for s, h in zip(simulators, homes, strict=True)]
        yield [Lab(h, s, p, copies) for h, s, p in zip(homes, simulators, proxies, strict=True)]
