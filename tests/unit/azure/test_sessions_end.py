"""Sockets to Azure are closed when the process's event loop ends, so that a Ctrl-C logs no error."""

from __future__ import annotations

import asyncio
import gc
import logging
import ssl

import pytest

from controlplane.azure import _monitor, _pipeline


@pytest.mark.parametrize("connect", ["arm", "monitor"])
def test_a_session_ends_with_its_loop(connect: str, caplog: pytest.LogCaptureFixture) -> None:
    context = ssl.create_default_context()

    async def opened() -> _pipeline.Connection | _monitor.MonitorConnection:
        if connect == "arm":
            return _pipeline.connect("https://management.azure.com", "client", context)
        return _monitor.connect("client", context)

    with caplog.at_level(logging.ERROR), asyncio.Runner() as runner:
        connection = runner.run(opened())
        assert not connection.session.closed
    assert connection.session.closed
    del connection
    gc.collect()
    assert caplog.records == []


def test_what_was_closed_before_stays_so() -> None:
    async def closed() -> _pipeline.Connection:
        found = _pipeline.connect("https://management.azure.com", "client", ssl.create_default_context())
        await found.session.close()
        return found

    with asyncio.Runner() as runner:
        connection = runner.run(closed())
    assert connection.session.closed
