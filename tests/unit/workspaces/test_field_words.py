"""What is wrong with a field is said in the words of whoever writes JSON, and its value is never repeated."""

from __future__ import annotations

from typing import Any

import pytest

from controlplane.errors import ErrorDetail, Rejected
from controlplane.projects.registration import check_project_name, parse_registration
from controlplane.workspaces.egress.report import egress_of
from controlplane.workspaces.model import Action, Change
from controlplane.workspaces.posture import advise
from controlplane.workspaces.spec import parse_spec
from tests.support.blueprints import compiled, example, spec


def refused(**changes: Any) -> tuple[ErrorDetail, ...]:
    with pytest.raises(Rejected) as caught:
        parse_spec({**example(), **changes})
    return caught.value.details


@pytest.mark.parametrize(
    ("changes", "code", "path", "says"),
    [
        ({"access": {"datascientists": []}}, "UnknownField", "$.access.datascientists", "did you mean dataScientists?"),
        ({"legacyV1mode": True}, "UnknownField", "$.legacyV1mode", "did you mean legacyV1Mode?"),
        ({"vault": {"zzz": 1}}, "UnknownField", "$.vault.zzz", "there is permissionModel."),
        (
            {"compute": {"clusters": [{"name": "cpu", "size": "Standard_D2", "maxNodes": 1, "publicIP": True}]}},
            "UnknownField",
            "$.compute.clusters[0].publicIP",
            "did you mean publicIp?",
        ),
        ({"location": "West Europe"}, "InvalidValue", "$.location", "(Azure region name, such as westeurope)."),
        ({"owners": ["ada@contoso.com"]}, "InvalidValue", "$.owners[0]", "Input should be a GUID"),
        ({"compute": []}, "InvalidValue", "$.compute", "Input should be a JSON object."),
        ({"owners": "ada"}, "InvalidValue", "$.owners", "Input should be a JSON array."),
        (
            {"network": {**example()["network"], "addressSpace": "10.40.0.0"}},
            "InvalidValue",
            "$.network.addressSpace",
            "write 10.40.0.0/22",
        ),
    ],
)
def test_a_bad_field_is_told_with_what_would_be_good(changes: dict[str, Any], code: str, path: str, says: str) -> None:
    (detail,) = refused(**changes)
    assert (detail.code, detail.target) == (code, path)
    assert says in detail.message


def test_what_a_field_held_is_not_repeated() -> None:
    secret = "-----BEGIN OPENSSH PRIVATE KEY-----"
    hub = {"kind": "create", "jumpHost": True, "adminPublicKey": secret}
    (detail,) = refused(network={**example()["network"], "hub": hub})
    assert detail.target == "$.network.hub.adminPublicKey"
    assert secret not in detail.message


def test_nothing_is_looked_up_for_a_body_of_errors() -> None:
    details = refused(**{f"locatio{number}": 1 for number in range(101)})
    assert len(details) == 101
    assert not any("did you mean" in detail.message for detail in details)


def test_a_registration_speaks_as_a_spec_does() -> None:
    with pytest.raises(Rejected) as caught:
        parse_registration({"subscriptions": ["s"], "resourceGroupPrefix": "rg-", "hubz": []})
    said = {(detail.code, detail.target): detail.message for detail in caught.value.details}
    assert set(said) == {("MissingField", "$.regions"), ("UnknownField", "$.hubz")}
    assert said["UnknownField", "$.hubz"] == "There is no such field; did you mean hubs?"


@pytest.mark.parametrize("name", ["c", "1churn", "churn-", "Churn", "c" * 41])
def test_a_project_has_a_name_that_a_spec_can_say(name: str) -> None:
    assert "$.project" in {detail.target for detail in refused(project=name)}
    with pytest.raises(Rejected, match="InvalidResourceName"):
        check_project_name(name)


@pytest.mark.parametrize("name", ["c1", "churn", "c" * 40])
def test_a_name_that_a_spec_can_say_is_a_project_s(name: str) -> None:
    check_project_name(name)
    assert parse_spec({**example(), "project": name}).project == name


@pytest.mark.parametrize(
    ("destination", "shown"),
    [("exfil.example.com", "exfil.example.com"), ({"serviceTag": "Storage"}, "Storage"), (None, "")],
)
def test_a_plan_says_where_a_rule_leads_that_somebody_added(destination: Any, shown: str) -> None:
    rule = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/outboundRules/x"
    kind = "Microsoft.MachineLearningServices/workspaces/outboundRules"
    answered = {"id": rule.upper(), "properties": {"destination": destination}}
    asked = spec(**example("managed-approved-catalog"))
    egress = egress_of(asked, [Change("unmanaged/x", kind, rule, Action.UNMANAGED)], [answered])
    assert egress is not None
    assert [(one.name, one.destination) for one in egress.unneeded] == [("x", shown)]


@pytest.mark.parametrize("name", ["managed-internet", "managed-approved-catalog"])
def test_s1_33_no_policy_is_advised_where_none_is_possible(name: str) -> None:
    changes = example(name)
    assert changes["compute"]["clusters"]
    codes = {warning.code for warning in advise(spec(**changes), compiled(**changes))}
    assert "StorageTagReachesEveryAccount" not in codes
