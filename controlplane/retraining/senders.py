"""Whether a pipeline, or anything that it is made of, would run as whoever sends it: that is the operator, who may do
what no member of the project may.

Source: "Set up service authentication" (identity of jobs: `user_identity`, in ARM `UserIdentity`). A pipeline names its
parts by `componentId`, `component` and `trial`, a job that was copied by `sourceJobId`; each is read and looked
through, too. What lies where it cannot be read (a registry, another workspace) is not known, and unknown is not fine.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from controlplane.arm import fold, is_within
from controlplane.errors import Rejected
from controlplane.json_types import JsonObject
from controlplane.ports.reader import ResourceReader

NOT_ALLOWED, UNREADABLE = "PipelineNotAllowed", "PipelineUnreadable"
#: Components within components, and all of them together, that are looked through.
DEPTH, MOST = 8, 60
_API = "2024-04-01"
_PARTS = frozenset({"componentid", "component", "trial", "sourcejobid"})
_NAMED = re.compile(r"azureml:([A-Za-z0-9][A-Za-z0-9._-]{0,254}):([A-Za-z0-9._-]{1,255})")
_LABELLED = re.compile(r"azureml:([A-Za-z0-9][A-Za-z0-9._-]{0,254})@latest")
_READABLE = re.compile(r"/(components/[^/?#]+/versions/[^/?#]+|jobs/[^/?#]+)", re.IGNORECASE)


async def require_no_sender(reader: ResourceReader, workspace_id: str, found: JsonObject, what: str) -> None:
    """Raises ``Rejected``: ``PipelineNotAllowed``; ``PipelineUnreadable`` where nobody can know; and what the reader
    raises. ``what`` is called so in the sentence."""
    if runs_as_sender(found):
        text = f"{what} has a step with the identity of whoever sends it, which is the operator's."
        raise Rejected(NOT_ALLOWED, text)
    left, seen = [(one, 1) for one in parts_of(found)], set[str]()
    while left:
        part, depth = left.pop()
        if fold(part) in seen:
            continue
        seen.add(fold(part))
        if depth > DEPTH or len(seen) > MOST:
            text = f"{what} is made of more than can be looked through: {DEPTH} levels and {MOST} components at most."
            raise Rejected(UNREADABLE, text)
        body = await reader.get(await _readable(reader, workspace_id, part, what), _API)
        if body is None:
            raise Rejected(UNREADABLE, f"{what} is made of {part}, which is not there: nobody knows as whom it runs.")
        if runs_as_sender(body):
            text = f"{what} is made of {part}, which has the identity of whoever sends it: the operator's."
            raise Rejected(NOT_ALLOWED, text)
        left += [(one, depth + 1) for one in parts_of(body)]


async def _readable(reader: ResourceReader, workspace_id: str, part: str, what: str) -> str:
    """The part's ARM id in the workspace."""
    if named := _NAMED.fullmatch(part):
        return f"{workspace_id}/components/{named[1]}/versions/{named[2]}"
    if labelled := _LABELLED.fullmatch(part):
        body = await reader.get(f"{workspace_id}/components/{labelled[1]}", _API)
        properties = (body or {}).get("properties")
        version = properties.get("latestVersion") if isinstance(properties, dict) else None
        if isinstance(version, str) and version:
            return f"{workspace_id}/components/{labelled[1]}/versions/{version}"
    arm_id = part.removeprefix("azureml:")
    if is_within(arm_id, workspace_id) and _READABLE.fullmatch(arm_id[len(workspace_id) :]):
        return arm_id
    text = f"{what} is made of {part[:300]}, which is not in the workspace: nobody here can read as whom it would run."
    raise Rejected(UNREADABLE, text)


def runs_as_sender(found: JsonObject) -> bool:
    """Whether a job, or a step that it holds itself, has "user identity"."""
    for one in _objects(found):
        identity = one.get("identity")
        given = identity if isinstance(identity, dict) else {}
        said = str(given.get("identityType") or given.get("type") or "")
        if said.replace("_", "").lower() in ("useridentity", "user"):
            return True
    return False


def parts_of(found: JsonObject) -> Iterator[str]:
    """What it is made of by reference: components, and the job that it was copied from."""
    for one in _objects(found):
        for name, value in one.items():
            if name.replace("_", "").lower() in _PARTS:
                told = value.get("assetId") if isinstance(value, dict) else value
                if isinstance(told, str) and told:
                    yield told


def _objects(found: Any) -> Iterator[dict[str, Any]]:
    left: list[Any] = [found]
    while left:
        one = left.pop()
        if isinstance(one, dict):
            yield one
            left += one.values()
        elif isinstance(one, list):
            left += one
