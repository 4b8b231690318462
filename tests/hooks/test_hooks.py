"""Switching off any hook of the simulator turns a product test red.

Each hook has its scenario (``scenarios.py``; what jobs notice: ``test_jobs_notice.py``), run in a process of its own
with the hook on, and with it off. What no part of the product reads is listed in ``SHOWN_ONLY`` with its reason; the
simulator's own tests hold those (``tests/simulator/test_types_hooks.py``, the recordings).
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from simulator.types import ALL_TYPES
from tests.hooks import test_jobs_notice

ROOT = Path(__file__).parents[2]
HOOKS = sorted({hook.name for rtype in ALL_TYPES for hook in rtype.hooks})

#: Hook → what it makes Azure show, and that the product does not look at.
SHOWN_ONLY: dict[str, str] = {
    "asset-container": "an asset's container beside its versions",
    "datastore-default": "which datastore is the default one",
    "diagnostic-setting-entries": "entries of a diagnostic setting that a request left out",
    "event-subscription-handshake": "a webhook's handshake; the product subscribes to nothing yet",
    "event-subscription-rules": "refusals of event subscriptions; the product has none yet",
    "event-subscription-url-hidden": "a webhook's URL without its secret; the product has none yet",
    "identity-has-principal": "the principal of a user-assigned identity; no blueprint has one yet",
    "log-analytics-sku-case": "an old API version's spelling of a SKU; the product pins a later one",
    "private-endpoint-names": "names on the endpoint; the product reads its zone group",
    "private-endpoint-shown": "names on the endpoint; the product reads its zone group",
    "registry-data-hosts": "names of a registry's data endpoints; the product reads its zone group",
    "system-topic-source": "a refusal of system topics; the product has none yet",
    "vault-uri": "the vault's URL",
    "workspace-claims-storage": "the workspace's four datastores",
    "workspace-private-link-count": "a count of endpoints; the product reads the connections",
    "zone-counts-records": "a count of records; the product reads the zone group",
    "zone-group-shape": "ids of a zone group's configurations",
    "zone-group-shown": "states of a zone group's configurations",
    "zone-has-soa": "the zone's own SOA record",
    "disk-in-use": "a machine's disk stays; the product declares the machine and never reads its disk",
    "route-table-inline-routes": "routes of a table; no blueprint has one yet",
    "route-table-shows-routes": "routes of a table; no blueprint has one yet",
    "routes-rules": "refusals of routes; no blueprint has one yet",
    "vault-recovered": "that a vault which came back is deleted no more",
    "vm-exact-version": "which version of an image was taken",
    "vm-makes-disk": "the disk of a machine; the product declares the machine and never reads its disk",
    "vm-runs": "power states; the product reads none",
    "workspace-recovered": "a recovery that people ask for; the product asks none of a workspace",
    "zones-stay": "a refusal to move an address between zones; no blueprint names any",
}


@pytest.fixture(scope="module")
def outcomes() -> dict[str, dict[str, str | None]]:
    """Hook → how its scenario ended with the hook on and off; null where it passed."""
    run = subprocess.run(
        [sys.executable, "-m", "tests.hooks.run"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=900
    )
    assert run.returncode == 0, run.stderr
    return {line["hook"]: line for line in map(json.loads, run.stdout.splitlines())}


def test_every_hook_has_a_scenario_or_a_reason(outcomes: dict[str, dict[str, str | None]]) -> None:
    assert set(outcomes) | set(test_jobs_notice.SCENARIOS) | set(SHOWN_ONLY) == set(HOOKS)
    assert not set(SHOWN_ONLY) & (set(outcomes) | set(test_jobs_notice.SCENARIOS))


@pytest.mark.parametrize("hook", [name for name in HOOKS if name not in {*SHOWN_ONLY, *test_jobs_notice.SCENARIOS}])
def test_the_product_notices(outcomes: dict[str, dict[str, str | None]], hook: str) -> None:
    found = outcomes[hook]
    assert found["on"] is None, f"the scenario does not hold: {found['on']}"
    assert found["off"] is not None, "the scenario holds without the hook, too"
