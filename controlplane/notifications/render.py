"""A notification as each kind of channel takes it. Pure; texts may hold what others wrote, and stay plain.

Sources: CloudEvents 1.0.2 (JSON format); learn.microsoft.com, "Create incoming webhooks with Workflows for Microsoft
Teams" (the message with an Adaptive Card); adaptivecards.io, TextRun ("Markdown is not supported").
"""

from __future__ import annotations

import json
from typing import Any

from controlplane.json_types import JsonObject
from controlplane.notifications.channels import audience
from controlplane.notifications.model import Notification

#: Of the content that a reader may rely on.
DATA_VERSION = "1.0"


def cloud_event(notification: Notification) -> JsonObject:
    """One event; its ``id`` is the notification's, so that a copy is known as one."""
    return {
        "specversion": "1.0",
        "id": notification.id,
        "source": f"/controlplane/workspaces/{notification.workspace}",
        "type": notification.type,
        "subject": notification.subject,
        "time": notification.created_at.isoformat(),
        "datacontenttype": "application/json",
        "data": data_of(notification),
    }


def data_of(notification: Notification) -> JsonObject:
    """What is said."""
    return {
        "dataVersion": DATA_VERSION,
        "workspace": notification.workspace,
        "project": notification.project,
        "severity": notification.severity.value,
        "audiences": sorted(audience(notification)),
        "title": notification.title,
        "text": notification.text,
        "link": notification.link,
        "facts": dict(notification.facts),
    }


def teams_card(notification: Notification) -> JsonObject:
    """The message of a workflow "when a Teams webhook request is received"."""
    blocks: list[Any] = [
        _block(notification.title, weight="Bolder", size="Medium"),
        *([_block(notification.text)] if notification.text else []),
    ]
    about = {"workspace": notification.workspace, "project": notification.project, **notification.facts}
    blocks += [_block(f"{name}: {value}", size="Small") for name, value in about.items()]
    card: dict[str, Any] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": blocks,
    }
    if notification.link is not None and notification.link.startswith("https://"):
        card["actions"] = [{"type": "Action.OpenUrl", "title": "Open", "url": notification.link}]
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}


def encoded(body: Any) -> bytes:
    """What is sent, and what is signed."""
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()


def _block(text: str, **looks: str) -> JsonObject:
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": text, **looks}]}
