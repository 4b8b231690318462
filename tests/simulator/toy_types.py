"""An engine of its own with types made for tests: every long-operation style and every kind of refusal."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

from simulator.engine import dispatch
from simulator.engine.core import Engine
from simulator.engine.declaration import (
    Action,
    Answer,
    ArmError,
    Body,
    Etag,
    Hook,
    HookContext,
    Lro,
    NameRule,
    Patch,
    Phase,
    Poll,
    Preconditions,
    ReadOnly,
    Required,
    ResourceType,
    Style,
    Variant,
    Words,
    lower_group_and_provider_id,
)
from simulator.engine.hooks import Caller
from simulator.engine.messages import Request, Response
from simulator.engine.registry import Registry
from simulator.engine.store import Store
from simulator.planes import groups

SUB = "/subscriptions/00000000-0000-0000-0000-000000000000"
GROUP = f"{SUB}/resourceGroups/rg"
ACME = f"{GROUP}/providers/Acme.Test"
VERSION = "2024-01-01"


class Everyone:
    """An authority that lets everybody do everything."""

    def may(self, caller: Caller, permission: str, scope: str) -> bool:
        return True

    def require_subscription(self, caller: Caller, subscription: str) -> None:
        return None


class NoDirectory:
    def create_identity(self, resource_id: str, client_id: str | None) -> tuple[str, str]:
        return f"principal-of-{resource_id.rpartition('/')[2]}", "client"

    def delete_identity(self, resource_id: str) -> None:
        return None


def refuse_bad(ctx: HookContext) -> None:
    if ctx.resource.properties.get("bad"):
        raise ArmError(400, "TooBad", "bad is not good")


def fail_when_told(ctx: HookContext) -> None:
    if ctx.resource.properties.get("failLater"):
        raise ArmError(409, "FailedLater", "it did not work out")


def ring(ctx: HookContext) -> None:
    ctx.engine.schedule(30, "widget-rings", ctx.resource.id, {"tone": "a"})


def rung(ctx: HookContext) -> None:
    ctx.resource.properties["rang"] = ctx.data["tone"]


WIDGET = ResourceType(
    name="Acme.Test/widgets",
    create=Lro(Style.ASYNC_OPERATION, 201, state="Creating", seconds=20),
    update=Lro(Style.ASYNC_OPERATION, 200, seconds=10),
    delete=Lro(Style.BOTH, 202, Body.EMPTY, seconds=5),
    etag=Etag(),
    system_data=True,
    identity=True,
    empty_tags=True,
    required=(Required("properties.size", "SizeMissing", "'{leaf}' of {name} is required.", target="{path}"),),
    read_only=(
        ReadOnly("properties.serial", refuse=True),
        ReadOnly("properties.born"),
    ),
    name_rule=NameRule(r"[a-z][a-z0-9]{2,9}", "InvalidWidgetName", "'{name}' is no name of a widget."),
    defaults={"properties": {"colour": "red", "list": [], "nested": {"a": 1, "b": 2}}},
    computed=lambda ctx: {"properties": {"serial": ctx.engine.guid("serial", ctx.resource.key)}},
    not_returned=("properties.forgotten",),
    write_only=("properties.password",),
    keep_on_put=("properties.kept",),
    busy_scope="children",
    actions=(Action("listKeys", lambda ctx: Answer(200, {"key": ctx.resource.private.get("properties.password")})),),
    hooks=(
        Hook(Phase.VALIDATE, "widget-not-bad", refuse_bad),
        Hook(Phase.COMPLETED, "widget-may-fail", fail_when_told),
        Hook(Phase.COMPLETED, "widget-rings", ring),
        Hook(Phase.EVENT, "widget-rings", rung),
    ),
    variants=(Variant(r"2020-.*", {"id_format": lower_group_and_provider_id, "type_shown": "acme.test/Widgets"}),),
)
PART = ResourceType(
    name="Acme.Test/widgets/parts",
    location="none",
    create=Lro(Style.RESOURCE, 201, state="Creating", seconds=5),
    busy=Words(429, "RetryableErrorDueToAnotherOperation", "{name} has to wait."),
    busy_scope="parent",
    not_found=Words(404, "NotFound", "Part {name} of {parent_name} is not there."),
    error_envelope=False,
)
# As the recording of a storage account: 202, empty text, Location only, the whole resource at its end.
CRATE = ResourceType(
    name="Acme.Test/crates",
    create=Lro(
        Style.LOCATION,
        202,
        Body.EMPTY_TEXT,
        seconds=17,
        hidden=True,
        location_url="/subscriptions/{s}/providers/Acme.Test/locations/{l}/asyncoperations/{guid}",
        location_query="monitor=true",
    ),
    patch_style=Patch.TAGS,
    api_versions=("2024-01-01", "2023-01-01"),
)
# As private DNS zones: 202 {}, both headers, 202 while running, If-None-Match refused at the end only.
ZONE = ResourceType(
    name="Acme.Test/zones",
    location="global",
    create=Lro(
        Style.BOTH,
        202,
        Body.EMPTY_OBJECT,
        seconds=10,
        hidden=True,
        operation_id="Upsert;{guid}",
        operation_url="{parent}/zoneStatuses/{b64}",
        location_url="{parent}/zoneResults/{b64}",
        running=Poll(202, {"status": "InProgress"}, headers=True),
    ),
    update=Lro(Style.SYNC, 200),
    preconditions=Preconditions.FAIL_LATER,
    precondition_exists=Words(412, "PreconditionFailed", "{name} exists already."),
    busy=None,
)
# As Microsoft.Network: a newer write supersedes the one that runs.
LAMP = ResourceType(
    name="Acme.Test/lamps",
    create=Lro(Style.ASYNC_OPERATION, 201, seconds=20),
    update=Lro(Style.ASYNC_OPERATION, 200, seconds=20),
    busy=None,
)


class Bench:
    """An engine at scale 1 whose clock the test moves."""

    def __init__(self, state: str = ":memory:", moment: float = 1_800_000_000.0) -> None:
        self.moment = moment
        self.store = Store(state)
        registry = Registry((*groups.TYPES, WIDGET, PART, CRATE, ZONE, LAMP))
        self.engine = Engine(registry, self.store, seed="s", scale=1.0, tenant_id="t")
        self.engine.clock = lambda: self.moment
        self.engine.locations = ("westeurope", "eastus")
        self.engine.authority = Everyone()
        self.engine.directory = NoDirectory()

    def call(self, method: str, path: str, body: Any = None, version: str = VERSION, **headers: str) -> Response:
        self.engine.settle()
        raw = b"" if body is None else (body if isinstance(body, bytes) else json.dumps(body).encode())
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        path, _, text = path.partition("?")
        query = {"api-version": version} if version else {}
        query.update(pair.split("=", 1) for pair in text.split("&") if pair)
        request = Request(method, path, query, named, raw, "https://arm", Caller("o", None, "ada", "User"))
        response = dispatch.handle(self.engine, request)
        self.store.flush()
        return response

    def follow(self, url: str) -> Response:
        path, _, text = url.removeprefix("https://arm").partition("?")
        rest = "&".join(part for part in text.split("&") if not part.startswith("api-version"))
        return self.call("GET", f"{unquote(path)}?{rest}")

    def code(self, *args: Any, **kwargs: Any) -> tuple[int, str]:
        response = self.call(*args, **kwargs)
        return response.status, response.body.get("error", response.body)["code"]


def widget(**properties: Any) -> dict[str, Any]:
    return {"location": "West Europe", "properties": {"size": 3, **properties}}
