"""Azure Resource Graph: `POST /providers/Microsoft.ResourceGraph/resources`, table `resources`.

Sources: REST "Resources - Resources" 2022-10-01 and 2024-04-01 (`$top` up to 1,000 and 100 by default, `$skip`,
`$skipToken`, `resultFormat`, answer); "Guidance for throttled requests in Azure Resource Graph" (15 queries in five
seconds of a user; `x-ms-user-quota-remaining`, `x-ms-user-quota-resets-after`, 429 with Retry-After); "Supported
tables and resource types". What a caller may not read is left out without a word. KQL is duckdb-kql's. Not simulated:
that Graph lags behind Resource Manager; other tables; facets; management groups. Words of refusals are assumed.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import duckdb
import duckdb_kql

from simulator.engine.hooks import ArmError, JsonObject, Resource
from simulator.engine.messages import Request, Response, error_response
from simulator.planes.authority import ASSIGNMENTS, DEFINITIONS
from simulator.planes.denials import DENIALS
from simulator.types._shared import subscription_of

if TYPE_CHECKING:
    from simulator.planes.world import World

PATH = "/providers/microsoft.resourcegraph/resources"
VERSIONS = ("2021-03-01", "2022-10-01", "2024-04-01")
TABLE = "resources"
COLUMNS = (
    "id", "name", "type", "tenantId", "kind", "location", "resourceGroup", "subscriptionId", "sku", "properties",
    "tags", "identity",
)  # fmt: skip
_TIMED = re.compile(r"\b(ago|now)\s*\(", re.IGNORECASE)
_JSON = frozenset(("sku", "properties", "tags", "identity"))
MOST_ROWS, USUAL_ROWS, MOST_SUBSCRIPTIONS = 1000, 100, 1000
#: Proxy resources of the documented list; of the others what has a location of its own is in the table.
KEPT = (
    "microsoft.machinelearningservices/workspaces", "microsoft.machinelearningservices/workspaces/onlineendpoints",
    "microsoft.machinelearningservices/workspaces/onlineendpoints/deployments",
    "microsoft.machinelearningservices/workspaces/batchendpoints",
    "microsoft.machinelearningservices/workspaces/batchendpoints/deployments", "microsoft.storage/storageaccounts",
    "microsoft.keyvault/vaults", "microsoft.containerregistry/registries", "microsoft.insights/components",
    "microsoft.operationalinsights/workspaces", "microsoft.network/virtualnetworks",
    "microsoft.network/networksecuritygroups", "microsoft.network/privateendpoints",
    "microsoft.managedidentity/userassignedidentities", "microsoft.insights/metricalerts",
    "microsoft.insights/actiongroups", "microsoft.eventgrid/systemtopics",
)  # fmt: skip


def handle(world: World, request: Request) -> Response | None:
    """None for what is no call of this plane."""
    if request.path.rstrip("/").lower() != PATH:
        return None
    try:
        request.caller = world.tokens.caller(request.headers.get("authorization", ""))
        left = world.limits.resource_graph(request.caller.object_id)
        answer = _answer(world, request)
        quota = {"x-ms-user-quota-remaining": str(left), "x-ms-user-quota-resets-after": "00:00:05"}
        return Response(200, answer, quota)
    except ArmError as error:
        return error_response(error)


def _bad(message: str, code: str = "InvalidQuery") -> ArmError:
    text = "Please provide below info when asking for support"
    return ArmError(400, "BadRequest", f"{text}: {code}. {message}")


def _answer(world: World, request: Request) -> JsonObject:
    if request.method != "POST" or request.api_version not in VERSIONS:
        raise _bad(f"The api-version '{request.api_version}' or the method is not supported.", "UnsupportedApiVersion")
    body: JsonObject = request.json()
    query, options = body.get("query"), body.get("options") or {}
    if not isinstance(query, str) or not query.strip():
        raise _bad("The query is required.")
    wanted = {str(one).lower() for one in body.get("subscriptions") or ()}
    if len(wanted) > MOST_SUBSCRIPTIONS:
        raise _bad(f"Up to {MOST_SUBSCRIPTIONS} subscriptions may be named.", "TooManySubscriptions")
    top, start = _place(options)
    rows = _found(world, request, query, wanted)
    page = rows[start : start + top]
    found: JsonObject = {"totalRecords": len(rows), "count": len(page), "data": page, "facets": []}
    found["resultTruncated"] = "false"
    if start + top < len(rows):
        if page and "id" not in page[0]:
            # "The query must project the id field in order for pagination to work"
            found["resultTruncated"] = "true"
        else:
            found["$skipToken"] = f"skip:{start + top}"
    return found


#: The last question and its answer: its pages are asked for one after the other.
_LAST: WeakKeyDictionary[World, tuple[Any, list[JsonObject]]] = WeakKeyDictionary()


def _found(world: World, request: Request, query: str, wanted: set[str]) -> list[JsonObject]:
    """Every row, not worked out again while nothing has changed that it depends on."""
    changes = tuple(world.store.revision(kind) for kind in (*KEPT, ASSIGNMENTS, DEFINITIONS, DENIALS))
    about = (request.caller, query, frozenset(wanted), changes)
    known = _LAST.get(world)
    if known is None or known[0] != about or _TIMED.search(query):
        known = _LAST[world] = (about, _run(world, request, query, wanted))
    return known[1]


def _place(options: JsonObject) -> tuple[int, int]:
    """(rows of the page, where it begins)."""
    top, skip = options.get("$top", USUAL_ROWS), options.get("$skip", 0)
    if not isinstance(top, int) or not 0 < top <= MOST_ROWS or not isinstance(skip, int) or skip < 0:
        raise _bad(f"$top is 1 to {MOST_ROWS}, $skip not negative.", "InvalidOptions")
    if options.get("resultFormat", "objectArray") != "objectArray":
        raise _bad("Only resultFormat objectArray is simulated.", "InvalidOptions")
    token = str(options.get("$skipToken") or "")
    if not token:
        return top, skip
    head, _, number = token.partition(":")
    if head != "skip" or not number.isdigit():
        raise _bad("The $skipToken is not valid.", "InvalidSkipToken")
    return top, int(number)


def _visible(world: World, request: Request, wanted: set[str]) -> list[Resource]:
    found = []
    for kind in KEPT:
        for resource in world.store.of_type(kind):
            subscription = (subscription_of(resource.id) or "").lower()
            asked = (not wanted or subscription in wanted) and not resource.hidden
            if asked and world.rights.shows(request.caller, f"{resource.type}/read", resource.id):
                found.append(resource)
    return found


def _run(world: World, request: Request, query: str, wanted: set[str]) -> list[JsonObject]:
    made = duckdb.connect(":memory:")
    try:
        columns = ", ".join(f'"{name}" {"JSON" if name in _JSON else "VARCHAR"}' for name in COLUMNS)
        made.execute(f"CREATE TABLE {TABLE} ({columns})")
        rows = [_row(world, one) for one in _visible(world, request, wanted)]
        if rows:
            # Whole columns at once: row by row it takes a millisecond each.
            cells = [list(column) for column in zip(*rows, strict=True)]
            made.execute(f"INSERT INTO {TABLE} SELECT {', '.join(['unnest(?)'] * len(COLUMNS))}", cells)
        sql = duckdb_kql.to_sql(query, schema={TABLE: list(COLUMNS)}, allow_write=False)
        result = made.execute(str(sql), sql.parameters or None)
        names = [one[0] for one in result.description or ()]
        kinds = [str(one[1]) for one in result.description or ()]
        return [
            {name: _shown(cell, kind) for name, cell, kind in zip(names, row, kinds, strict=True)}
            for row in result.fetchall()
        ]
    except (duckdb_kql.KqlError, duckdb.Error) as error:
        raise _bad(str(error).partition("\n")[0]) from error
    finally:
        made.close()


def _row(world: World, resource: Resource) -> list[Any]:
    subscription = (subscription_of(resource.id) or "").lower()
    group = resource.id.split("/")[4].lower() if len(resource.id.split("/")) > 4 else ""
    location = str(resource.body.get("location") or world.engine.location_near(resource.id)).lower()
    values: JsonObject = {
        "id": resource.id, "name": resource.name, "type": resource.type.lower(), "location": location,
        "tenantId": world.engine.tenant_id, "kind": str(resource.body.get("kind") or ""),
        "resourceGroup": group, "subscriptionId": subscription,
        **{name: json.dumps(resource.body.get(name)) for name in sorted(_JSON)},
    }  # fmt: skip
    return [values[name] for name in COLUMNS]


def _shown(cell: Any, kind: str) -> Any:
    if kind == "JSON" and isinstance(cell, str):
        return json.loads(cell)
    return cell if isinstance(cell, bool | int | float | str) or cell is None else str(cell)
