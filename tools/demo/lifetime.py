"""The chapters of a workspace that nobody uses: warned, extended, asked, archived, restored."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tools.demo import screen
from tools.demo.api import Refused
from tools.demo.models import ML_VERSION
from tools.demo.month import Month
from tools.demo.owner import Owner

if TYPE_CHECKING:
    from tools.demo.walk import Walk

#: Two weeks without use are the end; whoever says yes has a day to think again.
RULE: dict[str, Any] = {"idleAfter": "P14D", "action": "archive", "grace": "P1D"}
#: Daily looks until an owner is asked: a week, of which one look counts 26 hours at most.
_MOST_LOOKS = 12


def warned(walk: Walk, name: str) -> dict[str, Any]:
    """What the look saw, clue by clue, and the date that is told in advance."""
    with Month(walk.stack) as month:
        month.leap(hours=24)  # it is looked at once a day
        found = month.until(lambda: _in_stage(walk, name, "warned"), "the warning")
    _tell(found)
    for clue in found["evidence"]["clues"]:
        screen.said(f"   {clue['name']:<12} {clue['verdict']:<8} {clue['observed']}")
    screen.said(f"   read in {found['evidence']['calls']} calls at {found['evidence']['readAt']}")
    return found


def longer(walk: Walk, name: str, spec: dict[str, Any]) -> str:
    """What the API says to who is no owner, and asks for a longer rule instead of an extension."""
    asked = {**spec, "expiry": {**RULE, "idleAfter": "P90D"}}
    try:
        walk.grace.call("PUT", f"/workspaces/{name}", asked)
    except Refused as refused:
        screen.said(f"{refused}")
        return str(refused)
    return "taken"


def extended(walk: Walk, name: str) -> dict[str, Any]:
    """The owner needs it longer, and says why; two days after that it is idle again."""
    with Month(walk.stack) as month:
        until = (month.now() + timedelta(days=5)).date().isoformat()
        asked = {"until": until, "reason": "The demo for the board is on Friday."}
        found = walk.owner.call("POST", f"/workspaces/{name}/expiry:extend", asked).json()
        screen.said(f"{found['stage']}: extended until {found['extension']['until']}: {found['extension']['reason']}")
        month.leap(hours=7 * 24)
        found = month.until(lambda: _in_stage(walk, name, "warned"), "the second warning")
    _tell(found)
    return found


def asked(walk: Walk, name: str) -> dict[str, Any]:
    """A week of daily looks, each of which finds it idle; then its owner decides."""
    with Month(walk.stack) as month:
        for _ in range(_MOST_LOOKS):
            found = _next_look(walk, month, name)
            if found["stage"] != "warned":
                break
    _tell(found)
    return found


def archived(walk: Walk, name: str) -> dict[str, Any]:
    """The owner's yes; the grace, with its end told in advance; then the archive."""
    said = {"reason": "The campaign is over; we keep the model."}
    walk.owner.call("POST", f"/workspaces/{name}/expiry:retire", said)
    with Month(walk.stack) as month:
        found = month.until(lambda: _in_stage(walk, name, "grace"), "the grace")
        _tell(found)
        for _ in range(_MOST_LOOKS):
            found = _next_look(walk, month, name)
            if found["stage"] != "grace":
                break
        found = month.until(lambda: _in_stage(walk, name, "archived"), "the archive", patience=300)
    _tell(found)
    screen.said(f"computes in Azure: {', '.join(computes(walk)) or 'none'}")
    return found


def restored(walk: Walk, name: str) -> dict[str, Any]:
    """The computes come back from the spec, what was served as it was."""
    walk.grace.call("POST", f"/workspaces/{name}:restore")
    with Month(walk.stack) as month:
        found = month.until(lambda: _restored(walk, name), "the workspace to be back", patience=300)
    screen.said(f"archive: {found['archive']['state']}; expiry: {found['stage']}: {' '.join(found['reasons'])}")
    screen.said(f"computes in Azure: {', '.join(computes(walk)) or 'none'}")
    return found


def computes(walk: Walk) -> list[str]:
    """As Azure lists them."""
    with Owner(walk.stack) as owner:
        return [one["name"] for one in owner.list(f"{walk.workspace_id}/computes", ML_VERSION)]


def _expiry(walk: Walk, name: str) -> dict[str, Any]:
    found: dict[str, Any] = walk.grace.call("GET", f"/workspaces/{name}/expiry").json()
    return found


def _in_stage(walk: Walk, name: str, stage: str) -> dict[str, Any] | None:
    found = _expiry(walk, name)
    return found if found["stage"] == stage else None


def _restored(walk: Walk, name: str) -> dict[str, Any] | None:
    found = _expiry(walk, name)
    back = found["archive"] is not None and found["archive"]["state"] == "restored"
    return found if back and found["stage"] == "active" else None


def _next_look(walk: Walk, month: Month, name: str) -> dict[str, Any]:
    """The next day's; stages before the archive have one a day."""
    before = _expiry(walk, name)
    seen = datetime.fromisoformat(before["evidence"]["readAt"])

    def looked() -> dict[str, Any] | None:
        found = _expiry(walk, name)
        other = found["evidence"] is not None and datetime.fromisoformat(found["evidence"]["readAt"]) > seen
        return found if other or found["stage"] != before["stage"] else None

    month.leap(hours=24)
    return month.until(looked, "the next look")


def _tell(found: dict[str, Any]) -> None:
    following = f"; the next stage is on {found['nextAt'][:10]} at the earliest" if found["nextAt"] else ""
    screen.said(f"{found['stage']}: {' '.join(found['reasons'])}{following}")
