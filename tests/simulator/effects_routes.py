"""What the hooks of route tables cause: each passes with its hook on and fails with it off."""

from __future__ import annotations

from tests.simulator.effects_network import effect
from tests.simulator.estate import LOCATION
from tests.simulator.lab import Body, Lab, provider

TABLE = provider("Microsoft.Network/routeTables", "routes")


def route(name: str, prefix: str, hop: str = "VirtualAppliance") -> Body:
    properties = {"addressPrefix": prefix, "nextHopType": hop}
    if hop == "VirtualAppliance":
        properties["nextHopIpAddress"] = "10.0.0.4"
    return {"name": name, "properties": properties}


def table(lab: Lab, *routes: Body) -> Body:
    lab.group()
    return lab.put(TABLE, {"location": LOCATION, "properties": {"routes": list(routes)}})


@effect("route-table-inline-routes")
def routes_are_written_with_the_table(lab: Lab) -> None:
    table(lab, route("one", "0.0.0.0/0"), route("two", "10.1.0.0/16"))
    assert lab.get(f"{TABLE}/routes/two")["properties"]["provisioningState"] == "Succeeded"
    lab.put(TABLE, {"location": LOCATION, "properties": {"routes": [route("one", "0.0.0.0/0")]}})
    assert [one["name"] for one in lab.get(f"{TABLE}/routes")["value"]] == ["one"]


@effect("route-table-shows-routes")
def a_route_that_is_added_alone_shows_in_the_table(lab: Lab) -> None:
    table(lab)
    lab.put(f"{TABLE}/routes/alone", {"properties": route("alone", "0.0.0.0/0")["properties"]})
    assert [one["name"] for one in lab.get(TABLE)["properties"]["routes"]] == ["alone"]


@effect("routes-rules")
def a_prefix_is_routed_once(lab: Lab) -> None:
    table(lab, route("one", "0.0.0.0/0"))
    second = {"properties": route("two", "0.0.0.0/0")["properties"]}
    assert lab.refused("PUT", f"{TABLE}/routes/two", second)["code"] == "RouteConflict"
    nowhere = {"properties": {"addressPrefix": "10.2.0.0/16", "nextHopType": "VirtualAppliance"}}
    assert lab.refused("PUT", f"{TABLE}/routes/three", nowhere)["code"] == "RouteInvalidNextHopIpAddress"
