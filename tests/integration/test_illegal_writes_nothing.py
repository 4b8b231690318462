"""What is illegal in a spec is refused before anything is written to Azure, whatever is asked for beside it.

A property over changed specs and observed states, against the simulator in virtual time.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controlplane.errors import Conflict, Rejected
from controlplane.workspaces.posture import FindingStatus
from controlplane.workspaces.reconcile import tick
from tests.support.blueprints import example
from tests.support.illegal import ADMIN, ILLEGAL, LEGAL, Change, Illegal, Spec, all_of, sets, waiver
from tests.support.lives import created, written
from tests.support.quiet_product import NAME, QuietProduct
from tests.support.worlds import world_of


class Worlds:
    """Each example that a test needs, made once. What examples of Hypothesis do to it stays: more states to see."""

    def __init__(self) -> None:
        self._made: dict[str, QuietProduct] = {}

    def __getitem__(self, name: str) -> QuietProduct:
        if name not in self._made:
            product = world_of(name)
            assert created(product, name).operation.status == "Succeeded"
            self._made[name] = product
        return self._made[name]

    def close(self) -> None:
        for product in self._made.values():
            product.close()


@pytest.fixture(scope="module")
def worlds() -> Iterator[Worlds]:
    made = Worlds()
    yield made
    made.close()


def asked(name: str, changes: list[Change]) -> Spec:
    spec = copy.deepcopy(example(name))
    for change in changes:
        change(spec)
    return spec


def codes(error: Rejected | Conflict) -> set[str]:
    return {error.code, *(detail.code for detail in error.details)}


def refused(product: QuietProduct, spec: Spec) -> list[set[str]]:
    """The codes with which a plan and a PUT of it are refused. Nothing is stored, no operation is started, and the
    workspace's next tick has nothing to do."""
    before, record = written(product), stored(product)
    found = []
    for ask in (product.plan, product.put):
        with pytest.raises((Rejected, Conflict)) as caught:
            ask(spec)
        assert isinstance(caught.value, Rejected | Conflict)
        found.append(codes(caught.value))
    product.run(tick(NAME, product.deps))
    assert written(product) == before
    assert stored(product) == record
    return found


def stored(product: QuietProduct) -> tuple[Any, ...]:
    found = product.run(product.repository.load(NAME))
    assert found is not None
    return found.record.generation, dict(found.record.spec), found.record.active_operation


@st.composite
def cases(draw: st.DrawFn) -> tuple[Illegal, list[Change], list[str]]:
    """Something illegal with up to three legal changes before it, and what somebody deletes in Azure meanwhile."""
    what = draw(st.sampled_from(ILLEGAL))
    legal = draw(st.lists(st.sampled_from(LEGAL), max_size=3))
    drifted = draw(st.lists(st.sampled_from(DRIFT), max_size=2, unique=True))
    return what, [*legal, what.change], drifted


#: What every example has and Azure lets go.
DRIFT = (
    "zone-group/blob",
    "private-endpoint/file",
    "role/cluster/cpu/registry/acr-pull",
    "diagnostic/vault",
    "dns-link/api/ml",
    "cluster/cpu",
)


@settings(max_examples=40)
@given(cases())
def test_what_is_illegal_makes_no_write(worlds: Worlds, case: tuple[Illegal, list[Change], list[str]]) -> None:
    what, changes, drifted = case
    product = worlds[what.example]
    for key in drifted:
        product.owner("DELETE", product.ids()[key])
    for found in refused(product, asked(what.example, changes)):
        assert what.code in found


@pytest.mark.parametrize("what", ILLEGAL, ids=lambda what: f"{what.requirement}-{what.code}")
def test_each_is_refused_by_its_own_code_alone(worlds: Worlds, what: Illegal) -> None:
    plan, put = refused(worlds[what.example], asked(what.example, [what.change]))
    assert what.code in plan & put
    assert plan | put <= {what.code, "InvalidSpec", "TransitionNotAllowed"}


@pytest.mark.parametrize("change", LEGAL)
def test_what_is_legal_is_planned(worlds: Worlds, change: Change) -> None:
    """So that the property above is not about specs that are refused for something else."""
    planned = worlds["secure-classical"].plan(asked("secure-classical", [change]))
    assert planned.plan.changes


def test_an_identity_that_is_left_out_takes_consent(worlds: Worlds) -> None:
    """S2-28: it is legal, shown as a deletion, and nothing happens until somebody consents."""
    product = worlds["user-assigned"]
    fewer = asked("user-assigned", [sets("identity.create", ["workspace"])])
    assert "identity/training" in {change.key for change in product.plan(fewer).plan.destructive}
    before, record = written(product), stored(product)
    with pytest.raises(Conflict, match="DestructiveChangeNotAllowed"):
        product.put(fewer)
    product.run(tick(NAME, product.deps))
    assert (written(product), stored(product)) == (before, record)


def test_a_waiver_that_lapses_writes_nothing_and_is_found() -> None:
    product = world_of("secure-classical")
    waived = asked("secure-classical", [all_of(ADMIN, sets("waivers", [waiver(2)]))])
    assert product.create(waived).status == "Succeeded"
    assert product.failing() == set()
    before = written(product)
    product.advance(3 * 86400)
    product.run(tick(NAME, product.deps))
    (finding,) = (f for f in product.validate().report.findings if f.status is FindingStatus.FAIL)
    assert (finding.control, finding.repair.kind) == ("ACR.AdminUserDisabled", "manual")
    assert [one.decision for one in product.plan().conflicts if one.rule.id == "X-01"] == ["lapsed"]
    assert product.repair().status == "Succeeded"
    assert written(product) == before
    with pytest.raises(Rejected):
        product.put(waived)
    assert product.finish(product.put(asked("secure-classical", []))).status == "Succeeded"
    assert product.failing() == set()
    product.close()
