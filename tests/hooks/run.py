"""Runs every scenario with its hook on and off; a JSON line each: ``{"hook", "on", "off"}``, null where it passed.

A process without threads that makes each world once and forks a copy for each run.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback

from tests.hooks.scenarios import SCENARIOS, Scenario, hub_spec
from tests.support.blueprints import example
from tests.support.quiet_product import QuietProduct

MODULES = (
    "lives",
    "networks",
    "endpoints",
    "services",
    "learning",
    "computes",
    "hubs",
    "gateways",
    "scale_sets",
    "egress",
    "looking",
    "running",
    "identities",
    "eligibility",
    "isolated",
    "alerting",
    "training",
    "policies",
    "spending",
)


def outcome(product: QuietProduct, scenario: Scenario, off: str | None) -> str | None:
    """How a scenario fails in a copy of this process; None when it passes."""
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(ours)
        said = _run(product, scenario, off)
        os.write(theirs, said.encode()[:4000])
        os._exit(0)
    os.close(theirs)
    with os.fdopen(ours, "rb") as pipe:
        said = pipe.read().decode()
    os.waitpid(child, 0)
    return said.removeprefix("failed: ") if said != "passed" else None


def _run(product: QuietProduct, scenario: Scenario, off: str | None) -> str:
    try:
        if off is not None:
            product.azure.engine.switches.turn({off: False})
        scenario.run(product)
    except Exception as error:  # noqa: BLE001 - whatever it is, the scenario failed, and its cause is told
        where = traceback.extract_tb(error.__traceback__)[-1]
        return f"failed: {type(error).__name__}: {error} ({where.name}, line {where.lineno})"
    return "passed"


def main(only: list[str]) -> None:
    for module in MODULES:
        importlib.import_module(f"tests.hooks.{module}")
    managed = example("managed-approved-catalog")
    worlds: dict[str, QuietProduct] = {}
    for name, asked in (("empty", None), ("example", example()), ("hub", hub_spec()), ("managed", managed)):
        worlds[name] = QuietProduct()
        worlds[name].register()
        assert asked is None or worlds[name].create(asked).status == "Succeeded"
    passing: dict[int, str | None] = {}
    for hook, scenario in SCENARIOS.items():
        if only and hook not in only:
            continue
        product = worlds[scenario.world]
        if id(scenario.run) not in passing:
            passing[id(scenario.run)] = outcome(product, scenario, None)
        line = {"hook": hook, "on": passing[id(scenario.run)], "off": outcome(product, scenario, hook)}
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
