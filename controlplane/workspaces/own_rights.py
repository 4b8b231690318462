"""Whether the control plane's own identity may do what an operation will ask of others' resources, before it begins.

"To assign roles, the login for your Azure subscription must have the Managed Identity Operator role, or other role that
grants the required actions (such as Owner)": "Set up authentication between Azure Machine Learning and other services".
What it may is asked of Azure itself: Permissions - List For Resource, which answers for whoever asks. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from controlplane.arm import is_within
from controlplane.errors import ErrorDetail
from controlplane.json_types import JsonObject
from controlplane.operations.model import ErrorBody
from controlplane.workspaces import kinds as k
from controlplane.workspaces.model import Blueprint
from controlplane.workspaces.resolve import at

PERMISSIONS = "Microsoft.Authorization/permissions"
API_VERSION = "2022-04-01"
CODE = "OwnRightsMissing"


@dataclass(frozen=True, slots=True)
class Need:
    """An action on something that is there already, and the role that usually gives it."""

    scope: str
    action: str
    role: str


@dataclass(frozen=True, slots=True)
class Right:
    """One kind of need, and the requirements that want it looked at."""

    needs: Callable[[Blueprint], Iterator[Need]]
    requirements: tuple[str, ...] = ()


def _assign(blueprint: Blueprint) -> Iterator[Need]:
    """Who gives an identity to a resource needs a right on the identity; those of our own groups are not there yet."""
    for resource in blueprint.resources:
        for arm_id in at(resource.body, "identity.userAssignedIdentities") or ():
            if not any(is_within(arm_id, group) for group in blueprint.own_groups):
                yield Need(arm_id, f"{k.IDENTITY}/assign/action", "Managed Identity Operator")


RIGHTS: dict[str, Right] = {"identity.assign": Right(_assign, ("S2-08",))}
"""Rule name → rule."""


def needs_of(blueprint: Blueprint) -> tuple[Need, ...]:
    """What an operation on a blueprint will need, each once."""
    return tuple(dict.fromkeys(need for right in RIGHTS.values() for need in right.needs(blueprint)))


def allows(permissions: Sequence[JsonObject], action: str) -> bool:
    """Whether one of the caller's permissions at a scope has an action among its actions and not its notActions."""
    return any(_in(one.get("actions"), action) and not _in(one.get("notActions"), action) for one in permissions)


def _in(patterns: object, action: str) -> bool:
    """Managed Identity Operator has ``userAssignedIdentities/*/assign/action``, which allows
    ``userAssignedIdentities/assign/action``: a wildcard between slashes also stands for nothing."""
    found = [str(pattern).lower() for pattern in patterns] if isinstance(patterns, list) else []
    spelled = {*found, *(pattern.replace("/*/", "/") for pattern in found)}
    return any(fnmatchcase(action.lower(), pattern) for pattern in spelled)


def lacking(answers: Mapping[Need, Sequence[JsonObject] | None]) -> ErrorBody | None:
    """Why an operation cannot begin. A need whose scope's permissions nobody may read (None) is left to Azure, which
    refuses the write itself."""
    missing = [need for need, answer in answers.items() if answer is not None and not allows(answer, need.action)]
    if not missing:
        return None
    details = tuple(ErrorDetail(CODE, _told(need), need.scope) for need in missing)
    return ErrorBody(
        code=CODE,
        message=f"{details[0].message} Nothing was written.",
        target=missing[0].scope,
        details=tuple(ErrorBody(code=d.code, message=d.message, target=d.target) for d in details),
    )


def _told(need: Need) -> str:
    return (
        f"The control plane's operator lacks {need.action} on {need.scope}: give it a role that has it, such as "
        f"{need.role}, and send the request again."
    )
