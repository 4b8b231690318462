"""What people do to access behind the control plane's back."""

from __future__ import annotations

import base64
import json
import uuid

from tools.demo.owner import Owner

_CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"
_ASSIGNMENTS = "Microsoft.Authorization/roleAssignments"
_VERSION = "2022-04-01"


def person_of(bearer: str) -> str:
    """Object id of the person of a token."""
    payload = bearer.split(".")[1]
    return str(json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["oid"])


def grant_to_a_person(owner: Owner, scope: str, bearer: str) -> None:
    """*Contributor* on ``scope`` to the person of a token."""
    person = person_of(bearer)
    subscription = scope.split("/")[2]
    body = {
        "properties": {
            "roleDefinitionId": f"/subscriptions/{subscription}/providers/Microsoft.Authorization/roleDefinitions/"
            f"{_CONTRIBUTOR}",
            "principalId": person,
            "principalType": "User",
        }
    }
    owner.put(f"{scope}/providers/{_ASSIGNMENTS}/{uuid.uuid4()}", _VERSION, body)
