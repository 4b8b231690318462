"""Ids in all ARM writes ⊆ the workspace's own groups ∪ the project's registration, whatever a person asks for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from controlplane.arm import is_within
from tests.support.blueprints import FULL_HUB, example
from tests.support.product import NAME, Product, running_product

CLUSTER = st.fixed_dictionaries(
    {
        "size": st.sampled_from(["Standard_DS3_v2", "Standard_DS11_v2"]),
        "minNodes": st.integers(0, 1),
        "maxNodes": st.integers(1, 4),
    }
)
SPECS = st.builds(
    lambda machines, clusters, block: {
        **example(),
        "compute": {"clusters": [{**one, "name": f"cluster-{place}"} for place, one in enumerate(clusters)]},
        "network": {
            "addressSpace": f"10.40.{4 * block}.0/22",
            "hub": {**FULL_HUB, "bastion": False, "buildAgents": 0, "agents": {}} if machines else {},
        },
    },
    st.booleans(),
    st.lists(CLUSTER, max_size=2),
    st.integers(0, 60),
)


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with running_product(tmp_path_factory.mktemp("product")) as running:
        yield running


def ids_in(body: Any) -> Iterator[str]:
    """Everything in a body that is an ARM id."""
    match body:
        case dict():
            for item in body.values():
                yield from ids_in(item)
        case list():
            for item in body:
                yield from ids_in(item)
        case str() if body.lower().startswith("/subscriptions/"):
            yield body


@given(first=SPECS, then=SPECS)
@settings(
    max_examples=3,
    deadline=None,
    derandomize=True,
    # Each example is a creation: a smaller one that fails too is not worth minutes.
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_whatever_is_asked_for(product: Product, first: dict[str, Any], then: dict[str, Any]) -> None:
    """Created, changed into something else with consent, deleted."""
    product.reset()
    assert product.finish(product.put(first)).status == "Succeeded"
    answer = product.put(then, allow_destructive=True)
    assert answer.status_code == 200 or product.finish(answer).status == "Succeeded"
    assert product.failing() == []
    group = product.ids()["resource-group"]
    assert product.finish(product.call("DELETE", f"workspaces/{NAME}")).status == "Succeeded"

    writes = product.writes()
    assert {call["method"] for call in writes} == {"PUT", "DELETE"}
    touched = [call["path"] for call in writes]
    named = [found for call in writes for found in ids_in(call["requestBody"])]
    # Definitions of built-in roles belong to nobody; every subscription shows them.
    outside = [i for i in (*touched, *named) if not is_within(i, group) and "/roleDefinitions/" not in i]
    assert outside == []
