"""Quotas of machine learning workspaces in ``fake_azure``: planted rows, by family, of the subscription and of each
workspace; a limit is set as Azure sets it."""

from __future__ import annotations

from typing import Any

from controlplane.arm import fold
from controlplane.json_types import JsonObject

_TYPE = "Microsoft.MachineLearningServices"


def planted(subscription: str, workspace_id: str, limits: dict[str, int], whole: int = 24) -> dict[str, dict[str, Any]]:
    """Rows by folded id: the subscription's, and a workspace's."""
    found = {}
    for family, limit in limits.items():
        for owner, kind, most in (
            (f"/subscriptions/{subscription}", f"{_TYPE}/vmFamily/dedicatedCores/quotas", whole),
            (workspace_id, f"{_TYPE}/workspaces/dedicatedCores/quotas", limit),
        ):
            arm_id = f"{owner}/quotas/{family}"
            found[fold(arm_id)] = {"id": arm_id, "type": kind, "limit": most, "unit": "Count"}
    return found


def quotas_of(resources: dict[str, dict[str, Any]], collection: str) -> list[str]:
    """Ids of the rows that a location lists."""
    subscription = collection.partition("/providers/")[0]
    return [one for one in resources if one.startswith(f"{subscription}/") and "/quotas/" in one]


def set_quota(resources: dict[str, dict[str, Any]], wish: JsonObject) -> dict[str, Any]:
    """What becomes of one wish. ``kept`` of a row: what its clusters keep at least."""
    arm_id, limit = str(wish["id"]), wish["limit"]
    row, family = resources.get(fold(arm_id)), fold(arm_id).rpartition("/")[2]
    whole = resources.get(f"{'/'.join(fold(arm_id).split('/')[:3])}/quotas/{family}")
    if row is None or whole is None:
        status = "InvalidVMFamilyName"
    elif not isinstance(limit, int) or limit < 0:
        status = "Failure"
    elif limit > whole["limit"]:
        status = "InvalidQuotaExceedsSubscriptionLimit"
    elif limit < row.get("kept", 0):
        status = "InvalidQuotaBelowClusterMinimum"
    else:
        status, row["limit"] = "Success", limit
    return {**wish, "status": status}


def sizes(subscription: str, location: str, *known: tuple[str, str, int]) -> dict[str, dict[str, Any]]:
    """Rows of the location's list of sizes: name, family, cores."""
    path = f"/subscriptions/{subscription}/providers/{_TYPE}/locations/{location}/vmSizes"
    rows = {}
    for name, family, cores in known:
        rows[fold(f"{path}/{name}")] = {"id": f"{path}/{name}", "name": name, "family": family, "vCPUs": cores}
    return rows
