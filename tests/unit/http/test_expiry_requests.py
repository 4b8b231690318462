"""Every stage of an expiry against every request: what is answered, and which stage it is then."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest

from controlplane.governance.expiry.archive import Archive, ArchiveState
from controlplane.governance.expiry.model import AccessNotice, Expiry, Stage, expiry_id
from controlplane.http.examples import EXPIRY
from controlplane.objects.repository import put, remove
from tests.support.api import Api, registration
from tests.unit.http.test_http_expiry import PATH, ready

ID = expiry_id("churn-dev")
SPACE = "workspaces/churn-dev"
RULE = {**EXPIRY, "action": "delete", "retention": "P30D"}
SHORTER = {**RULE, "grace": "P7D"}
LONGER = {"until": "2027-09-30", "reason": "The second season is measured."}
YES = {"reason": "It has ended."}


@dataclass(frozen=True)
class At:
    """What ticks left: a stage, its archive, and whether the archiver has begun."""

    stage: Stage
    archive: ArchiveState | None = None
    begun: bool = False


WHERE = {
    "active": At(Stage.ACTIVE),
    "byHand": At(Stage.ACTIVE, ArchiveState.ARCHIVED),
    "warned": At(Stage.WARNED),
    "asked": At(Stage.ASKED),
    "grace": At(Stage.GRACE),
    "archiving": At(Stage.ARCHIVING, ArchiveState.REMOVING),
    "givenUp": At(Stage.ARCHIVING, ArchiveState.REFILLING),
    "archived": At(Stage.ARCHIVED, ArchiveState.ARCHIVED),
    "deleting": At(Stage.DELETING, ArchiveState.ARCHIVED),
    "begun": At(Stage.DELETING, ArchiveState.ARCHIVED, begun=True),
}
REQUESTS: dict[str, tuple[str, str, Any]] = {
    "put": ("PUT", PATH, SHORTER),
    "delete": ("DELETE", PATH, None),
    "extend": ("POST", f"{PATH}:extend", LONGER),
    "exempt": ("POST", f"{PATH}:exempt", {**LONGER, "until": "2027-05-31"}),
    "retire": ("POST", f"{PATH}:retire", YES),
    "archive": ("POST", f"{SPACE}:archive", None),
    "restore": ("POST", f"{SPACE}:restore", None),
}
BUSY, NOT_ASKED, NOTHING = "ExpiryUnderWay", "NotAsked", "NotArchived"
#: What is answered: a status and the stage that it leaves, or the code of a 409.
TABLE: dict[str, tuple[Any, ...]] = {
    #            put                 delete       extend             exempt
    #            retire              archive      restore
    "active":    ((200, "active"),   (204, None), (200, "active"),   (200, "active"),
                  NOT_ASKED,         (202, "active"), NOTHING),
    "byHand":    ((200, "active"),   (204, None), (200, "active"),   (200, "active"),
                  NOT_ASKED,         (202, "active"), (202, "active")),
    "warned":    ((200, "warned"),   (204, None), (200, "active"),   (200, "active"),
                  NOT_ASKED,         (202, "warned"), NOTHING),
    "asked":     ((200, "asked"),    (204, None), (200, "active"),   (200, "active"),
                  (200, "asked"),    (202, "asked"), NOTHING),
    "grace":     ((200, "grace"),    (204, None), (200, "active"),   (200, "active"),
                  NOT_ASKED,         (202, "grace"), NOTHING),
    "archiving": (BUSY,              BUSY,        BUSY,              BUSY,
                  BUSY,              (202, "archiving"), (202, "archiving")),
    "givenUp":   ((200, "archiving"), (204, None), (200, "active"),  (200, "active"),
                  NOT_ASKED,         (202, "archiving"), (202, "archiving")),
    "archived":  (BUSY,              BUSY,        (200, "archived"), (200, "archived"),
                  BUSY,              (202, "archived"), (202, "archived")),
    "deleting":  (BUSY,              BUSY,        (200, "archived"), (200, "archived"),
                  BUSY,              (202, "deleting"), (202, "archived")),
    "begun":     (BUSY,              BUSY,        BUSY,              BUSY,
                  BUSY,              BUSY,        BUSY),
}  # fmt: skip


async def left(api: Api, at: At) -> None:
    objects = api.services.governed
    assert objects is not None
    stored = await objects.get(Expiry, ID)
    if stored is None:
        await api.call("PUT", PATH, RULE)
        stored = await objects.require(Expiry, ID)
    now: datetime = api.clock.now()
    fresh = {"extension": None, "exemption": None, "consent": None, "since": now, "due_at": now, "history": ()}
    begun = {"stage": at.stage, "deletion_begun_at": now if at.begun else None}
    rule = {"rule": type(stored.value.rule).model_validate(RULE)}
    await objects.commit(put(stored, stored.value.model_copy(update={**fresh, **begun, **rule})))
    kept = await objects.get(Archive, ID)
    if kept is not None:
        await objects.commit(remove(kept))
    if at.archive is not None:
        about = {"workspace": "churn-dev", "incarnation": stored.value.incarnation, "project": "churn"}
        archive = Archive(id=ID, due_at=None, state=at.archive, by="t/ada", changed_at=now, **about)  # type: ignore[arg-type]
        await objects.commit(put(None, archive))


@pytest.mark.parametrize("where", WHERE)
async def test_every_request_is_answered_at_every_stage(api: Api, where: str) -> None:
    owner = await ready(api)
    wrong = []
    for (name, (method, path, body)), wanted in zip(REQUESTS.items(), TABLE[where], strict=True):
        await left(api, WHERE[where])
        by_owner = {"token": owner} if path.endswith((":extend", ":exempt", ":retire")) else {}
        answer = await api.call(method, path, body, **by_owner)
        shown = await api.call("GET", PATH)
        stage = shown.json().get("stage") if shown.status_code == 200 else None
        code = answer.json().get("error", {}).get("code") if answer.status_code == 409 else None
        if isinstance(wanted, str):
            if (code, stage) != (wanted, WHERE[where].stage.value):
                wrong.append((name, wanted, answer.status_code, code, stage))
        elif (answer.status_code, stage) != wanted:
            wrong.append((name, wanted, answer.status_code, code, stage))
    assert not wrong


async def test_a_restore_and_the_expiry_are_one_commit(api: Api) -> None:
    """So that a tick that has read the old row cannot begin to delete."""
    await ready(api)
    await left(api, WHERE["deleting"])
    objects = api.services.governed
    assert objects is not None
    before = await objects.require(Expiry, ID)
    assert (await api.call("POST", f"{SPACE}:restore")).status_code == 202
    after = await objects.require(Expiry, ID)
    assert after.etag != before.etag and after.value.due_at == api.clock.now()


async def test_nothing_holds_an_archive_that_nobody_deletes(api: Api) -> None:
    owner = await ready(api)
    await left(api, WHERE["archived"])
    objects = api.services.governed
    assert objects is not None
    stored = await objects.require(Expiry, ID)
    rule = type(stored.value.rule).model_validate(EXPIRY)
    await objects.commit(put(stored, stored.value.model_copy(update={"rule": rule})))
    answer = await api.call("POST", f"{PATH}:extend", LONGER, token=owner)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, BUSY)


@pytest.mark.parametrize("ruled", [False, True])
async def test_no_delete_begins_the_notice_of_a_projects_end_anew(api: Api, ruled: bool) -> None:
    """S3-70: a lead who sends it each 13 days would keep people's roles for ever."""
    await ready(api)
    assert (await api.call("PUT", PATH, RULE)).status_code == 201
    assert (await api.call("PUT", "projects/churn", registration("churn", endsOn="2027-12-31"))).status_code == 200
    objects = api.services.governed
    assert objects is not None
    stored = await objects.require(Expiry, ID)
    now = api.clock.now()
    notice = AccessNotice(end=now.date(), since=now - timedelta(days=13), seen_at=now, lived=timedelta(days=13))
    update = {"access_notice": notice, "stage": Stage.WARNED, **({} if ruled else {"rule": None})}
    await objects.commit(put(stored, stored.value.model_copy(update=update)))
    by = {} if ruled else {"token": api.member("churn", "Workspace.Contributor")}
    for _ in range(2):
        assert (await api.call("DELETE", PATH, **by)).status_code == 204
        after = (await objects.require(Expiry, ID)).value
        assert (after.access_notice, after.rule) == (notice, None)
        assert after.stage is (Stage.ACTIVE if ruled else Stage.WARNED)
    assert (await api.call("GET", PATH)).json()["accessNotice"]["end"] == str(notice.end)


async def test_what_is_shown_of_a_restore_has_the_etag_that_matches(api: Api) -> None:
    owner = await ready(api)
    await left(api, At(Stage.ARCHIVED, ArchiveState.RESTORED))
    shown = await api.call("GET", PATH)
    assert (shown.json()["stage"], shown.headers["ETag"]) == ("active", shown.json()["etag"])
    answer = await api.call("POST", f"{PATH}:extend", LONGER, token=owner, headers={"If-Match": shown.headers["ETag"]})
    assert answer.status_code == 200, answer.text
