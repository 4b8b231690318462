"""Each declared property and each resource of a whole hub, changed by somebody else: one finding, on that."""

from __future__ import annotations

import pytest

from controlplane.workspaces.posture import Finding
from tests.support.azure_answers import Estate, create
from tests.support.blueprints import compiled, with_full_hub
from tests.support.looks import look
from tests.support.mutations import Mutation, deletions, properties

BLUEPRINT = compiled(**with_full_hub())
#: What the example without a hub's parts has is changed in test_one_finding_per_change.py.
PARTS = frozenset(r.key for r in BLUEPRINT.resources) - frozenset(r.key for r in compiled().resources)
CREATED = create(BLUEPRINT)


def one(mutation: Mutation) -> Finding:
    """The one failing finding; nothing is unknown but what the change itself hides."""
    estate: Estate = CREATED.copy()
    mutation.act(estate)
    (finding,) = look(estate).failing
    return finding


def test_the_hub_as_created_is_clean() -> None:
    assert look(CREATED).is_clean


@pytest.mark.parametrize("mutation", [m for m in properties(BLUEPRINT) if m.key in PARTS], ids=lambda m: m.name)
def test_a_declared_property_of_a_hub(mutation: Mutation) -> None:
    finding = one(mutation)
    assert finding.key == mutation.key
    assert finding.observed != finding.wanted


@pytest.mark.parametrize("mutation", [m for m in deletions(BLUEPRINT) if m.key in PARTS], ids=lambda m: m.name)
def test_a_deleted_part_of_a_hub(mutation: Mutation) -> None:
    finding = one(mutation)
    assert (finding.key, finding.path, finding.observed) == (mutation.key, "$", None)
