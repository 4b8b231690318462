"""What bad input gets, over HTTP with real tokens and an Azure behind it: the refusal, and that nothing was touched."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import jwt
import pytest

from tests.support.blueprints import example
from tests.support.product import NAME, Product, running_product
from tests.support.waiting import PATIENCE_SECONDS

HIDDEN = "00000000-0000-0000-0000-000000000003"
REGISTRATION = {
    "subscriptions": ["00000000-0000-0000-0000-000000000001", HIDDEN],
    "regions": ["westeurope", "northeurope", "atlantis"],
    "limits": {"maxWorkspaces": 20, "maxNodes": 5000},
}


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """One workspace exists, accepted and not yet begun; the registration allows more than Azure has."""
    with running_product(tmp_path_factory.mktemp("product")) as running:
        running.register(**REGISTRATION)
        assert running.put().status_code == 201
        yield running


def changed(path: str, value: Any) -> dict[str, Any]:
    """The example in another address range, with one field changed; None takes it away."""
    asked = example()
    asked["network"]["addressSpace"] = "10.40.8.0/22"
    *steps, last = path.split(".")
    holder: Any = asked
    for step in steps:
        holder = holder[int(step)] if isinstance(holder, list) else holder[step]
    if value is None:
        del holder[last]
    else:
        holder[last] = value
    return asked


def error(answer: httpx.Response) -> dict[str, Any]:
    found: dict[str, Any] = answer.json()["error"]
    assert answer.headers["x-ms-error-code"] == found["code"]
    return found


def untouched(product: Product, act: Callable[[], httpx.Response]) -> tuple[httpx.Response, list[dict[str, Any]]]:
    """The answer and the calls that ARM saw meanwhile, none of which is a write."""
    product.simulator.clear_calls()
    answer = act()
    calls = product.simulator.calls(plane="arm")
    assert {call["method"] for call in calls} <= {"GET"}
    return answer, calls


# -- wrong specs -------------------------------------------------------------------------------------------------------

#: Field → a wrong value.
WRONG: dict[str, Any] = {
    "environment": "staging-2",
    "subscriptionId": "mine",
    "location": None,
    "owners": ["ada"],
    "network.addressSpace": "10.40.8.0",
    "network.mode": "publicVnet",
    "compute.clusters.0.minNodes": 9,
    "compute.clusters.0.size": 7,
    "surprise": True,
}


@pytest.mark.parametrize("verb", ["PUT", "plan"])
def test_every_bad_field_is_named_and_azure_not_asked(product: Product, verb: str) -> None:
    asked = example()
    for path, value in WRONG.items():
        *steps, last = path.split(".")
        holder: Any = asked
        for step in steps:
            holder = holder[int(step)] if isinstance(holder, list) else holder[step]
        if value is None:
            del holder[last]
        else:
            holder[last] = value
    answer, calls = untouched(product, lambda: send(product, verb, "churn-bad", asked))
    assert (answer.status_code, error(answer)["code"]) == (400, "InvalidSpec")
    targets = {detail["target"] for detail in error(answer)["details"]}
    for path in WRONG:
        named = "$." + path.replace(".0.", "[0].")
        assert any(target.startswith(named) or named.startswith(f"{target}") for target in targets), path
    assert calls == []


def send(product: Product, verb: str, name: str, asked: dict[str, Any]) -> httpx.Response:
    if verb == "PUT":
        return product.put(asked, name)
    return product.call("POST", f"workspaces/{name}:plan", {"spec": asked})


@dataclass(frozen=True)
class Row:
    """A spec that is well-formed and cannot be."""

    path: str
    value: Any
    status: int
    code: str
    target: str
    asks_azure: bool = True


ROWS: dict[str, Row] = {
    "a subscription of somebody else": Row(
        "subscriptionId", "00000000-0000-0000-0000-000000000002", 403, "ScopeNotAllowedForProject",
        "$.subscriptionId", asks_azure=False,
    ),
    "a region of somebody else": Row(
        "location", "eastus", 403, "ScopeNotAllowedForProject", "$.location", asks_azure=False
    ),
    "addresses of somebody else": Row(
        "network.addressSpace", "10.99.0.0/22", 403, "ScopeNotAllowedForProject", "$.network.addressSpace",
        asks_azure=False,
    ),
    "overlapping addresses": Row(
        "network.addressSpace", "10.40.2.0/23", 409, "AddressSpaceOverlaps", "$.network.addressSpace"
    ),
    "too few addresses": Row(
        "compute.clusters.0.maxNodes", 900, 400, "AddressSpaceTooSmall", "$.network.addressSpace"
    ),
    "an unknown region": Row("location", "atlantis", 400, "LocationNotAvailable", "$.location"),
    "an unknown VM size": Row(
        "compute.clusters.0.size", "Standard_Nope_v9", 400, "VmSizeNotAvailable", "$.compute.clusters[0].size"
    ),
    "a subscription that the identity cannot see": Row(
        "subscriptionId", HIDDEN, 400, "SubscriptionNotVisible", "$.subscriptionId"
    ),
}  # fmt: skip


@pytest.mark.parametrize("verb", ["PUT", "plan"])
@pytest.mark.parametrize("name", ROWS)
def test_what_cannot_be_is_refused_at_plan_time(product: Product, name: str, verb: str) -> None:
    row = ROWS[name]
    answer, calls = untouched(product, lambda: send(product, verb, "churn-bad", changed(row.path, row.value)))
    assert (answer.status_code, error(answer)["code"]) == (row.status, row.code), answer.text
    assert row.target in {error(answer)["target"], *(detail["target"] for detail in error(answer)["details"])}
    assert row.asks_azure or calls == []
    assert product.call("GET", "workspaces/churn-bad").status_code == 404


@pytest.mark.parametrize("name", ["-churn", "Churn", "c", "churn_dev", "x" * 80, "churn--dev-", "1churn"])
def test_a_name_that_azure_would_refuse(product: Product, name: str) -> None:
    answer, calls = untouched(product, lambda: product.put(changed("workload", "classical"), name))
    assert (answer.status_code, error(answer)["code"]) == (400, "InvalidResourceName")
    assert calls == []


# -- tokens ------------------------------------------------------------------------------------------------------------


def recoded(token: str, header: dict[str, Any], signature: str | None = None) -> str:
    """A token's claims under another header."""
    _, claims, _ = token.split(".")
    return f"{encoded(header)}.{claims}.{signature or ''}"


def encoded(part: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def hmac_with_the_public_key(product: Product) -> str:
    tenant = product.simulator.env["AZURE_TENANT_ID"]
    authority = product.simulator.env["AZURE_AUTHORITY_HOST"].rstrip("/")
    context = product.simulator.context()
    published = httpx.get(f"{authority}/{tenant}/discovery/v2.0/keys", verify=context, timeout=PATIENCE_SECONDS).json()[
        "keys"
    ][0]
    pem = jwt.PyJWK(published).key
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    secret = pem.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    head, claims, _ = product.admin.split(".")
    del head
    signed = f"{encoded({'alg': 'HS256', 'typ': 'JWT', 'kid': published['kid']})}.{claims}"
    signature = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(signed.encode(), secret)
    return f"{signed}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


ROLE = {"roles": ["Platform.Admin"], "user": "ada"}
TOKENS: dict[str, Callable[[Product], str]] = {
    "none at all": lambda product: "",
    "expired": lambda product: product.simulator.token(**ROLE, expired=True),
    "unsigned": lambda product: recoded(product.admin, jwt.get_unverified_header(product.admin)),
    "alg none": lambda product: recoded(product.admin, {"alg": "none", "typ": "JWT"}),
    "HS256 with the public key": hmac_with_the_public_key,
    "another audience": lambda product: product.simulator.token(**ROLE, audience="https://management.azure.com"),
    "another tenant": lambda product: product.simulator.token(**ROLE, tenant="00000000-0000-0000-0000-00000000beef"),
    "another issuer": lambda product: product.simulator.token(**ROLE, claims={"iss": "https://evil.example/v2.0"}),
    "an ID token": lambda product: product.simulator.token(**ROLE, id_token=True),
    "another signature": lambda product: product.admin[:-8] + "AAAAAAAA",
    "a token for ARM": lambda product: product.simulator.arm_token("owner"),
}


@pytest.mark.parametrize("name", TOKENS)
def test_a_bad_token_is_401(product: Product, name: str) -> None:
    token = TOKENS[name](product)
    answer, calls = untouched(product, lambda: product.call("PUT", "workspaces/churn-bad", example(), token=token))
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert calls == []


def test_a_good_token_is_let_in(product: Product) -> None:
    assert product.call("GET", f"workspaces/{NAME}", token=product.simulator.token(**ROLE)).status_code == 200


# -- two at once -------------------------------------------------------------------------------------------------------


def test_the_second_writer_gets_412(product: Product) -> None:
    answer = product.call("PUT", f"workspaces/{NAME}", example(), headers={"If-Match": '"7.7"'})
    assert (answer.status_code, error(answer)["code"]) == (412, "ConditionNotMet")
    answer = product.call("PUT", f"workspaces/{NAME}", example(), headers={"If-None-Match": "*"})
    assert answer.status_code == 412


def test_a_second_operation_gets_409_with_the_id_of_the_first(product: Product) -> None:
    """The creation that the fixture started is still to be done."""
    running = product.record().active_operation
    for act in (
        lambda: product.put(changed("workload", "cv")),
        lambda: product.call("POST", f"workspaces/{NAME}:repair"),
        lambda: product.call("DELETE", f"workspaces/{NAME}"),
    ):
        answer, _ = untouched(product, act)
        assert (answer.status_code, error(answer)["code"]) == (409, "AnotherOperationInProgress")
        assert error(answer)["target"] == f"operations/{running}"
        assert str(running) in error(answer)["message"]
