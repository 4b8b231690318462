"""Where notifications go: channels of the settings, each with what it wants to hear. Pure.

A channel's secrets are not part of it, so that it can be shown: they come in a setting of their own, which may be a
reference to a vault.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field, SecretStr, StringConstraints
from pydantic.alias_generators import to_camel

from controlplane.notifications.model import Notification
from controlplane.operations.model import Model
from controlplane.retraining.signal import Severity


class ChannelKind(StrEnum):
    WEBHOOK = "webhook"
    """A POST that is signed (Standard Webhooks)."""
    TEAMS = "teams"
    """An Adaptive Card to the URL of a workflow, which is a secret itself."""
    EVENT_GRID = "eventGrid"
    """A CloudEvent to a custom topic, by the operator's identity."""


class Audience(StrEnum):
    """Who monitoring is for (S3-83)."""

    DATA_SCIENTISTS = "dataScientists"
    STAKEHOLDERS = "stakeholders"
    PROJECT_LEAD = "projectLead"
    PROJECT_OWNER = "projectOwner"
    SUPPORT = "support"
    CICD = "cicd"
    MONITORING = "monitoring"


class Channel(Model):
    """One of ``CONTROLPLANE_CHANNELS``. What is not narrowed, it hears all of."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
    kind: ChannelKind
    url: Annotated[str, StringConstraints(pattern=r"^https://[^\s\\@]{1,2000}$")] | None = Field(
        default=None, description="https only; absent: it stands with the channel's secrets."
    )
    types: tuple[str, ...] = Field(default=(), description="Types, or what they begin with.")
    projects: tuple[str, ...] = ()
    audiences: tuple[Audience, ...] = ()
    minimum_severity: Severity = Severity.LOW


class ChannelSecret(Model):
    """Of one channel, in ``CONTROLPLANE_CHANNEL_SECRETS``: a JSON object by channel's name. While keys are changed
    there are two: the new one first, and each body is signed with both."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True, hide_input_in_errors=True
    )

    url: SecretStr | None = None
    keys: tuple[SecretStr, ...] = Field(default=(), max_length=2)


@dataclass(frozen=True, slots=True)
class Heard:
    """Whom a type is for."""

    audiences: frozenset[Audience]
    requirements: tuple[str, ...] = ()


_ALL = frozenset(Audience)
_S, _D, _L = Audience.SUPPORT, Audience.DATA_SCIENTISTS, Audience.PROJECT_LEAD
_O, _H, _C, _M = Audience.PROJECT_OWNER, Audience.STAKEHOLDERS, Audience.CICD, Audience.MONITORING
#: What a type begins with → its audiences; the longest that fits. What no row names everybody hears.
AUDIENCES: Mapping[str, Heard] = {
    "ControlPlane.Retraining.Notify": Heard(frozenset({_D, _L, _M}), ("S3-36",)),
    "ControlPlane.Retraining.AwaitApproval": Heard(frozenset({_L, _O, _M})),
    "ControlPlane.Retraining.Ask": Heard(frozenset({_O, _L, _M})),
    "ControlPlane.Retraining.Annotate": Heard(frozenset({_D, _L, _M})),
    "ControlPlane.Retraining.Remediate": Heard(frozenset({_S, _L, _M})),
    "ControlPlane.Retraining": Heard(frozenset({_D, _L, _H, _M}), ("S3-83",)),
    "ControlPlane.Promotion": Heard(frozenset({_D, _L, _H, _C, _M})),
    "ControlPlane.Expiry": Heard(frozenset({_O, _L, _D, _M}), ("S3-107",)),
    "ControlPlane.Task": Heard(frozenset({_S, _D, _L, _M})),
}
_ORDER = (Severity.LOW, Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL)


def audiences_of(type_: str) -> frozenset[Audience]:
    """Whom a notification of this type is for."""
    fitting = [prefix for prefix in AUDIENCES if type_ == prefix or type_.startswith(f"{prefix}.")]
    return AUDIENCES[max(fitting, key=len)].audiences if fitting else _ALL


def audience(notification: Notification) -> frozenset[Audience]:
    """Whom a notification is for: who was chosen, and what polls for everything; else by its type."""
    chosen = frozenset(one for one in Audience if one in notification.audiences)
    return chosen | {_M} if chosen else audiences_of(notification.type)


def wants(channel: Channel, notification: Notification) -> bool:
    """Whether it goes there."""
    if channel.projects and notification.project not in channel.projects:
        return False
    if channel.types and not any(
        notification.type == one or notification.type.startswith(f"{one}.") for one in channel.types
    ):
        return False
    if channel.audiences and not audience(notification) & set(channel.audiences):
        return False
    return _ORDER.index(notification.severity) >= _ORDER.index(channel.minimum_severity)
