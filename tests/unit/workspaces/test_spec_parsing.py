"""From JSON to a spec, or to every reason why not."""

from __future__ import annotations

from typing import Any

import pytest

from controlplane.errors import Rejected
from controlplane.workspaces.access.personas import Persona
from controlplane.workspaces.spec import check_name, parse_spec
from tests.unit.workspaces.fake_azure import OWNER, request

CLUSTER = {"name": "cpu", "size": "Standard_DS3_v2", "maxNodes": 4}


def faults(data: dict[str, Any]) -> dict[str | None, str]:
    """Path → code of every detail."""
    with pytest.raises(Rejected) as caught:
        parse_spec(data)
    assert caught.value.code == "InvalidSpec"
    return {detail.target: detail.code for detail in caught.value.details}


UAI = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/one"


def instance(**changes: Any) -> dict[str, Any]:
    box = {"name": "box", "size": "Standard_DS3_v2", "assignedTo": OWNER}
    return request(compute={"clusters": [CLUSTER], "instances": [box | changes]})


def clusters(**changes: Any) -> dict[str, Any]:
    return request(compute={"clusters": [CLUSTER | changes]})


#: What a spec says that says the least.
DEFAULTS: dict[str, Any] = {
    "project": "churn",
    "environment": "dev",
    "workload": "classical",
    "management": "manage",
    "subscriptionId": "00000000-0000-0000-0000-000000000001",
    "location": "westeurope",
    "owners": [OWNER],
    "network": {
        "mode": "privateVnet",
        "addressSpace": "10.40.0.0/22",
        "prefixLength": None,
        "hub": {
            "kind": "create",
            "vnetId": None,
            "dnsZones": [],
            "bastion": False,
            "jumpHost": False,
            "buildAgents": 0,
            "agents": {
                "organizationUrl": None,
                "pool": "Default",
                "version": "4.269.0",
                "sha256": None,
                "authentication": "managedIdentity",
                "identityId": None,
                "clientId": None,
                "runsOn": "virtualMachine",
                "principalId": None,
            },
            "vmSize": "Standard_D2s_v3",
            "adminPublicKey": None,
            "encryptionAtHost": False,
            "vpn": None,
            "gatewayIds": [],
            "expressRoute": None,
        },
        "egress": {"kind": "natGateway", "nextHop": None, "storageEndpointPolicy": False},
        "managed": {
            "provision": "atFirstCompute",
            "spark": False,
            "firewallSku": "Standard",
            "outboundRules": [],
        },
    },
    "identity": {"type": "systemAssigned", "ids": [], "create": [], "primary": None},
    "vault": {"permissionModel": "rbac"},
    "storage": {"sharedKeyAccess": False},
    "encryption": {"customerManagedKey": None, "keyVaultId": None, "identity": None},
    "registry": {"adminUser": False, "existing": None, "privateImages": []},
    "datastores": [],
    "compute": {"clusters": [], "instances": []},
    "catalog": {"collections": [], "packages": []},
    "access": {persona.value: [] for persona in Persona},
    "budget": None,
    "expiry": None,
    "legacyV1Mode": False,
    "waivers": [],
}


def test_defaults_are_the_safe_ones() -> None:
    spec = parse_spec(request(compute={}))
    assert spec.model_dump(mode="json", by_alias=True) == DEFAULTS


def test_a_clusters_defaults() -> None:
    (cluster,) = parse_spec(clusters()).compute.clusters
    assert (cluster.min_nodes, cluster.idle_before_scale_down, cluster.public_ip) == (0, "PT2M", False)
    assert (cluster.low_priority, cluster.identity.type, cluster.identity.ids) == (False, "systemAssigned", ())


def test_an_instances_defaults() -> None:
    (box,) = parse_spec(instance()).compute.instances
    assert (box.idle_shutdown, box.identity.type, box.identity.ids) == ("PT1H", "none", ())


def test_the_stored_form_is_accepted_again() -> None:
    spec = parse_spec(request(expiry={"expiresOn": "2027-06-30"}))
    assert parse_spec(spec.model_dump(mode="json", by_alias=True)) == spec


@pytest.mark.parametrize(
    ("data", "path", "code"),
    [
        pytest.param(request(colour="blue"), "$.colour", "UnknownField", id="unknown field"),
        pytest.param(
            request(network={"addressSpace": "10.0.0.0/22", "hub": {"colour": 1}}),
            "$.network.hub.colour",
            "UnknownField",
            id="unknown field deep inside",
        ),
        pytest.param(request(network={}), "$.network.addressSpace", "MissingField", id="no address space"),
        pytest.param(request(owners=[]), "$.owners", "InvalidValue", id="no owner"),
        pytest.param(request(owners=["ada"]), "$.owners[0]", "InvalidValue", id="owner by name"),
        pytest.param(request(owners=[OWNER, OWNER]), "$.owners[1]", "DuplicateName", id="owner twice"),
        pytest.param(request(environment="qa"), "$.environment", "InvalidValue", id="unknown environment"),
        pytest.param(request(location="West Europe"), "$.location", "InvalidValue", id="display name of a region"),
        pytest.param(request(subscriptionId="prod"), "$.subscriptionId", "InvalidValue", id="subscription by name"),
        pytest.param(request(project="Churn!"), "$.project", "InvalidValue", id="bad project"),
        pytest.param(
            request(network={"addressSpace": "10.40.0.1/22"}), "$.network.addressSpace", "InvalidValue", id="host bits"
        ),
        pytest.param(
            request(network={"addressSpace": "fd00::/64"}), "$.network.addressSpace", "InvalidValue", id="IPv6"
        ),
        pytest.param(
            request(network={"addressSpace": "8.8.0.0/22"}), "$.network.addressSpace", "InvalidValue", id="public range"
        ),
        pytest.param(
            request(network={"addressSpace": "172.16.0.0/12"}),
            "$.network.addressSpace",
            "AddressSpaceOverlaps",
            id="Docker's bridge inside",
        ),
        pytest.param(
            request(network={"addressSpace": "10.40.0.0/26"}),
            "$.network.addressSpace",
            "AddressSpaceTooSmall",
            id="too small for two networks",
        ),
        pytest.param(
            clusters(name="1st"), "$.compute.clusters[0].name", "InvalidValue", id="cluster name begins with a digit"
        ),
        pytest.param(
            clusters(name="a-cluster-name-too-long"),
            "$.compute.clusters[0].name",
            "InvalidValue",
            id="long cluster name",
        ),
        pytest.param(clusters(maxNodes=0), "$.compute.clusters[0].maxNodes", "InvalidValue", id="no nodes"),
        pytest.param(clusters(minNodes=5), "$.compute.clusters[0].minNodes", "InvalidValue", id="minimum over maximum"),
        pytest.param(
            clusters(idleBeforeScaleDown="PT10S"),
            "$.compute.clusters[0].idleBeforeScaleDown",
            "InvalidValue",
            id="S1-31 idle time too short",
        ),
        pytest.param(
            clusters(idleBeforeScaleDown="PT3H"),
            "$.compute.clusters[0].idleBeforeScaleDown",
            "InvalidValue",
            id="S1-31 idle time too long",
        ),
        pytest.param(
            instance(name="cpu"), "$.compute.instances[0].name", "DuplicateName", id="an instance called as a cluster"
        ),
        pytest.param(
            instance(name="box-2"), "$.compute.instances[0].name", "InvalidName", id="numbers behind a hyphen"
        ),
        pytest.param(
            instance(idleShutdown="PT14M"),
            "$.compute.instances[0].idleShutdown",
            "InvalidValue",
            id="an instance that stops too soon",
        ),
        pytest.param(
            instance(idleShutdown="PT73H"),
            "$.compute.instances[0].idleShutdown",
            "InvalidValue",
            id="an instance that stops too late",
        ),
        pytest.param(
            request(compute={"instances": [{"name": "box", "size": "Standard_DS3_v2"}]}),
            "$.compute.instances[0].assignedTo",
            "MissingField",
            id="an instance of nobody",
        ),
        pytest.param(
            clusters(identity={"type": "userAssigned"}),
            "$.compute.clusters[0].identity.ids",
            "MissingField",
            id="S2-31 user-assigned without one",
        ),
        pytest.param(
            clusters(identity={"ids": [UAI]}),
            "$.compute.clusters[0].identity.ids",
            "InvalidValue",
            id="S2-31 both kinds",
        ),
        pytest.param(
            clusters(identity={"type": "userAssigned", "ids": ["/subscriptions/s/resourceGroups/g/providers/A.B/c/d"]}),
            "$.compute.clusters[0].identity.ids[0]",
            "InvalidValue",
            id="no identity",
        ),
        pytest.param(
            clusters(identity={"type": "userAssigned", "ids": ["training"]}),
            "$.compute.clusters[0].identity.ids[0]",
            "InvalidValue",
            id="an identity that nobody makes",
        ),
        pytest.param(
            clusters(identity={"type": "userAssigned", "ids": [UAI, UAI.replace("/one", "/ONE")]}),
            "$.compute.clusters[0].identity.ids[1]",
            "DuplicateName",
            id="an identity twice",
        ),
        pytest.param(
            clusters(identity={"type": "userAssigned", "ids": [UAI, UAI.replace("/g/", "/h/")]}),
            "$.compute.clusters[0].identity.ids[1]",
            "InvalidValue",
            id="two identities of one name",
        ),
        pytest.param(
            instance(identity={"ids": [UAI]}),
            "$.compute.instances[0].identity.ids",
            "InvalidValue",
            id="an instance's identity without its kind",
        ),
        pytest.param(
            request(compute={"clusters": [CLUSTER, CLUSTER | {"name": "CPU"}]}),
            "$.compute.clusters[1].name",
            "DuplicateName",
            id="two clusters of one name",
        ),
    ],
)
def test_one_fault_is_named_by_its_path(data: dict[str, Any], path: str, code: str) -> None:
    assert faults(data) == {path: code}


@pytest.mark.parametrize(
    ("hub", "text"),
    [
        ({"kind": "existing"}, "network.hub.vnetId has to name the network of the existing hub."),
        (
            {"agents": {"authentication": "personalAccessToken"}},
            "network.hub.agents.authentication is not accepted: a token is a secret that somebody has to keep and "
            "renew; use managedIdentity (S1-63).",
        ),
    ],
)
def test_what_is_wrong_with_a_hub_is_a_sentence(hub: dict[str, Any], text: str) -> None:
    with pytest.raises(Rejected) as caught:
        parse_spec(request(network={"addressSpace": "10.40.0.0/22", "hub": hub}))
    assert [detail.message for detail in caught.value.details] == [text]


def test_every_fault_is_listed() -> None:
    data = request(environment="qa", owners=[], colour="blue", network={"addressSpace": 7})
    assert faults(data) == {
        "$.environment": "InvalidValue",
        "$.owners": "InvalidValue",
        "$.colour": "UnknownField",
        "$.network.addressSpace": "InvalidValue",
    }


def test_a_body_of_nothing_but_faults_is_listed_as_well() -> None:
    """As many as 256 KiB hold: comparing each with each would take this test minutes, and a server too."""
    unknown = {f"x{number}": 0 for number in range(20_000)}
    assert faults(request(**unknown)) == {f"$.{name}": "UnknownField" for name in unknown}


def test_a_list_whose_only_items_are_wrong_is_not_called_too_short() -> None:
    assert faults(request(owners=["me"])) == {"$.owners[0]": "InvalidValue"}


def test_what_is_not_built_and_what_is_wrong_are_listed_together() -> None:
    data = request(
        management="observe",
        network={"addressSpace": "10.40.0.0/28", "hub": {"agents": {"runsOn": "container"}}},
    )
    assert faults(data) == {
        "$.management": "FeatureNotAvailable",
        "$.network.hub.agents.runsOn": "InvalidValue",
        "$.network.addressSpace": "AddressSpaceTooSmall",
    }


@pytest.mark.parametrize("name", ["abc", "churn-dev", "a1-b2", "a" * 32, "my-window", "azure", "login"])
def test_names_that_azure_takes(name: str) -> None:
    assert check_name(name) == ()


@pytest.mark.parametrize(
    "name",
    [
        "",
        "ab",
        "1abc",
        "Churn",
        "a--b",
        "abc-",
        "a" * 33,
        "a_b",
        "a/b",
        "abc\n",
        "windows-cv",
        "window-shop",
        "my-micro-soft",
    ],
)
def test_names_that_azure_would_refuse(name: str) -> None:
    (detail,) = check_name(name)
    assert (detail.code, detail.target) == ("InvalidName", "$.name")


_REGISTRY = f"/subscriptions/{OWNER}/resourceGroups/rg/providers/Microsoft.ContainerRegistry/registries/cr"


@pytest.mark.parametrize(
    "tail",
    [
        "?x=1",
        "#x",
        "%2fx",
        "\n",
        "\tx",
        "\\x",
        "//x",
        "x" * 1000,
        " x",
        "'",
        "$(x)",
        "`x`",
        ";x",
        "&x",
        "|x",
        ">x",
        '"',
        "\x00",
    ],
)
def test_an_id_of_azure_is_a_path_and_nothing_else(tail: str) -> None:
    with pytest.raises(Rejected) as error:
        parse_spec(request(registry={"existing": f"{_REGISTRY}{tail}"}))
    assert [detail.target for detail in error.value.details] == ["$.registry.existing"]


@pytest.mark.parametrize(
    ("path", "change"),
    [
        ("$.catalog.packages", {"catalog": {"packages": ["python"] * 21}}),
        ("$.catalog.collections", {"catalog": {"collections": ["meta"] * 21}}),
        (
            "$.network.hub.dnsZones",
            {"network": {"addressSpace": "10.40.0.0/22", "hub": {"dnsZones": [_REGISTRY] * 51}}},
        ),
        (
            "$.network.hub.vpn.zones",
            {"network": {"addressSpace": "10.40.0.0/22", "hub": {"vpn": {"zones": ["1", "2", "3", "1"]}}}},
        ),
    ],
)
def test_every_list_has_an_end(path: str, change: dict[str, Any]) -> None:
    with pytest.raises(Rejected) as error:
        parse_spec(request(**change))
    assert path in {detail.target for detail in error.value.details}


def test_an_agents_identity_ends_no_quote_of_the_script_that_root_runs() -> None:
    """It lies below a registered identity and has the right type at its end, and is a command all the same."""
    inner = "providers/x';touch${IFS}/tmp/x;'y/z/providers/Microsoft.ManagedIdentity/userAssignedIdentities/u"
    agents = {"organizationUrl": "https://dev.azure.com/contoso", "identityId": f"{_REGISTRY}/{inner}"}
    with pytest.raises(Rejected) as error:
        parse_spec(request(network={"addressSpace": "10.40.0.0/22", "hub": {"agents": agents}}))
    assert [detail.target for detail in error.value.details] == ["$.network.hub.agents.identityId"]
