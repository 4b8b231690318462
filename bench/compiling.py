"""The pure core: compiling a spec and comparing it with what exists, against one JSON round trip of the blueprint."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from bench.figures import Figure
from controlplane.workspaces.blueprint import CompileContext, compile_blueprint
from controlplane.workspaces.diff import diff
from controlplane.workspaces.model import Blueprint
from controlplane.workspaces.spec import WorkspaceSpec, parse_spec
from tests.support.azure_answers import TENANT, create
from tools.local import ROOT
from tools.to_json import to_json

_ROUNDS = 40


def measure() -> list[Figure]:
    """Best of many rounds, taken in turns: the least disturbed ones."""
    small, large = _case(70), _case(280)
    best: dict[str, float] = {}
    for _ in range(_ROUNDS):
        for name, act in {**small.acts("70"), **large.acts("280")}.items():
            started = time.perf_counter()
            act()
            best[name] = min(best.get(name, 1e9), time.perf_counter() - started)
    return [
        Figure(
            f"compile + diff of {small.size} resources / JSON round trip of the blueprint",
            best["work 70"] / best["json 70"],
            "×",
            10,
            f"{best['work 70'] * 1000:.1f} ms / {best['json 70'] * 1000:.2f} ms",
        ),
        Figure(
            f"compile + diff of {large.size} / of {small.size}",
            best["work 280"] / best["work 70"],
            "×",
            5,
            f"{best['work 280'] * 1000:.1f} ms",
        ),
    ]


class _Case:
    def __init__(self, spec: WorkspaceSpec, context: CompileContext) -> None:
        self._spec, self._context = spec, context
        blueprint = compile_blueprint(spec, context)
        self.size = len(blueprint.resources)
        self._document = document(blueprint)
        self._observed = create(blueprint).observed()

    def acts(self, name: str) -> dict[str, Callable[[], Any]]:
        return {f"work {name}": self._work, f"json {name}": lambda: json.loads(json.dumps(self._document))}

    def _work(self) -> None:
        blueprint = compile_blueprint(self._spec, self._context)
        changes = diff(blueprint, self._observed, {})
        if any(change.differences for change in changes):
            raise AssertionError("the observed state must equal the blueprint")


def document(blueprint: Blueprint) -> Any:
    """The blueprint as plain JSON."""
    return json.loads(json.dumps([asdict(resource) for resource in blueprint.resources], default=asdict))


def _case(resources: int) -> _Case:
    """The example workspace with as many generated clusters as it takes."""
    data = to_json(ROOT / "examples/workspaces/secure-classical.yaml")
    context = CompileContext("bench", 1, "rg-churn-bench", TENANT, "AzureCloud")
    cluster = data["compute"]["clusters"][0]
    clusters = 1
    while True:
        data["compute"]["clusters"] = [{**cluster, "name": f"cpu{n}", "maxNodes": 1} for n in range(clusters)]
        spec = parse_spec(data)
        if len(compile_blueprint(spec, context).resources) >= resources:
            return _Case(spec, context)
        clusters += 1
