"""A queue trigger's listener: batches, renewal, release, poison queue and polling delays of the real one.

After ``QueueListener`` and ``QueueProcessor`` of Microsoft.Azure.WebJobs.Extensions.Storage 5
(https://github.com/Azure/azure-sdk-for-net, sdk/storage).
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from azure.functions.meta import Datum

from funchost.functions import Function
from funchost.host_json import QueueSettings
from funchost.invocation import Invoker, TimedOut
from funchost.queues import POISON_SUFFIX, Message, Queue, QueueUnavailable

_log = logging.getLogger("funchost.queue")

#: How long a message is hidden while its function runs; renewed when half of it is over.
LEASE_SECONDS = 600.0
#: ``QueuePollingIntervals.Minimum``: the first delay after an empty poll.
_FIRST_DELAY = 0.1


class PollingDelay:
    """``RandomizedExponentialBackoffStrategy``: doubles from 100 ms, ± 20 %, up to ``maxPollingInterval``."""

    def __init__(self, longest: float, rng: random.Random | None = None) -> None:
        self._longest = longest
        self._rng = rng or random.Random()  # noqa: S311 - spreads polls, keeps no secret
        self._exponent = 0
        self._current = 0.0

    def next(self, found: bool) -> float:
        """Seconds to wait; ``found`` says whether a message came since the last wait."""
        if found:
            self._current, self._exponent = _FIRST_DELAY, 1
        elif self._current != self._longest:
            delay = _FIRST_DELAY
            if self._exponent > 0:
                delay += self._rng.uniform(0.8, 1.2) * 2.0 ** (self._exponent - 1) * _FIRST_DELAY
            self._current = min(delay, self._longest)
            self._exponent += 1
        return self._current


@dataclass
class _Held:
    """A message in work and its latest receipt."""

    message: Message


class QueueListener:
    """Takes messages for one function until it is stopped. ``timed_out`` is called when the function ran too long."""

    def __init__(
        self,
        function: Function,
        settings: QueueSettings,
        messages: Queue,
        invoker: Invoker,
        timed_out: Callable[[], None],
        lease_seconds: float = LEASE_SECONDS,
    ) -> None:
        self._function = function
        self._queue = str(function.trigger["queueName"])
        self._settings = settings
        self._messages = messages
        self._invoker = invoker
        self._timed_out = timed_out
        self._lease_seconds = lease_seconds
        self._delay = PollingDelay(settings.max_polling_interval)
        self._running: set[asyncio.Task[None]] = set()

    async def run(self, stop: asyncio.Event) -> None:
        """Polls until ``stop`` is set, then waits for the functions that run."""
        found = False
        while not stop.is_set():
            batch = await self._poll()
            if batch:
                found = True
                for message in batch:
                    task = asyncio.create_task(self._process(message))
                    self._running.add(task)
                    task.add_done_callback(self._running.discard)
                await self._wait_for_new_batch_threshold()
            else:
                await _wait(stop, self._delay.next(found))
                found = False
        if self._running:
            await asyncio.wait(self._running)

    async def _poll(self) -> tuple[Message, ...]:
        try:
            return await self._messages.receive(self._settings.batch_size, self._lease_seconds)
        except QueueUnavailable as error:
            # As after a server error of Azure Storage: wait a little longer each time, and ask again.
            _log.warning("the queue %s cannot be read: %s", self._queue, error)
            return ()

    async def _wait_for_new_batch_threshold(self) -> None:
        while len(self._running) > self._settings.new_batch_threshold:
            await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)

    async def _process(self, message: Message) -> None:
        try:
            if message.dequeue_count > self._settings.max_dequeue_count:
                await self._poison(message)
                return
            text = self._decode(message)
            if text is None:
                _log.error("message %s of %s is not base64; it goes to the poison queue", message.id, self._queue)
                await self._poison(message)
                return
            await self._run_function(message, text)
        except QueueUnavailable as error:
            # The message stays hidden until its lease ends, and comes again then.
            _log.error("message %s of %s could not be settled: %s", message.id, self._queue, error)

    async def _run_function(self, message: Message, text: str) -> None:
        held, done = _Held(message), asyncio.Event()
        renewal = asyncio.create_task(self._renew(held, done))
        succeeded, timed_out = False, False
        try:
            reason = f"New queue message detected on '{self._queue}'."
            await self._invoker.invoke(
                self._function, Datum(text, "string"), _metadata(message, self._queue, text), reason
            )
            succeeded = True
        except TimedOut:
            timed_out = True
        except Exception:  # noqa: BLE001, S110 - the edge: a failure is the message's fate; the invoker has logged it
            pass
        finally:
            done.set()
            await renewal
        await self._settle(held.message, succeeded)
        if timed_out:
            self._timed_out()

    async def _renew(self, held: _Held, done: asyncio.Event) -> None:
        while not await _wait(done, self._lease_seconds / 2):
            try:
                renewed = await self._messages.hide(held.message, self._lease_seconds)
            except QueueUnavailable as error:
                _log.warning("message %s of %s could not be renewed: %s", held.message.id, self._queue, error)
                continue
            if renewed is None:
                return
            held.message = renewed

    async def _settle(self, message: Message, succeeded: bool) -> None:
        if succeeded:
            await self._messages.delete(message)
        elif self._queue.endswith(POISON_SUFFIX):
            # A poison queue has no poison queue (``CreatePoisonQueueReference``); the message stays hidden until its
            # lease ends, so that it does not fail in a fast circle.
            return
        elif message.dequeue_count >= self._settings.max_dequeue_count:
            await self._poison(message)
        else:
            await self._messages.hide(message, self._settings.visibility_timeout)

    async def _poison(self, message: Message) -> None:
        if self._queue.endswith(POISON_SUFFIX):
            return
        _log.warning(
            "Message has reached MaxDequeueCount of %d. Moving message to queue '%s-poison'.",
            self._settings.max_dequeue_count,
            self._queue,
        )
        await self._messages.poison(message)

    def _decode(self, message: Message) -> str | None:
        if not self._settings.base64:
            return message.body
        try:
            return base64.b64decode(message.body, validate=True).decode("utf-8", errors="replace")
        except binascii.Error:
            return None


def _metadata(message: Message, queue: str, text: str) -> dict[str, Datum]:
    """Trigger metadata as the host sends it: .NET values as JSON."""
    values: dict[str, Any] = {
        "DequeueCount": message.dequeue_count,
        "ExpirationTime": _moment(message.expires_at),
        "InsertionTime": _moment(message.inserted_at),
        "NextVisibleTime": _moment(message.visible_at),
    }
    return {
        **{name: Datum(json.dumps(value), "json") for name, value in values.items()},
        "Id": Datum(message.id, "string"),
        "PopReceipt": Datum(message.pop_receipt, "string"),
        "QueueTrigger": Datum(text, "string"),
    }


def _moment(seconds: float) -> str:
    """Storage's times have whole seconds."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


async def _wait(event: asyncio.Event, seconds: float) -> bool:
    """True when ``event`` was set within ``seconds``."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
