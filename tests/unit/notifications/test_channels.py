"""Notifications leave the house: signed, to the hosts of the settings only, until each channel has taken them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import ssl
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from controlplane.azure.topics import TopicTokens
from controlplane.delivery.notifier import ChannelNotifier, secrets_of
from controlplane.errors import Fatal, Rejected, Transient
from controlplane.notifications.channels import AUDIENCES, Audience, Channel, wants
from controlplane.notifications.model import Notification
from controlplane.notifications.signing import key_bytes, signed
from controlplane.notifications.tick import pause
from controlplane.retraining.monitors.callbacks import Callbacks
from controlplane.retraining.parts import parts
from simulator.server.run import certificates
from tests.support.receiver import Receiver, receiver
from tests.support.retraining_world import RetrainingWorld

NEW, OLD = (base64.b64encode(bytes([n]) * 32).decode() for n in (1, 2))
NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
HOSTILE = "[click](https://evil.example) <b>bold</b> **x**"


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Of a server, and of a client that knows it."""
    authority, server = certificates(tmp_path_factory.mktemp("tls"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server)
    return context, ssl.create_default_context(cafile=str(authority))


@pytest.fixture
def there(tls: tuple[ssl.SSLContext, ssl.SSLContext]) -> Iterator[Receiver]:
    with receiver(tls[0]) as running:
        yield running


def notification(**changes: Any) -> Notification:
    about = {"id": "n-1", "workspace": "ws", "project": "churn", "type": "ControlPlane.Retraining.Notify"}
    said = {"subject": "workspaces/ws/models/churn", "title": "Drift", "text": HOSTILE, "facts": {"decision": "d-1"}}
    return Notification.model_validate({**about, **said, "due_at": NOW, "created_at": NOW, **changes})


async def token(url: str) -> str:
    return "a-token"


def notifier(
    tls: tuple[ssl.SSLContext, ssl.SSLContext], url: str, kind: str = "webhook", **changes: Any
) -> ChannelNotifier:
    secret = {"url": url, "keys": [f"whsec_{NEW}", OLD] if kind == "webhook" else []}
    channel = Channel.model_validate({"name": "ops", "kind": kind, **changes})
    return ChannelNotifier((channel,), secrets_of(SecretStr(json.dumps({"ops": secret}))), token, tls[1])


async def sent(made: ChannelNotifier, what: Notification) -> None:
    try:
        await made.send(made.channels[0], what, NOW)
    finally:
        await made.close()


async def test_a_webhook_is_signed_with_both_keys_while_they_are_changed(tls: Any, there: Receiver) -> None:
    await sent(notifier(tls, there.url), notification())
    (delivery,), (raw,) = there.deliveries, there.raw
    headers = delivery["headers"]
    assert (headers["webhook-id"], headers["webhook-timestamp"]) == ("n-1", str(int(NOW.timestamp())))
    content = b".".join((b"n-1", headers["webhook-timestamp"].encode(), raw))
    expected = [
        "v1," + base64.b64encode(hmac.new(base64.b64decode(key), content, hashlib.sha256).digest()).decode()
        for key in (NEW, OLD)
    ]
    assert headers["webhook-signature"].split() == expected
    event = delivery["body"]
    assert (event["id"], event["type"], event["specversion"]) == ("n-1", "ControlPlane.Retraining.Notify", "1.0")


async def test_a_signature_is_of_its_body_id_and_time(tls: Any, there: Receiver) -> None:
    """A recorded one does not fit another body, another id, or a later time."""
    made = notifier(tls, there.url)
    try:
        for what, at in ((notification(), NOW), (notification(id="n-2"), NOW), (notification(), NOW + timedelta(1))):
            await made.send(made.channels[0], what, at)
        await made.send(made.channels[0], notification(title="Other"), NOW)
    finally:
        await made.close()
    assert len({one["headers"]["webhook-signature"] for one in there.deliveries}) == 4


async def test_the_published_example_of_the_standard() -> None:
    """Standard Webhooks' own test vector (libraries' tests, ``test_sign_function``)."""
    key = key_bytes("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    at = datetime.fromtimestamp(1614265330, UTC)
    headers = signed("msg_p5jXN8AQM9LWM0D4loKWxJek", at, b'{"test": 2432232314}', [key])
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


async def test_a_card_shows_texts_as_they_are(tls: Any, there: Receiver) -> None:
    """What others wrote into a signal is no link and no format in a channel of people."""
    await sent(notifier(tls, there.url, "teams"), notification(link="https://portal.example/x"))
    (message,) = there.events()
    card = message["attachments"][0]["content"]
    runs = [run for block in card["body"] for run in block["inlines"]]
    assert {block["type"] for block in card["body"]} == {"RichTextBlock"}
    assert HOSTILE in [run["text"] for run in runs]
    assert [action["url"] for action in card["actions"]] == ["https://portal.example/x"]


async def test_a_topic_gets_a_cloud_event_by_identity(tls: Any, there: Receiver) -> None:
    await sent(notifier(tls, there.url, "eventGrid"), notification())
    (delivery,) = there.deliveries
    assert delivery["headers"]["authorization"] == "Bearer a-token"
    assert delivery["headers"]["content-type"].startswith("application/cloudevents+json")
    assert delivery["body"]["source"] == "/controlplane/workspaces/ws"


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/api/events",
        "https://t.westeurope-1.eventgrid.azure.net.evil.example/api/events",
        "http://t.westeurope-1.eventgrid.azure.net/api/events",
        "https://eventgrid.azure.net/api/events",
    ],
)
async def test_no_token_for_anybody_else(url: str) -> None:
    with pytest.raises(Fatal) as caught:
        await TopicTokens("client", "AzureCloud").token(url)
    assert caught.value.code == "UnexpectedHost"


@pytest.mark.parametrize(
    ("status", "error"),
    [(302, Rejected), (400, Rejected), (401, Rejected), (408, Transient), (429, Transient), (503, Transient)],
)
async def test_what_a_receiver_answers(tls: Any, there: Receiver, status: int, error: type[Exception]) -> None:
    there.statuses.append(status)
    with pytest.raises(error):
        await sent(notifier(tls, there.url), notification())
    assert len(there.deliveries) == 1, "nothing is followed, and nothing repeated out of sight"


async def test_no_secret_is_in_an_error_or_a_log(tls: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    made = notifier(tls, "https://127.0.0.1:9/hook?sig=very-secret")
    with pytest.raises(Transient) as caught:
        await sent(made, notification())
    told = f"{caught.value!r} {caught.value.__cause__!r} {made.channels!r} {caplog.text}"
    assert "very-secret" not in told
    assert NEW not in told


@pytest.mark.parametrize(
    "secrets",
    [
        "not json " + NEW,
        json.dumps([NEW]),
        json.dumps({"ops": {"keys": [NEW], "key": NEW}}),
        json.dumps({"ops": {"keys": [NEW[:8]], "url": "https://a.example"}}),
        json.dumps({"ops": {"keys": [], "url": "https://a.example"}}),
        json.dumps({"ops": {"keys": [NEW], "url": f"http://a.example/{NEW}"}}),
        json.dumps({}),
    ],
)
def test_settings_that_cannot_work_are_refused_without_being_repeated(secrets: str) -> None:
    with pytest.raises(Fatal) as caught:
        ChannelNotifier(
            (Channel.model_validate({"name": "ops", "kind": "webhook"}),), secrets_of(SecretStr(secrets)), token
        )
    assert caught.value.code == "SettingInvalid"
    assert NEW[:8] not in f"{caught.value!r} {caught.value.__cause__!r}"


def test_a_channel_hears_what_it_asked_for() -> None:
    what = notification(severity="medium")
    assert wants(Channel.model_validate({"name": "a", "kind": "teams"}), what)
    for part, fits, other in (
        ("types", ["ControlPlane.Retraining"], ["ControlPlane.Promotion", "ControlPlane.Retraining.Not"]),
        ("projects", ["churn"], ["fraud"]),
        ("audiences", ["dataScientists"], ["support"]),
    ):
        assert wants(Channel.model_validate({"name": "a", "kind": "teams", part: fits}), what), part
        assert not wants(Channel.model_validate({"name": "a", "kind": "teams", part: other}), what), part
    for severity, heard in (("low", True), ("medium", True), ("high", False), ("critical", False)):
        assert wants(Channel.model_validate({"name": "a", "kind": "teams", "minimumSeverity": severity}), what) is heard


@pytest.mark.parametrize("requirement", ["S3-83"])
def test_create(requirement: str) -> None:
    """Every audience of the monitoring is told of decisions, and of how a retraining ended."""
    registered = {one for row in AUDIENCES.values() if requirement in row.requirements for one in row.audiences}
    assert registered
    reached = {one for row in AUDIENCES.values() for one in row.audiences}
    assert reached == set(Audience)


@pytest.mark.parametrize("requirement", ["S3-36"])
def test_react(requirement: str) -> None:
    """Drift that retrains nothing goes back to the inner loop: to who investigates, and not to everybody."""
    what = notification(type="ControlPlane.Retraining.Notify")
    teams = {one: Channel.model_validate({"name": "a", "kind": "teams", "audiences": [one]}) for one in Audience}
    heard = {one for one, channel in teams.items() if wants(channel, what)}
    assert heard == {Audience.DATA_SCIENTISTS, Audience.PROJECT_LEAD, Audience.MONITORING}, requirement


# -- the tick ----------------------------------------------------------------------------------------------------------


class Channels:
    """``ports.notify.Notifier``: answers as it is told, and keeps what it took."""

    def __init__(self, *names: str) -> None:
        self.channels = tuple(Channel.model_validate({"name": name, "kind": "teams"}) for name in names)
        self.taken: list[tuple[str, str]] = []
        self.broken: dict[str, Exception] = {}

    async def send(self, channel: Channel, notification: Notification, now: datetime) -> None:
        if channel.name in self.broken:
            raise self.broken[channel.name]
        self.taken.append((channel.name, notification.id))


async def told(world: RetrainingWorld) -> Notification:
    return (await world.objects.require(Notification, "n-1")).value


async def test_one_broken_channel_holds_up_no_other_and_is_tried_for_a_day() -> None:
    channels = Channels("good", "bad")
    channels.broken["bad"] = Rejected("ReceiverRefused", "It answered 401.", status=401)
    world = RetrainingWorld(notifier=channels)
    await world.begin()
    begun = world.clock.now()
    await world.add(notification(due_at=begun, created_at=begun))
    await world.tick()
    found = await told(world)
    assert (found.sent, found.failed) == (("good",), {"bad": "ReceiverRefused: It answered 401."})
    while (found := await told(world)).due_at is not None:
        world.clock.advance((found.due_at - world.clock.now()).total_seconds())
        await world.tick()
    assert channels.taken == [("good", "n-1")]
    assert (found.given_up, found.failed) == (("bad",), {"bad": "ReceiverRefused: It answered 401."})
    assert timedelta(hours=23) < world.clock.now() - begun <= timedelta(hours=24)
    assert 25 < found.attempts < 40


async def test_it_is_taken_when_the_channel_is_back() -> None:
    channels = Channels("ops")
    channels.broken["ops"] = Transient("ReceiverBusy", "It answered 503.", retry_after=600)
    world = RetrainingWorld(notifier=channels)
    await world.begin()
    await world.add(notification(due_at=world.clock.now(), created_at=world.clock.now()))
    await world.tick()
    assert (await told(world)).due_at == world.clock.now() + timedelta(seconds=600)
    channels.broken.clear()
    world.clock.advance(600)
    await world.tick()
    found = await told(world)
    assert (found.sent, found.failed, found.due_at, found.attempts) == (("ops",), {}, None, 2)


async def test_without_channels_it_is_listed_and_at_rest() -> None:
    world = RetrainingWorld()
    await world.begin()
    await world.add(notification(due_at=world.clock.now(), created_at=world.clock.now()))
    assert await world.tick() == 1
    assert (await told(world)).due_at is None


def test_pauses_grow_to_an_hour() -> None:
    assert [pause(n).total_seconds() for n in (1, 2, 3, 9, 10, 1000)] == [10, 20, 40, 2560, 3600, 3600]


_HERE = Callbacks(alerts_url="https://cp.example.test/root/api/alerts")


@pytest.mark.parametrize(
    ("calls", "link", "address"),
    [
        (_HERE, "/api/tasks/ws.1", "https://cp.example.test/root/api/tasks/ws.1?api-version=2026-11-01"),
        (_HERE, None, None),
        (_HERE, "https://ml.azure.com/runs/rt-1", "https://ml.azure.com/runs/rt-1"),
        (_HERE, "https://evil.example/runs/rt-1", None),
        (_HERE, "//evil.example/api/", None),
        (Callbacks(), "/api/tasks/ws.1", None),
        (Callbacks(alerts_url="https://cp.example.test/else"), "/api/tasks/ws.1", None),
    ],
)
def test_what_is_told_of_has_an_address_in_the_api(calls: Callbacks, link: str | None, address: str | None) -> None:
    assert calls.address(link) == address


async def test_channels_get_the_whole_address(tls: tuple[ssl.SSLContext, ssl.SSLContext], there: Receiver) -> None:
    world = RetrainingWorld()
    await world.begin()
    made = notifier(tls, there.url)
    world.deps = replace(world.deps, notifier=made, callbacks=_HERE)
    world.machines = replace(world.machines, parts=parts(world.deps))
    try:
        await world.add(notification(due_at=world.clock.now(), link="/api/tasks/ws.1"))
        await world.tick()
    finally:
        await made.close()
    (delivery,) = there.deliveries
    assert delivery["body"]["data"]["link"] == "https://cp.example.test/root/api/tasks/ws.1?api-version=2026-11-01"
    assert (await world.objects.require(Notification, "n-1")).value.link == "/api/tasks/ws.1"
