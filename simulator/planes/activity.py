"""`Microsoft.Insights/eventtypes/management/values`: the activity log of a subscription, read by a filter.

Sources: REST reference "Activity Logs - List" 2015-04-01 (the filter is required and needs the start; five patterns,
"no other syntax is allowed"); `The start time cannot be more than 90 days in the past.`, BadRequest
(turbot/tailpipe-plugin-azure, tables/activity_log). The right is `Microsoft.Insights/eventtypes/values/Read` over
`.../providers/microsoft.insights/eventtypes/management` (a test of Azure/azure-libraries-for-java quotes the refusal).
Of the other refusals the code is Azure's, the sentence ours.
"""

from __future__ import annotations

import base64
import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast
from urllib.parse import urlencode

from simulator.engine.activity import KEPT_SECONDS
from simulator.engine.declaration import Answer, ArmError, JsonObject, Route, RouteContext

if TYPE_CHECKING:
    from simulator.engine.core import Engine

_TERM = re.compile(r"\s*(\w+)\s+(eq|ge|le)\s+'([^']*)'\s*", re.IGNORECASE)
#: What one call may ask for besides the time; the value of an event that it is compared with.
_PATTERNS = {
    "resourcegroupname": "resourceGroupName", "resourceuri": "resourceId", "resourceid": "resourceId",
    "resourceprovider": "resourceProviderName", "correlationid": "correlationId",
}  # fmt: skip
PAGE = 200


def _bad(message: str) -> ArmError:
    return ArmError(400, "BadRequest", message)


def _moment(text: str) -> float:
    try:
        # Azure writes seven digits of a second, which Python's parser cuts.
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise _bad(f"The value '{text}' of eventTimestamp is not a valid date and time.") from error
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def _question(text: str, now: float) -> tuple[float, float, dict[str, str]]:
    """(from, until, what else). Raises for everything that no pattern allows."""
    terms = [_TERM.fullmatch(part) for part in re.split(r"\band\b", text, flags=re.IGNORECASE)] if text.strip() else []
    since, until, more = None, now, dict[str, str]()
    for term in terms:
        name, relation = (term[1].lower(), term[2].lower()) if term else ("", "")
        if term is not None and (name, relation) == ("eventtimestamp", "ge"):
            since = _moment(term[3])
        elif term is not None and (name, relation) == ("eventtimestamp", "le"):
            until = _moment(term[3])
        elif term is not None and name in _PATTERNS and relation == "eq" and not more:
            more[_PATTERNS[name]] = term[3]
        elif term is None or (name, relation) not in (("eventchannels", "eq"), ("levels", "eq")):
            raise _bad(f"The filter '{text}' is not supported.")
    if since is None:
        raise _bad("The filter is required, and it has to have a start time: eventTimestamp ge '...'.")
    if since < now - KEPT_SECONDS:
        raise _bad("The start time cannot be more than 90 days in the past.")
    if until < since:
        raise _bad("The end time cannot be before the start time.")
    return since, until, more


def _is_asked(event: JsonObject, more: dict[str, str]) -> bool:
    for name, wanted in more.items():
        held = event[name]["value"] if isinstance(event[name], dict) else event[name]
        if str(held).lower() != wanted.rstrip("/").lower():
            return False
    return True


def values(ctx: RouteContext) -> Answer:
    """One page, newest first. The token keeps the page's place and the moment of the first question: what happens
    meanwhile does not move the pages."""
    engine, query = cast("Engine", ctx.engine), {name.lower(): value for name, value in ctx.query.items()}
    place: JsonObject = {"skip": 0, "now": engine.time()}
    if token := query.get("$skiptoken"):
        try:
            place = json.loads(base64.urlsafe_b64decode(token))
        except ValueError as error:
            raise _bad("The continuation token is not valid.") from error
    since, until, more = _question(query.get("$filter", ""), float(place["now"]))
    found = engine.activity.of(ctx.params["s"], since, min(until, float(place["now"])))
    found = [event for event in found if _is_asked(event, more)]
    start = int(place["skip"])
    page: JsonObject = {"value": [_selected(event, query.get("$select", "")) for event in found[start : start + PAGE]]}
    if start + PAGE < len(found):
        text = json.dumps({**place, "skip": start + PAGE}).encode()
        kept = {"$filter": query["$filter"], "$select": query.get("$select", ""), "api-version": ctx.api_version}
        kept["$skipToken"] = base64.urlsafe_b64encode(text).decode()
        page["nextLink"] = f"{ctx.base}{ctx.path}?{urlencode({name: value for name, value in kept.items() if value})}"
    return Answer(200, page)


def _selected(event: JsonObject, names: str) -> JsonObject:
    wanted = {name.strip().lower() for name in names.split(",") if name.strip()}
    return {name: value for name, value in event.items() if not wanted or name.lower() in wanted}


ROUTES = (
    Route(
        "GET",
        "/subscriptions/{s}/providers/Microsoft.Insights/eventtypes/management/values",
        "Microsoft.Insights/eventtypes/values/Read",
        values,
        scope="/subscriptions/{s}/providers/microsoft.insights/eventtypes/management",
    ),
)
