"""What is declared for a workspace by a name of its own: read, set, deleted. One flow for each kind of it; what a kind
asks for before it is taken, its own service says."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from controlplane.audit.changes import changes
from controlplane.audit.model import Action, Fact
from controlplane.errors import Rejected
from controlplane.json_types import JsonObject
from controlplane.objects.repository import Stored, put
from controlplane.objects.tick import message_of
from controlplane.operations.model import Model
from controlplane.operations.preconditions import Preconditions, on_fresh_state
from controlplane.ports.store import Write
from controlplane.projects.access import Caller
from controlplane.retraining.declared import Declared, declared_id, index_of
from controlplane.retraining.facts import About, by_person
from controlplane.retraining.known import Known
from controlplane.retraining.services.deps import ModelDeps, current
from controlplane.retraining.signals.eventgrid import is_name

D = TypeVar("D", bound=Declared)


@dataclass(frozen=True, slots=True)
class Collection(Generic[D]):
    """Declared objects of one kind. ``noun`` stands in sentences, ``code`` in error codes, ``path`` in the API; the
    audit calls one ``label``, by ``action``, in the chain of ``model_of`` or of the workspace itself."""

    kind: type[D]
    noun: str
    code: str
    path: str
    label: str
    action: Action
    most: int
    spec_of: Callable[[D], Model]
    model_of: Callable[[D], str | None] = lambda _: None
    first: Mapping[str, Any] = field(default_factory=dict)
    """What a new one has beside what each has."""

    def missing(self, name: str) -> Rejected:
        """The 404 of one."""
        return Rejected(f"{self.code}NotFound", f"There is no {self.noun} {name!r}.")

    async def all(self, deps: ModelDeps, found: Known) -> tuple[D, ...]:
        """In the order of their names; what an earlier workspace of this name had is not among them."""
        page = await deps.objects.page(self.kind, index_of(self.kind, found.name), limit=1000)
        return tuple(one for one in page.values if one.incarnation == found.record.incarnation)

    async def find(self, deps: ModelDeps, found: Known, name: str) -> Stored[D] | None:
        """What no name can look like is not looked up."""
        if not is_name(name):
            return None
        return current(found, await deps.objects.get(self.kind, declared_id(found.name, name)))

    async def require(self, deps: ModelDeps, found: Known, name: str) -> D:
        """Raises ``Rejected``: :meth:`missing`."""
        stored = await self.find(deps, found, name)
        if stored is None:
            raise self.missing(name)
        return stored.value


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks for what: ``name`` is of the declared object."""

    caller: Caller
    found: Known
    name: str
    preconditions: Preconditions


#: Looks at what stands, or at None, and raises where it may not be; answers writes that hold what was looked at.
Guard = Callable[[Stored[D] | None], Awaitable[list[Write]]]


async def declare(deps: ModelDeps, kept: Collection[D], asked: Asked, spec: Model, guard: Guard[D]) -> tuple[D, bool]:
    """Sets or replaces one, and whether it is new; ``guard`` is asked where anything changes. Raises ``Rejected``:
    ``TooMany…s``, ``…IsDeleting``."""
    found, name = asked.found, asked.name

    async def attempt() -> tuple[D, bool]:
        # A row that an earlier workspace of this name left is written over: what it had in Azure went with that.
        there = await deps.objects.get(kept.kind, declared_id(found.name, name))
        stored = current(found, there)
        asked.preconditions.check(stored.value.etag if stored else None)
        if stored is None:
            await _require_room(deps, kept, found)
        elif stored.value.deleting:
            text = f"{_capital(kept.noun)} {name!r} is being deleted; repeat it when it is gone."
            raise Rejected(f"{kept.code}IsDeleting", text)
        elif kept.spec_of(stored.value) == spec:
            return stored.value, False
        held = await guard(stored)
        after = _changed(deps, kept, asked, stored, spec)
        before = kept.spec_of(stored.value).model_dump(mode="json") if stored else None
        told = {"generation": after.generation, "changes": changes(before, spec.model_dump(mode="json"))}
        await deps.objects.commit([*put(there, after), *held], _fact(deps, kept, asked, after, told))
        await deps.workspaces.queue.send(message_of(kept.kind.KIND, after.id))
        return after, stored is None

    return await on_fresh_state(attempt)


async def withdraw(
    deps: ModelDeps, kept: Collection[D], asked: Asked, allow: Callable[[], None] = lambda: None
) -> bool:
    """A tick takes away what stands; False when there was nothing. ``allow`` raises where it may not be."""

    async def attempt() -> bool:
        stored = await kept.find(deps, asked.found, asked.name)
        asked.preconditions.check(stored.value.etag if stored else None)
        if stored is None or stored.value.deleting:
            return stored is not None
        allow()
        update = {"deleting": True, "due_at": deps.clock.now(), "generation": stored.value.generation + 1}
        after = stored.value.model_copy(update=update)
        fact = _fact(deps, kept, asked, after, {"change": "deletion asked for"})
        await deps.objects.commit(put(stored, after), fact)
        await deps.workspaces.queue.send(message_of(kept.kind.KIND, after.id))
        return True

    return await on_fresh_state(attempt)


def described(kept: Collection[D], one: D) -> dict[str, Any]:
    """The fields of a ``DeclaredBody``."""
    return {
        "id": f"workspaces/{one.workspace}/{kept.path}/{one.name}",
        "workspace": one.workspace,
        "name": one.name,
        "etag": one.etag,
        "generation": one.generation,
        "observed_generation": one.observed_generation,
        "deleting": one.deleting,
        "conditions": one.conditions,
        "last_modified_at": one.last_modified_at,
        "last_modified_by": one.last_modified_by,
    }


async def _require_room(deps: ModelDeps, kept: Collection[D], found: Known) -> None:
    if len(await deps.objects.ids(index_of(kept.kind, found.name), limit=kept.most + 1)) >= kept.most:
        raise Rejected(f"TooMany{kept.code}s", f"A workspace has {kept.most} {kept.noun}s at most.")


def _changed(deps: ModelDeps, kept: Collection[D], asked: Asked, stored: Stored[D] | None, spec: Model) -> D:
    now, record = deps.clock.now(), asked.found.record
    told = {"due_at": now, "last_modified_at": now, "last_modified_by": asked.caller.principal, "spec": spec}
    if stored is not None:
        return stored.value.model_copy(update={**told, "generation": stored.value.generation + 1})
    whose = {"workspace": record.name, "incarnation": record.incarnation, "project": record.project}
    named = {"id": declared_id(record.name, asked.name), "name": asked.name}
    return kept.kind.model_validate({**named, **whose, **told, **kept.first})


def _fact(deps: ModelDeps, kept: Collection[D], asked: Asked, one: D, told: JsonObject) -> Fact:
    about = About(one.workspace, one.project, kept.model_of(one))
    return by_person(about, deps.clock.now(), asked.caller, kept.action, {kept.label: one.name, **told})


def _capital(noun: str) -> str:
    return noun[0].upper() + noun[1:]
