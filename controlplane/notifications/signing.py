"""Signatures of webhooks, so that a receiver knows who speaks, what was said, and when. Pure.

Standard Webhooks 1.0.0 (github.com/standard-webhooks/standard-webhooks, spec): HMAC-SHA256 over
``{id}.{timestamp}.{body}``, base64, ``v1,`` before it; several signatures stand in one header, so that a key can be
changed without a gap. A receiver refuses timestamps more than five minutes away and ids it has seen: a copy that
somebody recorded is worth nothing.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime

PREFIX = "whsec_"
MIN_BYTES, MAX_BYTES = 24, 64


def key_bytes(secret: str) -> bytes:
    """Raises ``ValueError``, which does not repeat the secret."""
    try:
        found = base64.b64decode(secret.strip().removeprefix(PREFIX), validate=True)
    except binascii.Error:
        raise ValueError("a webhook's key is whsec_ and base64") from None
    if not MIN_BYTES <= len(found) <= MAX_BYTES:
        raise ValueError(f"a webhook's key has {MIN_BYTES} to {MAX_BYTES} bytes, not {len(found)}")
    return found


def signed(message_id: str, at: datetime, body: bytes, keys: Sequence[bytes]) -> Mapping[str, str]:
    """Headers for a body. A repetition has the same id and its own time."""
    stamp = str(int(at.timestamp()))
    content = b".".join((message_id.encode(), stamp.encode(), body))
    signatures = [base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode() for key in keys]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": stamp,
        "webhook-signature": " ".join(f"v1,{one}" for one in signatures),
    }
