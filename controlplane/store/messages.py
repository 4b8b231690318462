"""Messages of the work queue: base64, as host.json's ``messageEncoding`` says, and the limits both backends keep.

Source of the limits: https://learn.microsoft.com/azure/storage/queues/scalability-targets.
"""

from __future__ import annotations

import base64

from controlplane.errors import Rejected

#: 64 KiB, of which base64 leaves 48.
MAX_BODY_BYTES = 64 * 1024
MAX_DELAY_SECONDS = 3600.0


def encode(message: str) -> str:
    """The body to send. Raises ``Rejected("MessageTooLarge")``."""
    body = base64.b64encode(message.encode()).decode()
    if len(body) > MAX_BODY_BYTES:
        raise Rejected("MessageTooLarge", f"A message has at most {MAX_BODY_BYTES} bytes in base64.")
    return body


def check_delay(seconds: float) -> float:
    """Returns ``seconds``; raises ``Rejected("OutOfRangeInput")`` unless it is 0 to 3600."""
    if not 0 <= seconds <= MAX_DELAY_SECONDS:
        raise Rejected("OutOfRangeInput", f"A message is delayed by 0 to {MAX_DELAY_SECONDS:.0f} seconds.")
    return seconds
