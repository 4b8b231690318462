"""The generic engine over time: long operations, concurrent writes, deletion, events, restart, determinism."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from simulator.engine import dispatch
from simulator.engine.hooks import ArmError, Caller
from simulator.engine.messages import Request
from simulator.planes import groups
from tests.simulator.toy_types import ACME, GROUP, VERSION, Bench, widget


@pytest.fixture
def bench() -> Bench:
    bench = Bench()
    bench.call("PUT", GROUP, {"location": "westeurope"})
    return bench


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
    bench.engine.switches.turn({"widget-not-bad": False})
    assert bench.call("PUT", f"{ACME}/widgets/one", widget(bad=True)).status == 201
    bench.engine.switches.turn({"widget-not-bad": True})
    assert bench.code("PUT", f"{ACME}/widgets/two", widget(bad=True)) == (400, "TooBad")
    with pytest.raises(KeyError):
        bench.engine.switches.turn({"no-such-hook": False})


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


def test_a_newer_write_supersedes_where_the_provider_allows_it(bench: Bench) -> None:
    path = f"{ACME}/lamps/l"
    older = bench.call("PUT", path, {"location": "westeurope"}).headers["azure-asyncoperation"]
    bench.moment += 10
    newer = bench.call("PUT", path, {"location": "westeurope", "tags": {"a": "b"}}).headers["azure-asyncoperation"]
    bench.moment += 10
    superseded = bench.follow(older).body
    assert superseded["status"] == "Canceled"
    assert superseded["error"]["code"] == "CanceledAndSupersededDueToAnotherOperation"
    assert bench.follow(newer).body == {"status": "InProgress"}
    bench.moment += 10
    assert bench.follow(newer).body == {"status": "Succeeded"}
    assert bench.call("GET", path).body["tags"] == {"a": "b"}
