"""The generic engine: verbs, refusals, what is filled in, lists, identities, locks, addresses."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.engine.declaration import ArmError, lower_group_id, lower_id
from tests.simulator.toy_types import ACME, GROUP, SUB, Bench, widget


@pytest.fixture
def bench() -> Bench:
    bench = Bench()
    bench.call("PUT", GROUP, {"location": "westeurope"})
    return bench


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


def test_errors_of_a_type_without_envelope(bench: Bench) -> None:
    path = f"{ACME}/widgets/one"
    bench.call("PUT", path, widget())
    missing = bench.call("GET", f"{path}/parts/x")
    assert missing.body == {"code": "NotFound", "message": "Part x of one is not there."}


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


def test_a_lock_keeps_what_it_is_on_and_what_holds_it(bench: Bench) -> None:
    path = f"{ACME}/widgets/one"
    bench.call("PUT", path, widget())
    bench.moment += 60
    lock = f"{path}/providers/Microsoft.Authorization/locks/keep"
    assert bench.call("PUT", lock, {"properties": {"level": "CanNotDelete"}}).status == 201
    assert bench.code("DELETE", path) == (409, "ScopeLocked")
    assert bench.code("DELETE", GROUP) == (409, "ScopeLocked")
    assert bench.call("PUT", path, widget()).status == 200
    bench.moment += 60
    bench.call("PUT", lock, {"properties": {"level": "ReadOnly"}})
    assert bench.code("PUT", path, widget()) == (409, "ScopeLocked")
    assert bench.call("DELETE", lock).status == 200
    assert bench.call("DELETE", path).status == 202


def test_addresses_derive_from_their_owner_and_come_back(bench: Bench) -> None:
    subnet, owners = f"{GROUP}/x", [f"owner{number}" for number in range(251)]
    given = [bench.engine.allocate_ip(subnet, owner) for owner in owners]
    assert set(given) == {f"10.0.0.{last}" for last in range(4, 255)}
    assert [bench.engine.allocate_ip(subnet, owner) for owner in owners] == given
    with pytest.raises(ArmError, match="SubnetIsFull"):
        bench.engine.allocate_ip(subnet, "one more")
    bench.engine.release_ip(subnet, "owner7")
    assert bench.engine.allocate_ip(subnet, "one more") == given[7]
    assert Bench().engine.allocate_ip(subnet, "owner0") == given[0]
