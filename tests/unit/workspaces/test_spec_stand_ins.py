"""Every bad field is named at once: those of the wrong shape, and those whose value means nothing possible."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from controlplane.errors import Rejected
from controlplane.workspaces.spec import parse_spec
from tests.support.blueprints import example

#: What is wrong in shape, and the path that names it.
SHAPES: dict[str, tuple[tuple[str | int, ...], Any, str]] = {
    "project": (("project",), 7, "$.project"),
    "an enumeration": (("environment",), "staging-2", "$.environment"),
    "a subscription": (("subscriptionId",), "mine", "$.subscriptionId"),
    "an owner": (("owners", 0), "ada", "$.owners[0]"),
    "all owners": (("owners",), [], "$.owners"),
    "a mode": (("network", "mode"), "publicVnet", "$.network.mode"),
    "a size": (("compute", "clusters", 0, "size"), 7, "$.compute.clusters[0].size"),
    "a cluster": (("compute", "clusters", 0), "cpu", "$.compute.clusters[0]"),
    "a section": (("storage",), "keys", "$.storage"),
    "an unknown field": (("surprise",), True, "$.surprise"),
    "an unknown field inside": (("network", "surprise"), True, "$.network.surprise"),
}


def named(asked: dict[str, Any]) -> set[str | None]:
    with pytest.raises(Rejected) as caught:
        parse_spec(asked)
    targets = [detail.target for detail in caught.value.details]
    assert len(set(targets)) == len(targets)
    return set(targets)


@pytest.mark.parametrize("name", SHAPES)
def test_a_wrong_shape_hides_no_wrong_meaning(name: str) -> None:
    place, value, path = SHAPES[name]
    asked = example()
    asked["network"]["addressSpace"] = "10.40.0.0/30"
    holder: Any = asked
    for part in place[:-1]:
        holder = holder[part]
    holder[place[-1]] = value
    before = copy.deepcopy(asked)
    assert named(asked) == {path, "$.network.addressSpace"}
    assert asked == before


def test_a_missing_field_hides_nothing() -> None:
    asked = example()
    del asked["location"]
    asked["compute"]["clusters"][0]["minNodes"] = 9
    assert named(asked) == {"$.location", "$.compute.clusters[0].minNodes"}


def test_what_is_wrong_twice_is_named_once() -> None:
    asked = {**example(), "network": {"addressSpace": 5, "hub": {"vpn": {}}}}
    assert named(asked) == {"$.network.addressSpace", "$.network.hub.vpn"}
