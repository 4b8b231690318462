"""What the alerts' route gets that is no alert, or nobody's, or somebody else's: refused or left alone with a reason,
never a 5xx, never a retraining."""

from __future__ import annotations

import json
import time
from typing import Any

import jwt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controlplane.errors import Conflict, Transient
from controlplane.objects.repository import of_workspace
from controlplane.projects.access import ALERTS_APPLICATION, ALERTS_ROLE
from controlplane.retraining.runs.model import Run
from controlplane.retraining.signal import Signal
from tests.support.api import Api, error
from tests.support.calling import VERSION
from tests.support.tokens import AUDIENCE
from tests.unit.http.test_http_alerts import monitor, sample
from tests.unit.retraining.test_decoders_take_anything import HURRIED, spoiled
from tests.unit.retraining.test_samples import ALERTS, load

JSON = "application/json"
BODIES: dict[str, tuple[bytes, str, int, str]] = {
    "nothing": (b"", JSON, 400, "InvalidRequestContent"),
    "no JSON": (b"{", JSON, 400, "InvalidRequestContent"),
    "half a character": (b'{"schemaId": "\xff"}', JSON, 400, "InvalidRequestContent"),
    "an array": (b"[]", JSON, 400, "InvalidRequestContent"),
    "a number": (b"7", JSON, 400, "InvalidRequestContent"),
    "another schema": (b'{"schemaId": "x", "data": {}}', JSON, 400, "InvalidAlert"),
    "an alert of before the common schema": (b'{"status": "Activated", "context": {}}', JSON, 400, "InvalidAlert"),
    "nested without end": (b'{"data": ' + b"[" * 5000 + b"]" * 5000 + b"}", JSON, 400, "InvalidRequestContent"),
    "two mebibytes": (b'{"data": "' + b"x" * (2 << 20) + b'"}', JSON, 413, "RequestBodyTooLarge"),
    "another media type": (b"<a/>", "text/xml", 415, "UnsupportedMediaType"),
}


async def quiet(api: Api) -> None:
    """Nothing was stored."""
    objects = api.services.objects
    assert objects is not None
    for kind in (Signal, Run):
        assert (await objects.page(kind)).values == ()


@pytest.mark.parametrize("name", BODIES)
async def test_bodies(api: Api, name: str) -> None:
    content, kind, status, code = BODIES[name]
    headers = {"Authorization": f"Bearer {monitor(api)}", "Content-Type": kind}
    answer = await api.client.post("/api/alerts", content=content, headers=headers, params=VERSION)
    assert (answer.status_code, error(answer)["code"]) == (status, code)
    assert error(answer)["message"]
    await quiet(api)


def forged(api: Api, **changes: Any) -> str:
    """All that Azure Monitor's token says, under a key of somebody else's."""
    claims = jwt.decode(monitor(api), options={"verify_signature": False})
    return jwt.encode({**claims, **changes}, "somebody else's secret of enough length", algorithm="HS256")


FORGED = {
    "another key": forged,
    "no signature": lambda api: ".".join([*monitor(api).split(".")[:2], ""]),
    "another audience": lambda api: api.issuer.app_token(
        "azns", roles=[ALERTS_ROLE], azp=ALERTS_APPLICATION, aud=f"{AUDIENCE}x"
    ),
    "over since yesterday": lambda api: api.issuer.app_token(
        "azns", roles=[ALERTS_ROLE], azp=ALERTS_APPLICATION, exp=int(time.time()) - 86_400
    ),
}


@pytest.mark.parametrize("name", FORGED)
async def test_a_forged_token_is_nobodys(api: Api, name: str) -> None:
    await api.register()
    await api.create()
    body = await sample(api, "alert-metric-static.fired.json")
    answer = await api.call("POST", "alerts", body, token=FORGED[name](api))
    assert answer.status_code == 401
    await quiet(api)


ELSEWHERE = [
    ("GET", "workspaces"), ("GET", "workspaces/churn-dev"), ("DELETE", "workspaces/churn-dev"), ("GET", "signals"),
    ("GET", "decisions"), ("GET", "retrainings"), ("POST", "retrainings"), ("GET", "projects"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path"), ELSEWHERE)
async def test_the_right_token_on_another_route_is_refused(api: Api, method: str, path: str) -> None:
    await api.register()
    await api.create()
    wish = {"workspace": "churn-dev", "model": "churn", "reason": "because"} if method == "POST" else None
    answer = await api.call(method, path, wish, token=monitor(api))
    assert (answer.status_code, error(answer)["code"]) == (403, "AuthorizationFailed")
    await quiet(api)


async def test_an_alert_that_could_not_be_stored_is_sent_again(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """503 is what Azure Monitor's action groups repeat on; 500 is final for them."""
    await api.register()
    await api.create()
    body = await sample(api, "alert-metric-static.fired.json")
    store: Any = api.services.repository._store
    commit = store.commit

    async def away(*_: Any) -> None:
        raise Transient("ServerBusy", "The store is away.", retry_after=2.0)

    monkeypatch.setattr(store, "commit", away)
    assert (await api.call("POST", "alerts", body, token=monitor(api))).status_code == 503
    await quiet(api)
    monkeypatch.setattr(store, "commit", commit)
    assert (await api.call("POST", "alerts", body, token=monitor(api))).status_code == 202
    objects = api.services.objects
    assert objects is not None
    (found,) = (await objects.page(Signal, of_workspace(Signal, "churn-dev"))).values
    assert found.due_at is not None


async def test_a_resolved_alert_that_lost_every_race_is_sent_again(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """409 is final for action groups, too."""
    await api.register()
    await api.create()
    body = await sample(api, "alert-metric-static.fired.json")
    assert (await api.call("POST", "alerts", body, token=monitor(api))).status_code == 202
    body["data"]["essentials"]["monitorCondition"] = "Resolved"
    store: Any = api.services.repository._store
    commit = store.commit

    async def late(*_: Any) -> None:
        raise Conflict("UpdateConditionNotSatisfied", "Somebody was faster.")

    monkeypatch.setattr(store, "commit", late)
    assert (await api.call("POST", "alerts", body, token=monitor(api))).status_code == 503
    monkeypatch.setattr(store, "commit", commit)
    assert (await api.call("POST", "alerts", body, token=monitor(api))).status_code == 202
    objects = api.services.objects
    assert objects is not None
    (found,) = (await objects.page(Signal, of_workspace(Signal, "churn-dev"))).values
    assert found.end_told_at is not None


@settings(HURRIED, max_examples=100, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(sorted(ALERTS)).flatmap(lambda name: spoiled(load(name))))
async def test_whatever_comes_is_taken_refused_or_left_alone(api: Api, body: Any) -> None:
    headers = {"Authorization": f"Bearer {monitor(api)}", "Content-Type": JSON}
    content = json.dumps(body)
    answer = await api.client.post("/api/alerts", content=content, headers=headers, params=VERSION)
    assert answer.status_code in (202, 400)
    found = answer.json()
    assert found.get("reason") or found["error"]["message"]
