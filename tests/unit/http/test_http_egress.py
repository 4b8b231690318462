"""Managed networks by REST: the catalog's hosts, what a plan says of the ways out, building the network."""

from __future__ import annotations

from typing import Any

from tests.support.api import Api, error, spec
from tests.support.blueprints import managed

CATALOG, OPEN = managed("managed-approved-catalog"), managed("managed-internet")
SPACE = spec()["network"]["addressSpace"]


def isolated(**network: Any) -> dict[str, Any]:
    """The catalog of the example with approved outbound only, at the address range of these tests."""
    return {**CATALOG, "network": {**CATALOG["network"], "addressSpace": SPACE, **network}}


async def test_the_catalog_is_for_everybody_with_a_token(api: Api) -> None:
    assert (await api.client.get("/api/catalog/collections")).status_code == 401
    found = (await api.call("GET", "catalog/collections")).json()
    by_name = {source["name"]: source for source in found["value"]}
    assert by_name["meta"]["hosts"] == []
    assert by_name["python"]["hosts"] == ["*.pythonhosted.org", "pypi.org"]
    prices = {price["sku"]: price["monthlyCost"] for price in found["firewall"]}
    assert prices == {
        "Standard": {"amount": 912.5, "currency": "USD"},
        "Basic": {"amount": 288.35, "currency": "USD"},
    }


async def test_a_plan_says_what_leaves_and_what_that_costs(api: Api) -> None:
    await api.register()
    rules = [
        {"name": "torch", "type": "fqdn", "destination": "*.tensorflow.org"},
        {"name": "all-docker", "type": "fqdn", "destination": "*.docker.com"},
    ]
    asked = spec(**isolated(managed={"firewallSku": "Basic", "outboundRules": rules}))
    plan = (await api.call("POST", "workspaces/churn-dev:plan", {"spec": asked})).json()
    egress = plan["egress"]
    assert set(egress["missing"]) == {rule["name"] for rule in egress["rules"]}
    by_name = {rule["name"]: rule for rule in egress["rules"]}
    # The rule of the spec serves what Hugging Face needs of that domain.
    assert "catalog-production-cloudflare-docker-com" not in by_name
    assert by_name["catalog-pypi-org"]["because"] == [
        "$.catalog.collections[curatedByAzureAI]",
        "$.catalog.packages[python]",
    ]
    assert [item["name"] for item in egress["unneeded"]] == ["torch"]
    assert egress["firewall"]["monthlyCost"] == {"amount": 288.35, "currency": "USD"}
    assert "FirewallIsBilled" in {warning["code"] for warning in plan["warnings"]}


async def test_without_rules_for_hosts_there_is_no_firewall(api: Api) -> None:
    await api.register()
    network = {**OPEN["network"], "addressSpace": SPACE}
    plan = (await api.call("POST", "workspaces/churn-dev:plan", {"spec": spec(**{**OPEN, "network": network})})).json()
    assert plan["egress"]["firewall"] is None
    assert {rule["type"] for rule in plan["egress"]["rules"]} == {"PrivateEndpoint"}
    plain = (await api.call("POST", "workspaces/churn-dev:plan", {"spec": spec()})).json()
    assert plain["egress"] is None


async def test_a_network_is_built_when_somebody_asks(api: Api) -> None:
    await api.register()
    await api.finish(await api.create(**isolated(managed={}), compute={"clusters": []}))
    answer = await api.call("POST", "workspaces/churn-dev:provisionNetwork")
    assert answer.status_code == 202
    shown = (await api.call("GET", "workspaces/churn-dev")).json()
    assert shown["spec"]["network"]["managed"]["provision"] == "atCreation"
    assert shown["status"]["generation"] == 2
    await api.finish(answer.json()["id"])
    assert (await api.call("POST", "workspaces/churn-dev:provisionNetwork")).status_code == 200


async def test_a_network_is_built_for_spark_when_the_body_says_so(api: Api) -> None:
    """As Azure's own action takes it; any other body is refused, and nothing is started."""
    await api.register()
    await api.finish(await api.create(**isolated(managed={}), compute={"clusters": []}))
    for bad in ({"includeSpark": "yes"}, {"includeSpark": True, "more": 1}):
        answer = await api.call("POST", "workspaces/churn-dev:provisionNetwork", bad)
        assert (answer.status_code, error(answer)["code"]) == (400, "InvalidRequestContent")
    answer = await api.call("POST", "workspaces/churn-dev:provisionNetwork", {"includeSpark": True})
    assert answer.status_code == 202
    shown = (await api.call("GET", "workspaces/churn-dev")).json()
    assert shown["spec"]["network"]["managed"]["spark"] is True
    await api.finish(answer.json()["id"])
    again = await api.call("POST", "workspaces/churn-dev:provisionNetwork", {"includeSpark": True})
    assert again.status_code == 200


async def test_a_network_of_ones_own_is_not_azures_to_build(api: Api) -> None:
    await api.register()
    await api.finish(await api.create())
    answer = await api.call("POST", "workspaces/churn-dev:provisionNetwork")
    assert (answer.status_code, error(answer)["code"]) == (409, "NetworkNotManaged")


async def test_isolation_is_not_taken_back(api: Api) -> None:
    await api.register()
    await api.finish(await api.create(**isolated(managed={})))
    network = {**OPEN["network"], "addressSpace": SPACE}
    answer = await api.call("PUT", "workspaces/churn-dev", spec(**{**OPEN, "network": network}))
    assert (answer.status_code, error(answer)["code"]) == (409, "TransitionNotAllowed")
