"""Action groups at work: webhooks are called, again when they do not take a notice, and left alone for a while then.

Source: learn.microsoft.com, "Action groups": up to five more attempts after 5, 20, 5, 40 and 5 seconds on 408, 429,
503, 504 and when there is no answer; then no call to the endpoint for 15 minutes. Every other status is final. Secure
webhooks get a token of Azure Monitor's own application. Only loopback URLs are reached; what is under way is forgotten
by a restart.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

import httpx

from simulator.engine.hooks import JsonObject
from simulator.faults import Faults
from simulator.planes import alert_samples, eventgrid
from simulator.planes.alerts import Notice
from simulator.planes.world import World
from simulator.types import alert_instances
from simulator.types._shared import dig, items
from simulator.types.action_groups import ACTION_GROUP

AGENT = "461e8683-5575-4561-ac7f-899cc907d62a"  # "AzNS AAD Webhook", in every tenant
ROLE = "ActionGroupsSecureWebhook"
DELAYS = (5.0, 20.0, 5.0, 40.0, 5.0)
AGAIN = frozenset({408, 429, 503, 504, None})
SILENCE_SECONDS, ANSWER_SECONDS, HELD_SECONDS, REMEMBERED = 900.0, 30.0, 60.0, 10_000


@dataclass
class Call:
    """One notice on its way to one webhook."""

    group: str
    webhook: JsonObject
    notice: Notice
    tries: int = 0
    names: tuple[str, ...] = ()
    overtaken: list[Call] = field(default_factory=list)
    """What was held back, and is on its way when the endpoint has answered this one."""

    @property
    def url(self) -> str:
        return str(self.webhook["serviceUri"])


@dataclass
class Alerter:
    """`work` is called by the server's ticker and after every call; what it starts runs on the same loop."""

    world: World
    faults: Faults
    deliveries: list[JsonObject] = field(default_factory=list)
    _waiting: list[tuple[float, int, Call]] = field(default_factory=list)
    _held: list[tuple[float, Call]] = field(default_factory=list)
    _silent: dict[str, float] = field(default_factory=dict)
    _tokens: dict[str, str] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _client: httpx.AsyncClient | None = None
    _count: itertools.count[int] = field(default_factory=itertools.count)

    def work(self) -> None:
        now, notices = self._now(), self.world.alerts.notices
        while notices:
            self._publish(notices.popleft(), now)
        for until, call in [one for one in self._held if one[0] <= now]:
            self._held.remove((until, call))
            self._push(now, call)
        while self._waiting and self._waiting[0][0] <= now:
            self._start(self._deliver(heapq.heappop(self._waiting)[2]))

    def next_due(self) -> float | None:
        return min((*(due for due, _, _ in self._waiting[:1]), *(until for until, _ in self._held)), default=None)

    def forget(self) -> None:
        """Nothing is under way, nothing was: after a reset."""
        for task in self._tasks:
            task.cancel()
        for held in (self._waiting, self._held, self._silent, self._tokens, self.deliveries):
            held.clear()

    async def close(self) -> None:
        self.forget()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._client is not None:
            await self._client.aclose()

    def listed(self) -> JsonObject:
        """What `GET /simulator/alerts` answers."""
        waiting = [{"due": due, "rule": call.notice.rule, "url": call.url} for due, _, call in self._waiting]
        return {"deliveries": self.deliveries, "waiting": waiting, "underWay": len(self._tasks)}

    def fire(self, wish: JsonObject) -> JsonObject:
        """`POST /simulator/alerts`: any payload that Azure sends. Raises ValueError, KeyError."""
        payload = alert_samples.payload(wish, self.world.engine)
        named = str(wish["actionGroup"]).lower()
        groups = [one.id for one in self.world.engine.all_of(ACTION_GROUP) if named in (one.key, one.name.lower())]
        if len(groups) != 1:
            raise ValueError(f"action group {wish['actionGroup']}: found {', '.join(groups) or 'none'}")
        alert_instances.keep(self.world.engine, payload)
        self.world.alerts.notices.append(Notice(str(wish.get("kind")), tuple(groups), payload))
        return {"payload": payload}

    def _now(self) -> float:
        return self.world.engine.clock()

    def _publish(self, notice: Notice, now: float) -> None:
        for group_id in notice.groups:
            group = self.world.engine.get(group_id)
            if group is None or not group.properties.get("enabled", True):
                continue
            for webhook in items(group.properties, "webhookReceivers"):
                self._send(Call(group.id, webhook, notice), now)

    def _send(self, call: Call, now: float) -> None:
        """On its way, unless a fault has it lost, doubled, late or overtaken."""
        kind = f"Alert.{dig(call.notice.payload, 'data.essentials.monitoringService') or 'Legacy'}"
        effect = self.faults.event(kind, f"{call.notice.rule}/{call.group}")
        call.names = effect.names
        if effect.lose:
            self._note(call, None, "Lost")
            return
        if effect.reorder:
            self._held.append((now + max(1.0, HELD_SECONDS / self.world.engine.scale), call))
            return
        if effect.double:
            self._push(now + effect.delay, Call(call.group, call.webhook, call.notice, names=call.names))
        call.overtaken = [held for _, held in self._held if held.url == call.url]
        self._held = [one for one in self._held if one[1].url != call.url]
        self._push(now + effect.delay, call)

    def _push(self, due: float, call: Call) -> None:
        heapq.heappush(self._waiting, (due, next(self._count), call))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, call: Call) -> None:
        await self._try(call)
        overtaken, call.overtaken = call.overtaken, []
        for one in overtaken:
            self._start(self._deliver(one))

    async def _try(self, call: Call) -> None:
        if self._silent.get(call.url, 0.0) > self._now():
            self._note(call, None, "Silenced")
            return
        status = await self._post(call)
        call.tries += 1
        scale = self.world.engine.scale
        if status is not None and 200 <= status < 300:
            self._note(call, status, "Delivered")
        elif status not in AGAIN:
            self._note(call, status, "Dropped")
        elif call.tries > len(DELAYS):
            self._silent[call.url] = self._now() + SILENCE_SECONDS / scale
            self._note(call, status, "GivenUp")
        else:
            self._push(self._now() + DELAYS[call.tries - 1] / scale, call)
            self._note(call, status, "Retried")

    async def _post(self, call: Call) -> int | None:
        """The status, None without an answer; a URL that leads away from this machine has none."""
        if not eventgrid.is_loopback(call.url):
            return None
        if self._client is None:
            self._client = httpx.AsyncClient(timeout=ANSWER_SECONDS, trust_env=False)
        headers = {"user-agent": "IcMBroadcaster/1.0", **self._bearer(call.webhook)}
        try:
            answer = await self._client.post(call.url, headers=headers, json=call.notice.payload)
        except httpx.HTTPError:
            return None
        return answer.status_code

    def _bearer(self, webhook: JsonObject) -> dict[str, str]:
        if not webhook.get("useAadAuth"):
            return {}
        audience = str(webhook["identifierUri"])
        if audience not in self._tokens:
            principal = {
                "id": self.world.engine.guid("principal", "alerts"),
                "client_id": AGENT,
                "app_roles": [ROLE],
            }
            self._tokens[audience] = str(self.world.issue(principal, audience)["access_token"])
        return {"authorization": f"Bearer {self._tokens[audience]}"}

    def _note(self, call: Call, status: int | None, result: str) -> None:
        essentials = dig(call.notice.payload, "data.essentials", {})
        entry = {
            "rule": call.notice.rule, "actionGroup": call.group, "url": call.url, "attempt": call.tries,
            "status": status, "result": result, "alertId": essentials.get("alertId"),
            "monitorCondition": essentials.get("monitorCondition"),
        }  # fmt: skip
        self.deliveries.append({**entry, "faults": list(call.names)} if call.names else entry)
        del self.deliveries[:-REMEMBERED]
