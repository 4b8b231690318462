"""Deploys a template as Azure Resource Manager does: in the order of ``dependsOn``, with ``reference`` filled in.

Knows what "Understand the structure and syntax of ARM templates" says, and nothing of what made the template.
"""

from __future__ import annotations

import re
from graphlib import TopologicalSorter
from typing import Any

from controlplane.workspaces.resolve import at
from tests.support.quiet_product import QuietProduct

Body = dict[str, Any]
_REFERENCE = re.compile(r"\[reference\('([^']+)', '([^']+)', 'Full'\)\.(.+)\]")


def deploy(product: QuietProduct, template: Body) -> list[str]:
    """At its subscription, by somebody with all rights; ids in the order of their writes."""
    assert template["$schema"].endswith("/subscriptionDeploymentTemplate.json#")
    subscription = f"/subscriptions/{template['metadata']['subscriptionId']}"
    written: list[str] = []
    by_id = {_id(one, subscription): one for one in template["resources"]}
    for arm_id in _order(by_id):
        one = by_id[arm_id]
        if one["type"] == "Microsoft.Resources/deployments":
            assert one["properties"]["expressionEvaluationOptions"] == {"scope": "inner"}
            group = f"/subscriptions/{one['subscriptionId']}/resourceGroups/{one['resourceGroup']}"
            inside = {_id(member, group): member for member in one["properties"]["template"]["resources"]}
            written += [_put(product, member_id, inside[member_id]) for member_id in _order(inside)]
        else:
            written.append(_put(product, arm_id, one))
    return written


def _id(one: Body, scope: str) -> str:
    if one["type"] == "Microsoft.Resources/resourceGroups":
        return f"{scope}/resourceGroups/{one['name']}"
    if one["type"] == "Microsoft.Resources/deployments":
        scope = f"/subscriptions/{one['subscriptionId']}/resourceGroups/{one['resourceGroup']}"
    if "scope" in one:
        scope = f"{scope}/providers/{one['scope']}"
    namespace, *types = one["type"].split("/")
    pairs = zip(types, one["name"].split("/"), strict=True)
    return f"{scope}/providers/{namespace}/" + "/".join(f"{kind}/{name}" for kind, name in pairs)


def _order(by_id: dict[str, Body]) -> tuple[str, ...]:
    """Dependencies first; each of them is in the same template. A reference to a neighbour is a dependency, too."""
    graph: dict[str, set[str]] = {}
    for arm_id, one in by_id.items():
        asked = one.get("dependsOn", [])
        assert set(asked) <= set(by_id), set(asked) - set(by_id)
        graph[arm_id] = {*asked, *(target for target in _references(one.get("properties")) if target in by_id)}
    return tuple(TopologicalSorter(graph).static_order())


def _references(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [target for item in value.values() for target in _references(item)]
    if isinstance(value, list):
        return [target for item in value for target in _references(item)]
    found = _REFERENCE.fullmatch(value) if isinstance(value, str) else None
    return [found[1]] if found else []


def _put(product: QuietProduct, arm_id: str, one: Body) -> str:
    sent = {
        name: item for name, item in one.items() if name not in ("type", "apiVersion", "name", "dependsOn", "scope")
    }
    status = product.owner("PUT", arm_id, _evaluated(product, sent), one["apiVersion"])
    assert status in (200, 201, 202), (status, arm_id)
    return arm_id


def _evaluated(product: QuietProduct, value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _evaluated(product, item) for name, item in value.items()}
    if isinstance(value, list):
        return [_evaluated(product, item) for item in value]
    if isinstance(value, str) and value.startswith("[["):
        return value[1:]
    found = _REFERENCE.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        assert not (isinstance(value, str) and value.startswith("[")), value
        return value
    answer = at(product.body(found[1], found[2]), found[3])
    assert answer is not None, value
    return answer
