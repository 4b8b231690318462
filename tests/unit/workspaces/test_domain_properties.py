"""What holds of every spec, by Hypothesis."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from controlplane.arm import is_within
from controlplane.projects.model import Registration
from controlplane.projects.scope import out_of_scope
from controlplane.workspaces import kinds as k
from controlplane.workspaces.blueprint import CompileContext, compile_blueprint
from controlplane.workspaces.diff import diff
from controlplane.workspaces.model import Action, Observed, Ref
from controlplane.workspaces.observe import take_snapshot
from controlplane.workspaces.plan import make_plan
from controlplane.workspaces.spec import WorkspaceSpec, check_name, parse_spec
from tests.unit.workspaces.fake_azure import FakeAzure, converge

SUBSCRIPTIONS = [f"00000000-0000-0000-0000-{number:012}" for number in range(3)]
PEOPLE = [f"00000000-0000-0000-0000-{number:012}" for number in range(100, 106)]

clusters = st.lists(
    st.fixed_dictionaries(
        {
            "name": st.from_regex(r"[a-z][a-z0-9]{1,8}", fullmatch=True),
            "size": st.sampled_from(["Standard_DS3_v2", "Standard_NC6s_v3", "STANDARD_D2"]),
            "maxNodes": st.integers(1, 9),
        },
        optional={"minNodes": st.integers(0, 1), "idleBeforeScaleDown": st.sampled_from(["PT30S", "PT2M", "PT1H"])},
    ),
    max_size=3,
    unique_by=lambda cluster: str(cluster["name"]),
)
requests = st.fixed_dictionaries(
    {
        "project": st.just("churn"),
        "environment": st.sampled_from(["dev", "staging", "test", "prod"]),
        "subscriptionId": st.sampled_from(SUBSCRIPTIONS),
        "location": st.sampled_from(["westeurope", "northeurope", "usgovvirginia"]),
        "owners": st.lists(st.sampled_from(PEOPLE), min_size=1, max_size=6, unique=True),
        "network": st.sampled_from(
            [
                {"addressSpace": space, "hub": {"vpn": {"pointToSite": {"clientAddressPool": "172.20.0.0/24"}}}}
                for space in ("10.1.0.0/16", "10.40.0.0/22", "10.4.0.0/25")
            ]
        ),
        "compute": st.fixed_dictionaries({"clusters": clusters}),
    },
    optional={
        "workload": st.sampled_from(["classical", "cv", "nlp"]),
        "storage": st.fixed_dictionaries({"sharedKeyAccess": st.booleans()}),
        "registry": st.fixed_dictionaries({"adminUser": st.booleans()}),
        "expiry": st.fixed_dictionaries({"expiresOn": st.dates().map(lambda day: day.isoformat())}),
        "legacyV1Mode": st.booleans(),
    },
)
names = st.from_regex(r"[a-z][a-z0-9]{2,30}", fullmatch=True)
clouds = st.sampled_from(["AzureCloud", "AzureUSGovernment", "AzureChinaCloud"])
quick = settings(max_examples=15)


def context(name: str, cloud: str = "AzureCloud") -> CompileContext:
    return CompileContext(name, 1, f"rg-{name}", SUBSCRIPTIONS[0], cloud)


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ():
        yield from strings(item)


@given(requests, names, clouds)
def test_compiling_is_deterministic_and_serialisable(data: dict[str, Any], name: str, cloud: str) -> None:
    first = compile_blueprint(parse_spec(data), context(name, cloud))
    again = compile_blueprint(parse_spec(json.loads(json.dumps(data))), context(name, cloud))
    assert first == again
    assert check_name(name) == ()
    for resource in first.resources:
        json.dumps(resource.body, default=lambda ref: [ref.key, ref.path] if isinstance(ref, Ref) else 1 / 0)


@given(requests, names, st.randoms(use_true_random=False))
def test_the_order_of_lists_in_a_request_never_matters(data: dict[str, Any], name: str, random: Any) -> None:
    shuffled = data | {"owners": random.sample(data["owners"], len(data["owners"]))}
    many = data["compute"]["clusters"]
    shuffled["compute"] = {"clusters": random.sample(many, len(many))}
    one, other = parse_spec(data), parse_spec(shuffled)
    assert compile_blueprint(one, context(name)) == compile_blueprint(other, context(name))


@quick
@given(requests, names)
def test_a_plan_of_an_applied_plan_is_empty(data: dict[str, Any], name: str) -> None:
    wanted, azure = compile_blueprint(parse_spec(data), context(name)), FakeAzure()
    observed = asyncio.run(converge(azure, wanted))
    assert make_plan(wanted, observed, {}).is_empty
    written = len(azure.writes)
    asyncio.run(converge(azure, wanted))
    assert len(azure.writes) == written == len(set(azure.writes))


@quick
@given(requests, requests, names)
def test_an_applied_update_is_empty_too(before: dict[str, Any], after: dict[str, Any], name: str) -> None:
    """What one spec made becomes what another asks for; what only the first wanted is left over, and named."""
    after = after | {key: before[key] for key in ("subscriptionId", "location", "network")}
    old, new = (compile_blueprint(parse_spec(data), context(name)) for data in (before, after))
    azure = FakeAzure()
    asyncio.run(converge(azure, old))
    changes = diff(new, asyncio.run(converge(azure, new)), {})
    assert {change.action for change in changes} <= {Action.NONE, Action.UNMANAGED}
    left = {change.type for change in changes if change.action is Action.UNMANAGED}
    assert left <= {k.COMPUTE, k.ROLE_ASSIGNMENT}


@quick
@given(requests, names)
def test_ids_of_writes_lie_in_our_groups_or_the_registration(data: dict[str, Any], name: str) -> None:
    """Role definitions are the subscription's, and every assignment names one."""
    spec, azure = parse_spec(data), FakeAzure()
    wanted = compile_blueprint(spec, context(name))
    asyncio.run(converge(azure, wanted))
    definitions = f"/subscriptions/{spec.subscription_id}/providers/{k.ROLE_DEFINITION}/"
    sent = [text for resource in wanted.resources for text in strings(resource.body) if text.startswith("/")]
    for arm_id in [*azure.writes, *sent]:
        assert any(is_within(arm_id, group) for group in wanted.own_groups) or arm_id.startswith(definitions)
    assert {text.partition("/resource")[0] for text in azure.writes} == {f"/subscriptions/{spec.subscription_id}"}
    assert out_of_scope(name, spec, registration_of(spec)) == ()


def registration_of(spec: WorkspaceSpec) -> Registration:
    return Registration(
        subscriptions=(spec.subscription_id,),
        regions=(spec.location,),
        resource_group_prefix="rg-",
        address_pools=("10.0.0.0/8",),
    )


@quick
@given(requests, names, st.data())
def test_any_subset_that_exists_leaves_exactly_the_rest_to_create(
    data: dict[str, Any], name: str, draw: st.DataObject
) -> None:
    """A crash anywhere leaves some of it; the next look wants the rest and nothing again."""
    wanted, azure = compile_blueprint(parse_spec(data), context(name)), FakeAzure()
    asyncio.run(converge(azure, wanted))
    full = asyncio.run(take_snapshot(wanted, azure))
    lost = draw.draw(st.sets(st.sampled_from(sorted(wanted.by_key))))
    bodies = {key: body for key, body in full.bodies.items() if key not in lost}
    actions = {change.key: change.action for change in diff(wanted, Observed(bodies), {})}
    created = {key for key, action in actions.items() if action is Action.CREATE}
    assert created == lost
    assert {action for key, action in actions.items() if key not in lost} <= {Action.NONE}
