"""The role files of the two identities, and what they hold of them in one simulated Azure."""

from __future__ import annotations

import json
from typing import Any

from simulator.planes.authority import DEFINITIONS
from tests.support.blueprints import ROOT
from tests.support.quiet_product import QuietProduct

INFRA = ROOT / "infra"
ROLE_FILES = {
    "role-observer": "observer",
    "role-operator": "operator",
    "role-operator-access": "operator",
    "role-operator-labeling": "operator",
    "role-operator-batch": "operator",
    "role-operator-quota": "operator",
}

#: Rights that are proven where they are used, and not in a workspace's life: by the sweep.
SWEEP = frozenset(
    {
        "Microsoft.Insights/metrics/read",
        "Microsoft.MachineLearningServices/workspaces/models/read",
        "Microsoft.MachineLearningServices/workspaces/models/versions/read",
        "Microsoft.MachineLearningServices/workspaces/onlineEndpoints/read",
        "Microsoft.OperationalInsights/workspaces/query/AmlOnlineEndpointTrafficLog/read",
        "Microsoft.OperationalInsights/workspaces/query/AmlRunStatusChangedEvent/read",
        "Microsoft.OperationalInsights/workspaces/query/read",
    }
)

#: And by remediations.
FOLLOWING = frozenset(
    {
        "Microsoft.MachineLearningServices/workspaces/onlineEndpoints/deployments/write",
    }
)

_W = "Microsoft.MachineLearningServices/workspaces"
#: And by runs (test_retraining_runs).
RUNS = frozenset(
    {
        f"{_W}/batchEndpoints/deployments/read",
        f"{_W}/batchEndpoints/jobs/write",
        f"{_W}/batchEndpoints/read",
        f"{_W}/components/read",
        f"{_W}/components/versions/read",
        f"{_W}/jobs/cancel/action",
        f"{_W}/jobs/read",
        f"{_W}/jobs/write",
        f"{_W}/models/versions/read",
        f"{_W}/schedules/read",
        "Microsoft.MachineLearningServices/locations/usages/read",
        "Microsoft.MachineLearningServices/locations/vmSizes/read",
    }
)
#: And by archives (test_archive_on_azure), and looks for idleness.
ARCHIVES = frozenset(
    {
        *(f"{_W}/{kind}Endpoints/{verb}" for kind in ("online", "batch") for verb in ("read", "write", "delete")),
        *(f"{_W}/{kind}Endpoints/deployments/{verb}" for kind in ("online", "batch") for verb in ("read", "write")),
    }
)
#: And by the collector of costs (test_costs_on_azure).
COSTS = frozenset({"Microsoft.CostManagement/forecast/read", "Microsoft.CostManagement/query/read"})
#: And by the API, which looks for a policy's pipeline.
PIPELINES = frozenset(
    {
        f"{_W}/batchEndpoints/deployments/read",
        f"{_W}/components/read",
        f"{_W}/components/versions/read",
        f"{_W}/schedules/read",
    }
)
#: And by labelling projects (test_labeling_on_azure), and tasks that look where their data lies.
LABELING = frozenset({f"{_W}/data/versions/read", *(f"{_W}/labeling*/{verb}" for verb in ("read", "write", "delete"))})
#: Of these a workspace's life needs some, too: its monitors read components, schedules, runs and calls.
_LIFE = {
    "operator": {
        "Microsoft.MachineLearningServices/locations/vmSizes/read",
        "Microsoft.Insights/metrics/read",
        f"{_W}/batchEndpoints/read",
        f"{_W}/components/versions/read",
        f"{_W}/jobs/read",
        f"{_W}/onlineEndpoints/deployments/read",
        f"{_W}/onlineEndpoints/read",
        f"{_W}/schedules/read",
    },
    "observer": {f"{_W}/components/versions/read"},
}


def role(name: str) -> dict[str, Any]:
    """A role file."""
    found: dict[str, Any] = json.loads((INFRA / f"{name}.json").read_text())
    return found


#: And by who invokes a batch deployment (test_retraining_runs).
INVOKING = frozenset(role("role-operator-batch")["Actions"])
_ELSEWHERE = {"operator": SWEEP | FOLLOWING | RUNS | INVOKING | LABELING | ARCHIVES | COSTS, "observer": PIPELINES}


def actions(who: str) -> frozenset[str]:
    """All that an identity may do for the life of a workspace."""
    held = frozenset(action for name, holder in ROLE_FILES.items() if holder == who for action in role(name)["Actions"])
    return held - (_ELSEWHERE[who] - _LIFE[who])


class Rights:
    """What the identities may do in one Azure, changed as an owner of the subscription would."""

    def __init__(self, product: QuietProduct) -> None:
        self._azure = product.azure
        self._guids = {one["properties"]["roleName"]: one["name"] for one in self._definitions()}

    def _definitions(self) -> list[dict[str, Any]]:
        scope = "/subscriptions/00000000-0000-0000-0000-000000000001"
        answer = self._azure.call("owner", "GET", f"{scope}/providers/{DEFINITIONS}?api-version=2022-04-01")
        listed: list[dict[str, Any]] = answer.body["value"]
        return listed

    def set(self, who: str, allowed: frozenset[str]) -> None:
        """Leaves of an identity's roles what is in ``allowed``."""
        for name, holder in ROLE_FILES.items():
            if holder == who:
                self._put(role(name), allowed)

    def _put(self, found: dict[str, Any], allowed: frozenset[str]) -> None:
        scope = "/subscriptions/00000000-0000-0000-0000-000000000001"
        body = {
            "roleName": found["Name"],
            "type": "CustomRole",
            "description": found["Description"],
            "assignableScopes": [scope],
            "permissions": [{"actions": [one for one in found["Actions"] if one in allowed]}],
        }
        url = f"{scope}/providers/{DEFINITIONS}/{self._guids[found['Name']]}?api-version=2022-04-01"
        answer = self._azure.call("owner", "PUT", url, {"properties": body})
        assert answer.status in (200, 201), answer.body

    def asked(self, who: str) -> dict[str, frozenset[str]]:
        """Actions used and refused since the beginning."""
        world = self._azure.world
        return world.rights.asked_for(world.seeded(who)["id"])
