"""The generic engine on types made for these tests: every long-operation style, every refusal, time, restart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

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
    lower_group_id,
    lower_id,
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


class Bench:
    """An engine at scale 1 whose clock the test moves."""

    def __init__(self, state: str = ":memory:", moment: float = 1_800_000_000.0) -> None:
        self.moment = moment
        self.store = Store(state)
        registry = Registry((*groups.TYPES, WIDGET, PART, CRATE, ZONE))
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


@pytest.fixture
def bench() -> Bench:
    bench = Bench()
    bench.call("PUT", GROUP, {"location": "westeurope"})
    return bench


def widget(**properties: Any) -> dict[str, Any]:
    return {"location": "West Europe", "properties": {"size": 3, **properties}}


def test_a_write_in_the_azure_async_operation_style(bench: Bench) -> None:
    path = f"{ACME}/widgets/one"
    first = bench.call("PUT", path, widget(password="p", forgotten=1, nested={"a": 9}))
    assert first.status == 201
    assert first.body["properties"]["provisioningState"] == "Creating"
    assert first.headers["retry-after"] == "10"
    assert "location" not in first.headers
    url = first.headers["azure-asyncoperation"]
    assert url.startswith(f"https://arm{SUB}/providers/Acme.Test/locations/westeurope/operations/")
    assert bench.follow(url).body == {"status": "InProgress"}
    bench.moment += 19.9
    assert bench.follow(url).body == {"status": "InProgress"}
    bench.moment += 0.1
    assert bench.follow(url).body == {"status": "Succeeded"}
    shown = bench.call("GET", path)
    assert shown.headers["etag"] == shown.body["etag"] != first.body["etag"]
    properties = shown.body["properties"]
    assert properties["provisioningState"] == "Succeeded"
    assert properties["nested"] == {"a": 9, "b": 2}
    assert not {"password", "forgotten"} & set(properties)
    assert shown.body["location"] == "westeurope"
    assert shown.body["tags"] == {}
    assert shown.body["systemData"]["createdBy"] == "ada"
    assert bench.call("POST", f"{path}/listKeys").body == {"key": "p"}


def test_an_update_keeps_what_the_server_made_and_resets_what_was_not_sent(bench: Bench) -> None:
    path = f"{ACME}/widgets/one"
    bench.call("PUT", path, widget(colour="blue", kept=1))
    bench.moment += 60
    before = bench.call("GET", path).body
    answer = bench.call("PUT", path, widget())
    assert answer.status == 200
    after = answer.body["properties"]
    assert after["serial"] == before["properties"]["serial"]
    assert (after["colour"], after["kept"]) == ("red", 1)


def test_patch_merges_and_null_removes(bench: Bench) -> None:
    path = f"{ACME}/widgets/one"
    bench.call("PUT", path, widget(kept=1, colour="blue"))
    bench.moment += 60
    bench.call("PATCH", path, {"tags": {"a": "b"}, "properties": {"kept": None, "nested": {"b": 7}}})
    bench.moment += 60
    shown = bench.call("GET", path).body
    assert shown["tags"] == {"a": "b"}
    assert "kept" not in shown["properties"]
    assert shown["properties"]["nested"] == {"a": 1, "b": 7}
    assert shown["properties"]["colour"] == "blue"


REFUSALS: dict[str, tuple[dict[str, Any], tuple[int, str]]] = {
    "required": ({"location": "westeurope", "properties": {}}, (400, "SizeMissing")),
    "read-only": (widget(serial="mine"), (400, "ReadOnlyPropertyChange")),
    "no location": ({"properties": {"size": 1}}, (400, "LocationRequired")),
    "unknown location": ({"location": "mars", "properties": {"size": 1}}, (400, "LocationNotAvailableForResourceType")),
    "unknown member": ({**widget(), "colour": 1}, (400, "InvalidRequestContent")),
    "hook": (widget(bad=True), (400, "TooBad")),
    "properties no object": ({"location": "eastus", "properties": []}, (400, "InvalidRequestContent")),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_a_put_is_refused_before_anything_exists(bench: Bench, case: str) -> None:
    body, expected = REFUSALS[case]
    path = f"{ACME}/widgets/one"
    assert bench.code("PUT", path, body) == expected
    assert bench.call("GET", path).status == 404


def test_refusals_that_do_not_depend_on_the_body(bench: Bench) -> None:
    path = f"{ACME}/widgets/one"
    assert bench.code("PUT", f"{ACME}/widgets/UPPER", widget()) == (400, "InvalidWidgetName")
    assert bench.code("PUT", path, b"{") == (400, "InvalidRequestContent")
    assert bench.code("PUT", path, b"[1]") == (400, "InvalidRequestContent")
    assert bench.code("PUT", path, widget(), content_type="text/plain") == (415, "UnsupportedMediaType")
    assert bench.code("PUT", path, widget(), "") == (400, "MissingApiVersionParameter")
    assert bench.code("PUT", path, widget(), "latest") == (400, "InvalidApiVersionParameter")
    assert bench.code("PUT", f"{ACME}/crates/c", widget(), "2019-01-01") == (400, "NoRegisteredProviderFound")
    assert bench.code("PUT", path.replace("/rg/", "/other/"), widget()) == (404, "ResourceGroupNotFound")
    assert bench.code("GET", f"{GROUP}/providers/Acme.Test/unknown/x") == (404, "InvalidResourceType")
    assert bench.code("GET", f"{GROUP}/providers/Other.Test/widgets/x") == (404, "InvalidResourceNamespace")
    assert bench.code("PUT", f"{path}/parts/p", {"properties": {}}) == (404, "ParentResourceNotFound")
    assert bench.code("GET", path) == (404, "ResourceNotFound")
    assert bench.code("PATCH", path, {"tags": {}}) == (404, "ResourceNotFound")
    assert bench.call("DELETE", path).status == 204


def test_a_value_that_equals_the_stored_one_is_no_change_of_a_read_only_property(bench: Bench) -> None:
    path = f"{ACME}/widgets/one"
    bench.call("PUT", path, widget())
    bench.moment += 60
    shown = bench.call("GET", path).body
    assert bench.call("PUT", path, {"location": "westeurope", "properties": shown["properties"]}).status == 200


def test_a_location_cannot_change(bench: Bench) -> None:
    path = f"{ACME}/widgets/one"
    bench.call("PUT", path, widget())
    bench.moment += 60
    assert bench.code("PUT", path, {**widget(), "location": "eastus"}) == (409, "InvalidResourceLocation")
    assert bench.code("PUT", GROUP, {"location": "eastus"}) == (409, "InvalidResourceGroupLocation")


def test_ids_are_matched_without_case_and_shown_as_first_written(bench: Bench) -> None:
    bench.call("PUT", f"{ACME}/widgets/one", widget())
    shown = bench.call("GET", f"{SUB}/RESOURCEGROUPS/RG/providers/acme.test/WIDGETS/ONE").body
    assert shown["id"] == f"{ACME}/widgets/one"
    old = bench.call("GET", f"{ACME}/widgets/one", version="2020-01-01").body
    assert old["id"] == f"{SUB}/resourcegroups/rg/providers/acme.test/widgets/one"
    assert old["type"] == "acme.test/Widgets"


def test_id_formats() -> None:
    setting = f"{ACME}/widgets/One/providers/Microsoft.Insights/diagnosticSettings/Mine"
    assert lower_id(setting).endswith("/widgets/one/providers/microsoft.insights/diagnosticSettings/Mine")
    assert lower_group_id(GROUP) == f"{SUB}/resourcegroups/rg"


def test_location_style_hides_the_resource_until_it_exists(bench: Bench) -> None:
    path = f"{ACME}/crates/c"
    first = bench.call("PUT", path, {"location": "westeurope"})
    assert (first.status, first.body, first.content_type) == (202, None, "text/plain; charset=utf-8")
    assert "azure-asyncoperation" not in first.headers
    url = first.headers["location"]
    assert "monitor=true" in url
    assert bench.call("GET", path).status == 404
    running = bench.follow(url)
    assert (running.status, running.body, running.headers["location"]) == (202, None, url)
    bench.moment += 17
    done = bench.follow(url)
    assert done.status == 200
    assert done.body["properties"]["provisioningState"] == "Succeeded"
    assert bench.call("GET", path).status == 200


def test_preconditions_at_once_and_later(bench: Bench) -> None:
    path = f"{ACME}/widgets/one"
    bench.call("PUT", path, widget())
    bench.moment += 60
    etag = bench.call("GET", path).body["etag"]
    assert bench.code("PUT", path, widget(), if_none_match="*") == (412, "PreconditionFailed")
    assert bench.code("PUT", path, widget(), if_match='W/"other"') == (412, "PreconditionFailed")
    assert bench.code("DELETE", path, if_match='W/"other"') == (412, "PreconditionFailed")
    assert bench.call("PUT", path, widget(), if_match=etag).status == 200

    zone = f"{ACME}/zones/z"
    bench.call("PUT", zone, {"location": "global"})
    bench.moment += 10
    before = bench.call("GET", zone).body
    again = bench.call("PUT", zone, {"location": "global", "tags": {"a": "b"}}, if_none_match="*")
    assert (again.status, again.body) == (202, {})
    url = again.headers["azure-asyncoperation"]
    assert bench.follow(url).status == 202
    bench.moment += 10
    failed = bench.follow(url)
    assert (failed.status, failed.body["status"]) == (200, "Failed")
    assert failed.body["error"] == {"code": "PreconditionFailed", "message": "z exists already."}
    assert bench.call("GET", zone).body == before


def test_a_failing_operation_tells_its_error_at_its_url_only(bench: Bench) -> None:
    path = f"{ACME}/widgets/one"
    url = bench.call("PUT", path, widget(failLater=True)).headers["azure-asyncoperation"]
    bench.moment += 20
    body = bench.follow(url).body
    assert body == {"status": "Failed", "error": {"code": "FailedLater", "message": "it did not work out"}}
    assert bench.call("GET", path).body["properties"]["provisioningState"] == "Failed"
    assert "it did not work out" not in str(bench.call("GET", path).body)


def test_a_second_write_waits_its_turn(bench: Bench) -> None:
    path = f"{ACME}/widgets/one"
    bench.call("PUT", path, widget())
    assert bench.code("PUT", path, widget()) == (409, "AnotherOperationInProgress")
    assert bench.code("PUT", f"{path}/parts/a", {"properties": {}}) == (429, "RetryableErrorDueToAnotherOperation")
    bench.moment += 20
    assert bench.call("PUT", f"{path}/parts/a", {"properties": {}}).status == 201
    assert bench.code("PUT", f"{path}/parts/b", {"properties": {}})[0] == 429
    assert bench.code("PUT", path, widget()) == (409, "AnotherOperationInProgress")
    bench.moment += 5
    assert bench.call("GET", f"{path}/parts/a").body["properties"]["provisioningState"] == "Succeeded"
    assert bench.call("PUT", path, widget()).status == 200


def test_errors_of_a_type_without_envelope(bench: Bench) -> None:
    path = f"{ACME}/widgets/one"
    bench.call("PUT", path, widget())
    missing = bench.call("GET", f"{path}/parts/x")
    assert missing.body == {"code": "NotFound", "message": "Part x of one is not there."}


def test_delete_takes_time_and_children_go_along(bench: Bench) -> None:
    path = f"{ACME}/widgets/one"
    bench.call("PUT", path, widget())
    bench.moment += 60
    bench.call("PUT", f"{path}/parts/a", {"properties": {}})
    bench.moment += 60
    first = bench.call("DELETE", path)
    assert first.status == 202
    again = bench.call("DELETE", path)
    assert again.headers["azure-asyncoperation"] == first.headers["azure-asyncoperation"]
    assert bench.call("GET", path).body["properties"]["provisioningState"] == "Deleting"
    assert bench.code("PUT", path, widget())[0] == 409
    bench.moment += 5
    assert bench.follow(first.headers["azure-asyncoperation"]).body == {"status": "Succeeded"}
    assert bench.call("GET", path).status == 404
    assert bench.engine.get(f"{path}/parts/a") is None


def test_what_is_made_again_gets_new_operations_and_the_same_server_made_values(bench: Bench) -> None:
    path = f"{ACME}/widgets/one"
    one = bench.call("PUT", path, widget())
    bench.moment += 60
    bench.call("DELETE", path)
    bench.moment += 60
    two = bench.call("PUT", path, widget())
    assert two.status == 201
    assert one.headers["azure-asyncoperation"] != two.headers["azure-asyncoperation"]
    assert one.body["properties"]["serial"] == two.body["properties"]["serial"]
    assert one.body["etag"] != two.body["etag"]


def test_the_same_calls_give_the_same_answers() -> None:
    def play() -> list[Any]:
        bench = Bench()
        bench.call("PUT", GROUP, {"location": "westeurope"})
        answers = [bench.call("PUT", f"{ACME}/widgets/{name}", widget()) for name in ("one", "two")]
        bench.moment += 60
        answers += [bench.call("GET", f"{ACME}/widgets")]
        return [(answer.status, answer.body, answer.headers) for answer in answers]

    assert play() == play()


def test_scheduled_events_run_when_due_and_relative_to_what_caused_them(bench: Bench) -> None:
    path = f"{ACME}/widgets/one"
    bench.call("PUT", path, widget())
    bench.moment += 49
    assert "rang" not in bench.call("GET", path).body["properties"]
    bench.moment += 1.5  # 20 s for the widget, 30 s after that
    assert bench.call("GET", path).body["properties"]["rang"] == "a"


def test_a_hook_that_is_off_does_nothing(bench: Bench) -> None:
    bench.engine.switch_hooks({"widget-not-bad": False})
    assert bench.call("PUT", f"{ACME}/widgets/one", widget(bad=True)).status == 201
    bench.engine.switch_hooks({"widget-not-bad": True})
    assert bench.code("PUT", f"{ACME}/widgets/two", widget(bad=True)) == (400, "TooBad")
    with pytest.raises(KeyError):
        bench.engine.switch_hooks({"no-such-hook": False})


def test_lists_are_paged_and_complete(bench: Bench) -> None:
    for number in range(7):
        bench.call("PUT", f"{ACME}/widgets/w0{number}", widget())
    bench.engine.page_size = 3
    found, pages = [], 0
    answer = bench.call("GET", f"{ACME}/widgets")
    while True:
        pages += 1
        found += [one["name"] for one in answer.body["value"]]
        if "nextLink" not in answer.body:
            break
        answer = bench.follow(answer.body["nextLink"].replace("%24", "$"))
    assert (found, pages) == ([f"w0{number}" for number in range(7)], 3)
    assert len(bench.call("GET", f"{SUB}/providers/Acme.Test/widgets").body["value"]) == 3
    assert bench.call("GET", f"{ACME}/widgets/w00/parts").body == {"value": []}


def test_identities_are_filled_in(bench: Bench) -> None:
    body = {**widget(), "identity": {"type": "SystemAssigned"}}
    shown = bench.call("PUT", f"{ACME}/widgets/one", body).body
    assert shown["identity"] == {"type": "SystemAssigned", "principalId": "principal-of-one", "tenantId": "t"}
    missing = {**widget(), "identity": {"type": "UserAssigned", "userAssignedIdentities": {f"{ACME}/x/y": {}}}}
    assert bench.code("PUT", f"{ACME}/widgets/two", missing) == (400, "FailedIdentityOperation")
    assert bench.call("GET", f"{ACME}/widgets/two").status == 404


def test_a_restart_continues(tmp_path: Path) -> None:
    state = str(tmp_path / "state.db")
    bench = Bench(state)
    bench.call("PUT", GROUP, {"location": "westeurope"})
    path = f"{ACME}/widgets/one"
    url = bench.call("PUT", path, widget(password="p")).headers["azure-asyncoperation"]
    moment = bench.moment
    del bench
    again = Bench(state, moment + 10)
    assert again.follow(url).body == {"status": "InProgress"}
    again.moment += 10
    assert again.follow(url).body == {"status": "Succeeded"}
    again.moment += 30
    assert again.call("GET", path).body["properties"]["rang"] == "a"
    assert again.call("POST", f"{path}/listKeys").body == {"key": "p"}
    again.call("DELETE", path)
    again.moment += 10
    again.call("GET", path)
    third = Bench(state, again.moment)
    assert third.call("GET", path).status == 404


def test_a_group_goes_with_everything_in_it_and_takes_no_writes_meanwhile(bench: Bench) -> None:
    bench.call("PUT", f"{ACME}/widgets/base", widget())
    bench.call("PUT", f"{ACME}/widgets/user", widget(uses=f"{ACME}/widgets/base"))
    bench.moment += 60
    order = [[one.name for one in layer] for layer in groups.layers(bench.engine, GROUP)]
    assert order == [["user"], ["base"]]
    first = bench.call("DELETE", GROUP)
    assert (first.status, first.body, "azure-asyncoperation" in first.headers) == (202, None, False)
    assert first.headers["retry-after"] == "15"
    assert bench.code("PUT", f"{ACME}/widgets/new", widget()) == (409, "ResourceGroupBeingDeleted")
    bench.moment += 12  # half of the overhead and one layer of five seconds
    assert bench.call("GET", f"{ACME}/widgets/user").status == 404
    assert bench.call("GET", f"{ACME}/widgets/base").status == 200
    url = first.headers["location"]
    assert (bench.follow(url).status, bench.follow(url).body) == (202, None)
    bench.moment += 60
    assert (bench.follow(url).status, bench.follow(url).body) == (200, None)
    assert bench.call("HEAD", GROUP).status == 404
    assert bench.code("DELETE", GROUP) == (404, "ResourceGroupNotFound")


def test_a_lock_keeps_what_it_is_on_and_what_holds_it(bench: Bench) -> None:
    path = f"{ACME}/widgets/one"
    bench.call("PUT", path, widget())
    bench.moment += 60
    lock = f"{path}/providers/Microsoft.Authorization/locks/keep"
    assert bench.call("PUT", lock, {"properties": {"level": "CanNotDelete"}}).status == 201
    assert bench.code("DELETE", path) == (409, "ScopeLocked")
    assert bench.code("DELETE", GROUP) == (409, "ScopeLocked")
    assert bench.call("DELETE", lock).status == 200
    assert bench.call("DELETE", path).status == 202


def test_an_operation_that_is_told_to_fail_by_a_fault(bench: Bench) -> None:
    body = json.dumps(widget()).encode()
    caller = Caller("o", None, "ada", "User")
    request = Request("PUT", f"{ACME}/widgets/one", {"api-version": VERSION}, {}, body, "https://arm", caller)
    request.failure = ArmError(409, "Injected", "by a fault")
    answer = dispatch.handle(bench.engine, request)
    bench.moment += 60
    assert bench.follow(answer.headers["azure-asyncoperation"]).body["error"]["code"] == "Injected"


def test_above_scale_one_only_exact_milliseconds_say_how_long_to_wait(bench: Bench) -> None:
    bench.engine.scale = 20
    headers = bench.call("PUT", f"{ACME}/widgets/one", widget()).headers
    assert headers["x-ms-retry-after-ms"] == "500"
    assert "retry-after" not in headers


def test_addresses_are_given_in_order_and_come_back(bench: Bench) -> None:
    subnet = f"{GROUP}/x"
    bench.store.set("addresses:none", {})
    first = bench.engine.allocate_ip(subnet, "a")
    assert (first, bench.engine.allocate_ip(subnet, "b")) == ("10.0.0.4", "10.0.0.5")
    assert bench.engine.allocate_ip(subnet, "a") == first
    bench.engine.release_ip(subnet, "a")
    assert bench.engine.allocate_ip(subnet, "c") == first
