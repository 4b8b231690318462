"""UrlClock against a real server on loopback."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest

from controlplane.clocks import SystemClock, UrlClock
from controlplane.errors import Fatal, Transient

CENTURY = timedelta(days=36525)
TOLERANCE = timedelta(minutes=1)


@contextmanager
def serving(answer: Callable[[], bytes]) -> Iterator[str]:
    """A server that answers every GET with ``answer()``, or 503 when that is empty."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = answer()
            self.send_response(200 if body else 503)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            del format, args

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/now"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def saying(offset: timedelta) -> bytes:
    return json.dumps({"now": (datetime.now(UTC) + offset).isoformat()}).encode()


def test_the_system_clock_is_aware() -> None:
    assert SystemClock().now().utcoffset() == timedelta(0)


def test_a_url_clock_says_what_the_url_says() -> None:
    with serving(lambda: saying(CENTURY)) as url:
        now = UrlClock(url).now()
    assert now.utcoffset() == timedelta(0)
    assert abs(now - datetime.now(UTC) - CENTURY) < TOLERANCE


def test_it_asks_once_within_the_refresh_time() -> None:
    asked: list[int] = []

    def answer() -> bytes:
        asked.append(1)
        return saying(CENTURY)

    with serving(answer) as url:
        clock = UrlClock(url, refresh_seconds=3600)
        for _ in range(5):
            clock.now()
    assert len(asked) == 1


def test_it_follows_a_clock_that_is_moved() -> None:
    offset = [CENTURY]
    with serving(lambda: saying(offset[0])) as url:
        clock = UrlClock(url, refresh_seconds=0.05)
        clock.now()
        offset[0] = 2 * CENTURY
        # A thread asks; a call looks at its answer when it is there.
        while clock.now() - datetime.now(UTC) < 2 * CENTURY - TOLERANCE:
            pass
        assert abs(clock.now() - datetime.now(UTC) - 2 * CENTURY) < TOLERANCE


def test_who_has_not_looked_for_long_waits_for_the_answer() -> None:
    offset = [CENTURY]
    with serving(lambda: saying(offset[0])) as url:
        clock = UrlClock(url, refresh_seconds=1e-9)
        clock.now()
        offset[0] = 2 * CENTURY
        assert abs(clock.now() - datetime.now(UTC) - 2 * CENTURY) < TOLERANCE


def test_an_answer_that_nobody_took_is_not_taken_for_a_new_one() -> None:
    offset, asked = [CENTURY], list[int]()

    def answer() -> bytes:
        asked.append(1)
        return saying(offset[0])

    with serving(answer) as url:
        clock = UrlClock(url, refresh_seconds=0.05)
        clock.now()
        while len(asked) < 2:
            clock.now()  # one of these asks, and does not wait
        last = time.monotonic()
        offset[0] = 2 * CENTURY
        while time.monotonic() - last < 0.5:
            pass
        assert abs(clock.now() - datetime.now(UTC) - 2 * CENTURY) < TOLERANCE


def test_what_failed_while_nobody_waited_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    bodies, asked = [saying(CENTURY)], list[int]()

    def answer() -> bytes:
        asked.append(1)
        return bodies[0]

    seconds = [0.0]
    monkeypatch.setattr("controlplane.clocks.time", SimpleNamespace(monotonic=lambda: seconds[0]))
    with serving(answer) as url:
        clock = UrlClock(url, refresh_seconds=10)
        clock.now()
        bodies[0], seconds[0] = b"", 15  # older than it may be, and not so old that anybody waits
        while len(asked) < 4:
            assert abs(clock.now() - datetime.now(UTC) - CENTURY) < TOLERANCE
        seconds[0] = 25
        with pytest.raises(Transient):
            clock.now()
        bodies[0] = saying(2 * CENTURY)
        assert abs(clock.now() - datetime.now(UTC) - 2 * CENTURY) < TOLERANCE


def test_no_answer_is_transient_and_asked_again() -> None:
    bodies = [b""]
    with serving(lambda: bodies[0]) as url:
        clock = UrlClock(url, refresh_seconds=3600)
        with pytest.raises(Transient):
            clock.now()
        bodies[0] = saying(CENTURY)
        assert clock.now() - datetime.now(UTC) > CENTURY - TOLERANCE


@pytest.mark.parametrize("body", [b"{}", b"no", b'{"now": 1}', b'{"now": "2026-11-01T00:00:00"}'])
def test_an_answer_that_is_no_time_is_fatal(body: bytes) -> None:
    with serving(lambda: body) as url, pytest.raises(Fatal):
        UrlClock(url).now()


def test_a_file_is_not_a_clock() -> None:
    with pytest.raises(Fatal):
        UrlClock("file:///etc/hostname")
