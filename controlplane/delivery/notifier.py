"""Channels and their secrets → POSTs. Implements ``ports.notify.Notifier``."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr, ValidationError

from controlplane.delivery.sender import HttpSender, Outgoing
from controlplane.errors import Fatal
from controlplane.notifications.channels import Channel, ChannelKind, ChannelSecret
from controlplane.notifications.model import Notification
from controlplane.notifications.render import cloud_event, encoded, teams_card
from controlplane.notifications.signing import key_bytes, signed

if TYPE_CHECKING:
    import ssl

_BAD = "SettingInvalid"
#: "Publish events to Azure Event Grid custom topics"; one event, as azure-eventgrid sends CloudEvents.
_EVENT = "application/cloudevents+json; charset=utf-8"
_TOPIC_VERSION = "api-version=2018-01-01"


def secrets_of(text: SecretStr | None) -> Mapping[str, ChannelSecret]:
    """The setting, read. Raises ``Fatal``, which tells the place and never the value."""
    if text is None or not text.get_secret_value().strip():
        return {}
    try:
        found: Any = json.loads(text.get_secret_value())
        return {str(name): ChannelSecret.model_validate(one) for name, one in found.items()}
    except ValidationError as error:
        where = ".".join(map(str, error.errors(include_input=False, include_context=False)[0]["loc"]))
        raise Fatal(_BAD, f"CONTROLPLANE_CHANNEL_SECRETS: {where} is not what it should be.") from None
    except (ValueError, AttributeError):
        raise Fatal(_BAD, "CONTROLPLANE_CHANNEL_SECRETS is no JSON object of objects.") from None


class ChannelNotifier:
    """``topic_token(url)`` gives the bearer token for a topic, or raises ``Fatal`` for a host that gets none."""

    def __init__(
        self,
        channels: tuple[Channel, ...],
        secrets: Mapping[str, ChannelSecret],
        topic_token: Callable[[str], Awaitable[str]],
        context: ssl.SSLContext | None = None,
    ) -> None:
        self.channels = channels
        self._topic_token = topic_token
        names = [one.name for one in channels]
        if len(set(names)) != len(names):
            raise Fatal(_BAD, "CONTROLPLANE_CHANNELS: two channels have one name.")
        self._urls = {one.name: _url(one, secrets.get(one.name)) for one in channels}
        self._keys = {one.name: _keys(one, secrets.get(one.name)) for one in channels}
        self._sender = HttpSender(frozenset(self._urls.values()), context)

    async def send(self, channel: Channel, notification: Notification, now: datetime) -> None:
        await self._sender.post(await self._outgoing(channel, notification, now))

    async def close(self) -> None:
        """Closes the sockets."""
        await self._sender.close()

    async def _outgoing(self, channel: Channel, notification: Notification, now: datetime) -> Outgoing:
        url = self._urls[channel.name]
        match channel.kind:
            case ChannelKind.WEBHOOK:
                body = encoded(cloud_event(notification))
                return Outgoing(url, signed(notification.id, now, body, self._keys[channel.name]), body)
            case ChannelKind.TEAMS:
                return Outgoing(url, {}, encoded(teams_card(notification)))
            case ChannelKind.EVENT_GRID:
                headers = {"Authorization": f"Bearer {await self._topic_token(url)}", "Content-Type": _EVENT}
                target = url if "?" in url else f"{url}?{_TOPIC_VERSION}"
                return Outgoing(target, headers, encoded(cloud_event(notification)))


def _url(channel: Channel, secret: ChannelSecret | None) -> str:
    found = secret.url.get_secret_value() if secret and secret.url else channel.url
    if found is None or not found.startswith("https://"):
        raise Fatal(_BAD, f"Channel {channel.name!r} has no https URL, neither of its own nor with its secrets.")
    return found


def _keys(channel: Channel, secret: ChannelSecret | None) -> tuple[bytes, ...]:
    if channel.kind is not ChannelKind.WEBHOOK:
        return ()
    keys = secret.keys if secret else ()
    if not keys:
        raise Fatal(_BAD, f"Channel {channel.name!r} has no key to sign with.")
    try:
        return tuple(key_bytes(one.get_secret_value()) for one in keys)
    except ValueError as error:
        raise Fatal(_BAD, f"Channel {channel.name!r}: {error}.") from error
