"""Repeatable requests: the same write twice has one effect and one answer.

Source: OASIS "Repeatable Requests Version 1.0", Committee Specification 01
(https://docs.oasis-open.org/odata/repeatable-requests/v1.0/repeatable-requests-v1.0.html), and Azure REST API
Guidelines, "Repeatability of requests". The key is who asks, what, and under which id; a digest of the content stands
beside it. The answer is a row that is inserted in the commit of the effect, so that neither exists without the other,
and of two requests at the same time one gets the other's answer.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from controlplane.errors import Conflict, Rejected
from controlplane.ports.store import Insert, Store, Write
from controlplane.projects.access import Caller
from controlplane.workspaces.rows import PARTITION, stamp

REQUEST_ID = "Repeatability-Request-ID"
FIRST_SENT = "Repeatability-First-Sent"
RESULT = "Repeatability-Result"
#: How long answers are kept, and so how old a first sending may be.
KEPT = timedelta(hours=24)
#: By how much a caller's clock may be fast.
SKEW = timedelta(minutes=5)
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
#: IMF-fixdate (RFC 9110, 5.6.7), the only form that the specification allows.
_FIXDATE = re.compile(r"(\w{3}), (\d\d) (\w{3}) (\d{4}) (\d\d):(\d\d):(\d\d) GMT", re.ASCII)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as far as it counts: ``content`` is everything beside the path that decides what is done."""

    caller: Caller
    method: str
    path: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Repeatable:
    """A request that may come again: under which row its answer is, and of which content."""

    row: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered, to be answered again."""

    status: int
    headers: Mapping[str, str]
    body: str
    project: str | None = None
    """Whose members may be told it; None: whoever has a role everywhere."""


def read_headers(request_id: str | None, first_sent: str | None, now: datetime) -> str | None:
    """The id of a repeatable request in lower case; None when neither header is there.

    Raises ``Rejected``: ``MissingRequiredHeader``, ``InvalidHeaderValue``, ``RepeatabilityFirstSentOutOfRange``.
    """
    if request_id is None and first_sent is None:
        return None
    if request_id is None or first_sent is None:
        missing = REQUEST_ID if request_id is None else FIRST_SENT
        raise Rejected("MissingRequiredHeader", f"{REQUEST_ID} and {FIRST_SENT} go together.", target=missing)
    if not _UUID.fullmatch(request_id):
        raise Rejected("InvalidHeaderValue", f"{REQUEST_ID} has to be a UUID.", target=REQUEST_ID)
    sent = _fixdate(first_sent)
    if not now - KEPT <= sent <= now + SKEW:
        hours = KEPT // timedelta(hours=1)
        message = f"{FIRST_SENT} has to lie within the last {hours} hours: what is older is not remembered."
        raise Rejected("RepeatabilityFirstSentOutOfRange", message, target=FIRST_SENT)
    return request_id.lower()


def _fixdate(text: str) -> datetime:
    message = f"{FIRST_SENT} has to be an IMF-fixdate, such as Sun, 01 Nov 2026 12:00:00 GMT."
    found = _FIXDATE.fullmatch(text)
    if found is None or found[3] not in _MONTHS:
        raise Rejected("InvalidHeaderValue", message, target=FIRST_SENT)
    numbers = (int(found[4]), _MONTHS.index(found[3]) + 1, int(found[2]), int(found[5]), int(found[6]), int(found[7]))
    try:
        time = datetime(*numbers, tzinfo=UTC)
    except ValueError as error:
        raise Rejected("InvalidHeaderValue", message, target=FIRST_SENT) from error
    if _DAYS[time.weekday()] != found[1]:
        raise Rejected("InvalidHeaderValue", message, target=FIRST_SENT)
    return time


def repeatable(asked: Asked, request_id: str) -> Repeatable:
    """The key of a request, and what it asks."""
    caller = asked.caller
    key = json.dumps([caller.tenant_id, caller.object_id, asked.method.upper(), asked.path, request_id])
    return Repeatable(f"r!{hashlib.sha256(key.encode()).hexdigest()}", hashlib.sha256(asked.content).hexdigest())


def writes(key: Repeatable, answer: Answer, now: datetime) -> tuple[Write, ...]:
    """The answer, and when it may be forgotten; ``Conflict`` when there is one already."""
    value = {
        "fingerprint": key.fingerprint,
        "status": answer.status,
        "headers": dict(answer.headers),
        "body": answer.body,
        "project": answer.project,
    }
    until = f"q!{stamp(now + KEPT)}!{key.row.removeprefix('r!')}"
    return (Insert(key.row, value), Insert(until, {"row": key.row}))


async def find_answer(store: Store, key: Repeatable) -> Answer | None:
    """The answer to an earlier sending. Raises ``Conflict("RepeatabilityRequestMismatch")`` for another content."""
    entity = await store.get(PARTITION, key.row)
    if entity is None:
        return None
    value = entity.value
    if value["fingerprint"] != key.fingerprint:
        message = f"Another request was sent under this {REQUEST_ID}; a new request takes a new id."
        raise Conflict("RepeatabilityRequestMismatch", message, target=REQUEST_ID)
    return Answer(int(value["status"]), value["headers"], str(value["body"]), value.get("project"))


async def keep_answer(store: Store, key: Repeatable, answer: Answer, now: datetime) -> Answer:
    """The answer that counts: this one, or the one that another sending was given meanwhile."""
    found = await find_answer(store, key)
    if found is not None:
        return found
    try:
        await store.commit(PARTITION, writes(key, answer, now))
    except Conflict:
        return await find_answer(store, key) or answer
    return answer
