"""Endpoints that enforce access to the workspace's connections, and who may make them.

"If a user identity doesn't have the permissions to read secrets from workspace connections, but it tries to create the
endpoint or the deployment with the endpoint's SAI and the flag set to enforce access to the default secret stores, the
endpoint or deployment creation is rejected" (learn.microsoft.com/azure/machine-learning/concept-endpoints-online-auth).
The permissions are those of the built-in role Azure Machine Learning Workspace Connection Secrets Reader. Our operator
reads no secret, so that whoever restores such an endpoint gives it that role for as long; without the flag the endpoint
would come back and not be the same.
"""

from __future__ import annotations

from collections.abc import Mapping

from controlplane.arm import fold, name_of, parent_of
from controlplane.governance.expiry.archive import Kept
from controlplane.json_types import JsonObject
from controlplane.operations.model import ErrorBody
from controlplane.ports.reader import ResourceReader
from controlplane.workspaces.own_rights import API_VERSION, PERMISSIONS, allows

#: Name and actions: azadvertizer.net and azure-rbac-catalog.org, ea01e6af-a1c1-4350-9563-ad00f8c72ec5.
ROLE = "Azure Machine Learning Workspace Connection Secrets Reader"
ACTIONS = (
    "Microsoft.MachineLearningServices/workspaces/connections/listsecrets/action",
    "Microsoft.MachineLearningServices/workspaces/metadata/secrets/read",
)
_FLAG = "enforce_access_to_default_secret_stores"
CODE = "SecretsReaderMissing"


def enforcing(body: Mapping[str, object]) -> bool:
    """Of an endpoint: its bag of properties has the flag ("Deploy … with secret injection")."""
    properties = body.get("properties")
    bag = properties.get("properties") if isinstance(properties, Mapping) else None
    found = bag.get(_FLAG) if isinstance(bag, Mapping) else None
    return str(found).lower() in ("enabled", "true")


def enforces(one: Kept, shown: Mapping[str, JsonObject | None]) -> bool:
    """Whether Azure asks who makes an endpoint, or a deployment of an endpoint that is there."""
    if not one.is_deployment:
        return not one.is_compute and enforcing(one.body)
    return enforcing(shown.get(fold(str(parent_of(one.id)))) or {})


async def lacking(reader: ResourceReader, workspace_id: str, one: Kept) -> ErrorBody | None:
    """What has to be given to our operator, at whose permissions this looks; None: it may."""
    held = await reader.list(f"{workspace_id}/providers/{PERMISSIONS}", API_VERSION)
    missing = [action for action in ACTIONS if not allows(held, action)]
    if not missing:
        return None
    text = (
        f"{name_of(one.id)} enforces access to the workspace's connections, and Azure makes it only for who may read "
        f"their secrets: give the operator the role {ROLE!r} on {workspace_id} until it stands, and take it away then. "
        "Everything else comes back meanwhile."
    )
    return ErrorBody(code=CODE, message=text, target=one.id)
