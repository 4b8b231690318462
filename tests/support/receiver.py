"""A webhook on loopback for Event Grid: it consents as told, and answers with the statuses it was given."""

from __future__ import annotations

import json
import ssl
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support.waiting import until


@dataclass
class Receiver:
    """``consent``: ``code`` answers the handshake, ``silent`` answers 200 without the code, a status answers that.
    ``statuses`` are taken one a delivery, then 200."""

    consent: str | int = "code"
    statuses: deque[int] = field(default_factory=deque)
    deliveries: list[dict[str, Any]] = field(default_factory=list)
    """{"headers", "body"} of every notification, in the order they came."""
    handshakes: list[dict[str, Any]] = field(default_factory=list)
    url: str = ""
    raw: list[bytes] = field(default_factory=list)
    """What came of every request, before it was read."""

    def answer(self, method: str, headers: dict[str, str], body: Any) -> tuple[int, dict[str, str], Any]:
        if method == "OPTIONS":
            self.handshakes.append({"headers": headers, "body": body})
            allowed = {"webhook-allowed-origin": headers.get("webhook-request-origin", "")}
            return 200, allowed if self.consent == "code" else {}, None
        if headers.get("aeg-event-type") == "SubscriptionValidation":
            self.handshakes.append({"headers": headers, "body": body})
            if isinstance(self.consent, int):
                return self.consent, {}, None
            code = body[0]["data"]["validationCode"]
            return 200, {}, {"validationResponse": code} if self.consent == "code" else {}
        self.deliveries.append({"headers": headers, "body": body})
        return (self.statuses.popleft() if self.statuses else 200), {}, None

    def events(self) -> list[dict[str, Any]]:
        """What was delivered, without its envelope's array."""
        return [body[0] if isinstance(body, list) else body for body in (one["body"] for one in self.deliveries)]

    def wait(self, count: int) -> Sequence[dict[str, Any]]:
        """Until so many deliveries have come."""
        until(lambda: len(self.deliveries) >= count, every=0.01, says=lambda: f"{len(self.deliveries)} of {count} came")
        return self.events()


@contextmanager
def receiver(tls: ssl.SSLContext | None = None, **options: Any) -> Iterator[Receiver]:
    """A receiver on a free port; with ``tls`` it speaks https."""
    mine = Receiver(**options)

    class Handler(BaseHTTPRequestHandler):
        def _any(self) -> None:
            raw = self.rfile.read(int(self.headers.get("content-length") or 0))
            mine.raw.append(raw)
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, more, body = mine.answer(self.command, headers, json.loads(raw) if raw else None)
            said = b"" if body is None else json.dumps(body).encode()
            self.send_response(status)
            for name, value in {**more, "content-length": str(len(said))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(said)

        do_POST = do_OPTIONS = _any

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing: the test looks at what came."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    mine.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_address[1]}/hook?code=secret"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield mine
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
