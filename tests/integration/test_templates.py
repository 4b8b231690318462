"""The workspace as code (S1-25): the template of a spec, deployed as Azure would, is the workspace of that spec."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing

import pytest

from controlplane.workspaces import posture
from controlplane.workspaces.blueprint import CompileContext, compile_blueprint
from controlplane.workspaces.diff import diff
from controlplane.workspaces.model import Blueprint
from controlplane.workspaces.observe import take_snapshot
from controlplane.workspaces.posture import FindingStatus
from controlplane.workspaces.spec import parse_spec
from controlplane.workspaces.template import template
from tests.support.arm_template import deploy
from tests.support.blueprints import everything, example
from tests.support.quiet_product import QuietProduct
from tests.support.virtual_time import START
from tests.support.worlds import world_of


@pytest.fixture
def product() -> Iterator[QuietProduct]:
    running = QuietProduct()
    yield running
    running.close()


def blueprint_of(product: QuietProduct, name: str) -> Blueprint:
    context = CompileContext("churn-dev", 1, "rg-churn-churn-dev", product.azure.engine.tenant_id)
    return compile_blueprint(parse_spec(example(name)), context)


def failing(product: QuietProduct, blueprint: Blueprint) -> set[str]:
    """Logical keys of what is not as the blueprint wants it."""
    observed = product.run(take_snapshot(blueprint, product.services.reader))
    report = posture.evaluate(blueprint, observed, diff(blueprint, observed, {}), START)
    return {f.key for f in report.findings if f.status in (FindingStatus.FAIL, FindingStatus.UNKNOWN)}


def test_create_s1_25(product: QuietProduct) -> None:
    """S1-25: the example's template makes everything of it that a template can make."""
    product.register()
    blueprint = everything()
    made = template(blueprint)
    assert sorted(one["type"] for one in made["resources"]) == [
        "Microsoft.Resources/deployments",
        "Microsoft.Resources/resourceGroups",
    ]
    deploy(product, made)
    assert failing(product, blueprint) == set()


@pytest.mark.parametrize("name", ["secure-classical", "hub-bastion", "public-nodes", "datastores", "landing-zone"])
def test_what_a_template_deploys_is_the_workspace(name: str) -> None:
    with closing(world_of(name)) as product:
        blueprint = blueprint_of(product, name)
        made = template(blueprint)
        assert json.loads(json.dumps(made)) == made
        written = deploy(product, made)
        left_out = {one["key"] for one in made["metadata"]["leftOut"]}
        assert len(written) == len(set(written)) == len(blueprint.resources) - len(left_out)
        assert failing(product, blueprint) == set()
        # A second time it changes nothing that anybody would notice.
        assert deploy(product, made) == written
        assert failing(product, blueprint) == set()


def test_what_no_template_can_make_is_named(product: QuietProduct) -> None:
    made = template(blueprint_of(product, "managed-internet"))
    reasons = {one["key"]: one["reason"] for one in made["metadata"]["leftOut"]}
    assert "first compute builds it" in reasons["managed-network"]
    assert all("RoleAssignmentExists" in why for key, why in reasons.items() if key.endswith("acr-pull"))


def test_it_holds_no_secret(product: QuietProduct) -> None:
    for name in ("hub-bastion", "hub-build-agents", "hub-vpn", "datastores"):
        text = json.dumps(template(blueprint_of(product, name))).lower()
        assert [word for word in ('password"', 'sharedkey"', 'accountkey"', "listkeys(") if word in text] == []
