"""Every hook has an effect that can be seen, and that is gone when the hook is switched off."""

from __future__ import annotations

import pytest

from simulator.types import ALL_TYPES
from tests.simulator import (
    effects_alerts,
    effects_azure_policy,
    effects_computes,
    effects_costs,
    effects_endpoints,
    effects_events,
    effects_gateways,
    effects_identity,
    effects_learning,
    effects_machines,
    effects_managed,
    effects_nodes,
    effects_pim,
    effects_policies,
    effects_quotas,
    effects_routes,
    effects_scale_sets,
    effects_services,
    effects_workspaces,
)
from tests.simulator.effects_network import EFFECTS
from tests.simulator.lab import Lab

# Imported for the effects they add.
assert effects_computes.TABLE and effects_events.TABLE and effects_routes.TABLE and effects_policies.POLICY
assert effects_gateways.GATEWAY and effects_machines.RULES and effects_managed.APPROVED and effects_services.OTHER_GROUP
assert effects_scale_sets.SCALE_SET
assert effects_endpoints.TABLE and effects_nodes.TABLE and effects_workspaces.TABLE
assert effects_alerts.TABLE
assert effects_identity.TABLE and effects_pim.TABLE and effects_learning.RULES
assert effects_azure_policy.TABLE and effects_costs.TABLE and effects_quotas.TABLE


def test_every_hook_has_an_effect() -> None:
    assert set(EFFECTS) == {hook.name for rtype in ALL_TYPES for hook in rtype.hooks}


@pytest.mark.parametrize("name", sorted(EFFECTS))
def test_hook_has_its_effect(name: str) -> None:
    EFFECTS[name](Lab())


@pytest.mark.parametrize("name", sorted(EFFECTS))
def test_without_the_hook_the_effect_is_gone(name: str) -> None:
    lab = Lab()
    lab.engine.switches.turn({name: False})
    # Shapes that a hook makes are relied on by the next one: then a key is missing.
    with pytest.raises((AssertionError, KeyError, IndexError)):
        EFFECTS[name](lab)
