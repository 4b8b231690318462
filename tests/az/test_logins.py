"""How the CLI gets in: clouds of its own, service principals, managed identities; and who is kept out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.az.client import CLOUD, Az, environment, process
from tests.support.simulator import RunningSimulator


def test_the_cloud_is_read_from_its_metadata(az: Az, azure: RunningSimulator) -> None:
    cloud = az(f"cloud show -n {CLOUD}")
    assert cloud["isActive"]
    assert cloud["endpoints"]["activeDirectory"] == azure.url
    assert cloud["endpoints"]["microsoftGraphResourceId"] == f"{azure.url}/"
    assert cloud["suffixes"]["keyvaultDns"] == ".vault.azure.net"


def test_the_owner_sees_every_subscription(az: Az, azure: RunningSimulator) -> None:
    listed = {one["id"]: one["name"] for one in az("account list")}
    hidden = azure.env["HIDDEN_SUBSCRIPTION_ID"]
    assert set(listed) == {*azure.env["AZURE_SUBSCRIPTION_IDS"].split(","), hidden}
    assert az("account show")["tenantId"] == azure.env["AZURE_TENANT_ID"]
    assert "westeurope" in {one["name"] for one in az("account list-locations")}


def test_the_observer_sees_its_own(observer: Az, azure: RunningSimulator) -> None:
    assert {one["id"] for one in observer("account list")} == set(azure.env["AZURE_SUBSCRIPTION_IDS"].split(","))
    user = observer("account show")["user"]
    assert user["assignedIdentityInfo"] == f"MSIClient-{azure.env['OBSERVER_CLIENT_ID']}"


def test_calls_are_made_as_the_principal(az: Az, observer: Az, azure: RunningSimulator) -> None:
    for who, client in ((az, "AZURE_CLIENT_ID"), (observer, "OBSERVER_CLIENT_ID")):
        who("group list")
        assert azure.calls(plane="arm")[-1]["clientId"] == azure.env[client]


REFUSED = {
    "a wrong secret": ("-u {AZURE_CLIENT_ID} -p wrong --tenant {AZURE_TENANT_ID}", "AADSTS7000215"),
    "an unknown application": ("-u {HIDDEN_SUBSCRIPTION_ID} -p x --tenant {AZURE_TENANT_ID}", "AADSTS700016"),
    "an unknown tenant": ("-u {AZURE_CLIENT_ID} -p x --tenant {HIDDEN_SUBSCRIPTION_ID}", "HIDDEN_SUBSCRIPTION_ID"),
}


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_a_login_that_is_refused(stranger: Az, azure: RunningSimulator, name: str) -> None:
    options, said = REFUSED[name]
    error = stranger.refused(f"login --service-principal {options.format_map(azure.env)}")
    assert azure.env.get(said, said) in error
    assert stranger("account list --only-show-errors") == []


def test_processes_of_their_own(azure: RunningSimulator, home: Path) -> None:
    """As people run it: the cloud from `ARM_CLOUD_METADATA_URL`, the operator's identity from IMDS, one process a
    command."""
    imds = {"AZURE_POD_IDENTITY_AUTHORITY_HOST": azure.url}
    cloud = {"ARM_CLOUD_METADATA_URL": azure.env["ARM_CLOUD_METADATA_URL"]}
    env = environment(home, azure.env, **imds)
    for command in (
        f"cloud register -n {CLOUD} --endpoint-resource-manager {azure.url}",
        f"cloud set -n {CLOUD}",
        f"login --identity --client-id {azure.env['OPERATOR_CLIENT_ID']}",
        "group create -n by-operator --tags made=by-hand",
    ):
        done = process(env, command)
        assert done.returncode == 0, (command, done.stderr)
    assert azure.state()[f"{azure.subscription}/resourceGroups/by-operator"]["tags"] == {"made": "by-hand"}
    missing = process(env, "group show -n nowhere")
    assert (missing.returncode, missing.stdout) == (3, "")
    assert "(ResourceGroupNotFound) Resource group 'nowhere' could not be found." in missing.stderr
    listed = process({**env, **cloud}, "cloud list")
    assert CLOUD in {one["name"] for one in json.loads(listed.stdout)}
