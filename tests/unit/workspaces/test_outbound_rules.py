"""Outbound rules of a managed network: what may be asked, and which follow from the rest of the spec."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from controlplane.errors import Rejected
from controlplane.workspaces.blueprint import compile_blueprint
from controlplane.workspaces.spec import WorkspaceSpec, parse_spec
from tests.support.blueprints import CONTEXT, example

ACCOUNT = example("datastores")["datastores"][0]["account"]


def asked(*rules: dict[str, Any], mode: str = "managedAllowOnlyApprovedOutbound", **more: Any) -> dict[str, Any]:
    data = copy.deepcopy(example("managed-approved-catalog"))
    data["network"] |= {"mode": mode, "managed": {"outboundRules": [{"name": "mine", **rule} for rule in rules]}}
    return {**data, "catalog": {}, **more}


def endpoint(destination: str, subresource: str) -> dict[str, Any]:
    return {"type": "privateEndpoint", "destination": destination, "subresource": subresource}


def faults(data: dict[str, Any]) -> list[tuple[str, str | None]]:
    with pytest.raises(Rejected) as refused:
        parse_spec(data)
    return [(detail.code, detail.target) for detail in refused.value.details]


def rules(spec: WorkspaceSpec) -> dict[str, Any]:
    found = (one for one in compile_blueprint(spec, CONTEXT).resources if one.key.startswith("outbound-rule/"))
    return {one.key.partition("/")[2]: one.body["properties"]["destination"] for one in found}


@pytest.mark.parametrize("mode", ["managedAllowOnlyApprovedOutbound", "managedAllowInternetOutbound"])
@pytest.mark.parametrize(
    ("target", "group"),
    [("storage", "blob"), ("storage", "File"), ("vault", "vault"), ("registry", "registry"), ("storage", "vault")],
)
def test_endpoints_that_azure_makes_itself_are_not_asked_for_again(mode: str, target: str, group: str) -> None:
    """Azure refuses the second one when everything else is made already; and what there is no such group of."""
    place = "$.network.managed.outboundRules[0].subresource"
    assert faults(asked(endpoint(target, group), mode=mode)) == [("InvalidValue", place)]


def test_a_network_that_is_not_managed_is_built_for_nothing() -> None:
    for field, value in (("spark", True), ("provision", "atCreation"), ("firewallSku", "Basic")):
        data = {**example(), "network": {**example()["network"], "mode": "privateVnet", "managed": {field: value}}}
        assert ("InvalidValue", f"$.network.managed.{field}") in faults(data)


@pytest.mark.parametrize("group", ["queue", "table", "dfs"])
def test_other_groups_of_the_own_account_are(group: str) -> None:
    assert rules(parse_spec(asked(endpoint("storage", group))))["mine"]["subresourceTarget"] == group


@pytest.mark.parametrize("host", ["stx.blob.core.windows.net", "*.core.windows.net", "*.windows.net"])
def test_no_host_name_leads_to_storage_by_a_wildcard_either(host: str) -> None:
    place = "$.network.managed.outboundRules[0].destination"
    assert faults(asked({"type": "fqdn", "destination": host})) == [("InvalidValue", place)]


def test_a_database_is_no_storage() -> None:
    assert rules(parse_spec(asked({"type": "fqdn", "destination": "*.database.windows.net"})))


def stores(*accounts: str) -> list[dict[str, Any]]:
    return [{"name": f"d{number}", "account": one, "container": "data"} for number, one in enumerate(accounts)]


@pytest.mark.parametrize("other", [ACCOUNT.lower(), ACCOUNT.replace("resourceGroups", "RESOURCEGROUPS"), f"{ACCOUNT}/"])
def test_two_spellings_of_one_account_are_one_rule(other: str) -> None:
    """Two of one name led in a circle, which no caller could tell from a fault of ours."""
    spec = parse_spec(asked(datastores=stores(ACCOUNT, other)))
    assert rules(spec) == {
        "data-stsales-blob": {"serviceResourceId": ACCOUNT, "subresourceTarget": "blob", "sparkEnabled": False}
    }


@pytest.mark.parametrize("rule", [endpoint(ACCOUNT, "Blob"), endpoint(f"{ACCOUNT.upper()}/", "blob")])
def test_a_rule_of_the_spec_to_the_account_of_a_datastore_is_enough(rule: dict[str, Any]) -> None:
    rule = {**rule, "destination": rule["destination"].replace("/SUBSCRIPTIONS", "/subscriptions")}
    assert set(rules(parse_spec(asked(rule, datastores=stores(ACCOUNT))))) == {"mine"}


def test_an_id_with_a_slash_at_its_end_is_the_id() -> None:
    """What is built on it, such as a role, would have two slashes, which no path of Azure has."""
    identity = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/one"
    data = asked(datastores=stores(f"{ACCOUNT}/"))
    data["compute"]["clusters"][0]["identity"] = {"type": "userAssigned", "ids": [f"{identity}/"]}
    spec = parse_spec(data)
    assert spec.datastores[0].account == ACCOUNT
    assert spec.compute.clusters[0].identity.ids == (identity,)
    ids = [str(one.id) for one in compile_blueprint(spec, CONTEXT).resources]
    assert not [one for one in ids if "//" in one]
