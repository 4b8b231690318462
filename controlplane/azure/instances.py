"""Compute instances: what changes of one that is there, and by which call.

A PUT of an instance that exists changes its tags; the time after which it stops when nobody uses it has an action of
its own. Sources: "Create an Azure Machine Learning compute instance", Configure idle shutdown ("ARM Templates: only
configurable during new compute instance creation"; "REST API": POST …/updateIdleShutdownSetting, shown with api-version
2021-07-01); operation Compute_UpdateIdleShutdownSetting of the published SDKs, which answers when it is done.
"""

from __future__ import annotations

from controlplane.arm import type_of
from controlplane.azure.arm_client import ArmClient
from controlplane.azure.errors import error_of, is_absence
from controlplane.computes import INSTANCE, kind_of
from controlplane.json_types import JsonObject

TYPE = "Microsoft.MachineLearningServices/workspaces/computes"
ACTION = "updateIdleShutdownSetting"
_FIELD = "idleTimeBeforeShutdown"


def is_instance(arm_id: str, body: JsonObject) -> bool:
    """Whether a body is that of a compute instance."""
    return type_of(arm_id).lower() == TYPE.lower() and kind_of(body) == INSTANCE


async def set_idle_time(client: ArmClient, arm_id: str, api_version: str, body: JsonObject) -> None:
    """Gives an instance that is there, and made, the idle time of ``body``; does nothing to any other.

    To be called before the PUT, which then answers with everything as it is. Raises the mapped error of a refusal.
    """
    wanted = _inner(body).get(_FIELD)
    found = await client.request("GET", arm_id, api_version)
    if is_absence(found):
        return
    if not found.ok:
        raise error_of(found)
    shown = found.object() or {}
    made = str((shown.get("properties") or {}).get("provisioningState")).lower() == "succeeded"
    if wanted is None or not made or not is_instance(arm_id, shown) or _inner(shown).get(_FIELD) == wanted:
        return
    answer = await client.request("POST", f"{arm_id}/{ACTION}", api_version, body={_FIELD: wanted})
    if not answer.ok:
        raise error_of(answer)


def _inner(body: JsonObject) -> JsonObject:
    found: JsonObject = (body.get("properties") or {}).get("properties") or {}
    return found
