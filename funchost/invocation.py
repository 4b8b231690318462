"""Calling an indexed function as the Python worker does: async ones on the event loop, others in a thread pool."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from azure.functions.meta import Datum

from funchost.functions import Function, converter

_log = logging.getLogger("funchost.invocation")


@dataclass(frozen=True, slots=True)
class TraceContext:
    """``context.trace_context``: W3C trace context."""

    trace_parent: str = field(default_factory=lambda: f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-00")
    trace_state: str = ""
    attributes: dict[str, str] = field(default_factory=dict)

    @property
    def Traceparent(self) -> str:  # noqa: N802 - the worker has the old names too
        return self.trace_parent

    @property
    def Tracestate(self) -> str:  # noqa: N802
        return self.trace_state

    @property
    def Attributes(self) -> dict[str, str]:  # noqa: N802
        return self.attributes


@dataclass(frozen=True, slots=True)
class RetryContext:
    """``context.retry_context``; no function here has a retry policy."""

    retry_count: int = 0
    max_retry_count: int = 0
    exception: object = None


@dataclass(frozen=True, slots=True)
class Context:
    """``azure.functions.Context`` with the worker's attributes."""

    invocation_id: str
    function_name: str
    function_directory: Path
    thread_local_storage: threading.local
    trace_context: TraceContext
    retry_context: RetryContext


class TimedOut(Exception):
    """A function ran longer than ``functionTimeout``."""


class Invoker:
    """Calls functions of one process; ``timeout`` is host.json's ``functionTimeout`` in seconds."""

    def __init__(self, timeout: float | None) -> None:
        self._timeout = timeout
        # The worker's default is ThreadPoolExecutor's own: min(32, processors + 4).
        count = os.environ.get("PYTHON_THREADPOOL_THREAD_COUNT")
        self._threads = ThreadPoolExecutor(int(count) if count else None, thread_name_prefix="function")
        self._storage = threading.local()

    async def invoke(self, function: Function, data: Datum, metadata: dict[str, Datum], reason: str) -> Any:
        """Builds the trigger's object with its own converter, calls the function and returns what it returned.

        Raises whatever the function raised, or ``TimedOut``.
        """
        invocation_id = str(uuid.uuid4())
        level = logging.DEBUG if function.kind == "http" else logging.INFO
        _log.log(level, "Executing 'Functions.%s' (Reason='%s', Id=%s)", function.name, reason, invocation_id)
        started = time.monotonic()
        try:
            decode = converter(str(function.trigger["type"])).decode
            arguments = {function.parameter: decode(data, trigger_metadata=metadata)}
            if function.requires_context:
                arguments["context"] = self._context(function, invocation_id)
            result = await self._call(function, arguments, invocation_id)
        except BaseException as error:
            _log.error(
                "Executed 'Functions.%s' (Failed, Id=%s, Duration=%dms)",
                function.name,
                invocation_id,
                _milliseconds(started),
                exc_info=error if isinstance(error, Exception) else None,
            )
            raise
        _log.log(
            level,
            "Executed 'Functions.%s' (Succeeded, Id=%s, Duration=%dms)",
            function.name,
            invocation_id,
            _milliseconds(started),
        )
        return result

    def _context(self, function: Function, invocation_id: str) -> Context:
        return Context(
            invocation_id=invocation_id,
            function_name=function.name,
            function_directory=function.directory,
            thread_local_storage=self._storage,
            trace_context=TraceContext(),
            retry_context=RetryContext(),
        )

    async def _call(self, function: Function, arguments: dict[str, Any], invocation_id: str) -> Any:
        try:
            async with asyncio.timeout(self._timeout) as limit:
                if function.is_async:
                    return await function.call(**arguments)
                loop = asyncio.get_running_loop()
                return await loop.run_in_executor(self._threads, self._in_thread, function, arguments, invocation_id)
        except TimeoutError as error:
            if limit.expired():
                raise TimedOut(f"{function.name} ran longer than {self._timeout} s") from error
            raise

    def _in_thread(self, function: Function, arguments: dict[str, Any], invocation_id: str) -> Any:
        self._storage.invocation_id = invocation_id
        try:
            return function.call(**arguments)
        finally:
            self._storage.invocation_id = None


def _milliseconds(started: float) -> int:
    return round(1000 * (time.monotonic() - started))
