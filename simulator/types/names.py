"""`checkNameAvailability` of the providers whose names are global. Asks the same questions as their PUT does.

Sources: the API definitions' `CheckNameAvailabilityResult` (Storage), `RegistryNameStatus` (Container Registry) and
`CheckNameAvailabilityResult` (Key Vault); the sentences are those that the PUT answers with.
"""

from __future__ import annotations

from collections.abc import Callable

from simulator.engine.declaration import Answer, EngineApi, JsonObject, ResourceType, Route, RouteContext
from simulator.types import containerregistry, keyvault, storage

Taken = Callable[[EngineApi, str], bool]


def _held(rtype: str) -> Taken:
    return lambda engine, name: any(one.name.lower() == name.lower() for one in engine.all_of(rtype))


def _vault_held(engine: EngineApi, name: str) -> bool:
    """A soft-deleted vault holds its name."""
    return _held(keyvault.VAULT)(engine, name) or _held(keyvault.DELETED)(engine, name)


def _route(declared: ResourceType, taken: Taken, words: str, invalid: str) -> Route:
    """`words` say that the name is taken, a template over {name}; `invalid` is the reason of a name nobody may have."""
    rule = declared.name_rule
    assert rule is not None

    def run(ctx: RouteContext) -> Answer:
        name = str(ctx.request.get("name") or "")
        answer: JsonObject = {"nameAvailable": True}
        if not rule.accepts(name):
            answer = {"nameAvailable": False, "reason": invalid, "message": rule.message.format(name=name)}
        elif taken(ctx.engine, name):
            answer = {"nameAvailable": False, "reason": "AlreadyExists", "message": words.format(name=name)}
        return Answer(200, answer)

    path = f"/subscriptions/{{s}}/providers/{declared.namespace}/checkNameAvailability"
    return Route("POST", path, f"{declared.namespace}/checkNameAvailability/read", run)


def _type(types: tuple[ResourceType, ...], name: str) -> ResourceType:
    return next(one for one in types if one.name == name)


ROUTES: tuple[Route, ...] = (
    _route(
        _type(storage.TYPES, storage.ACCOUNT),
        _held(storage.ACCOUNT),
        "The storage account named {name} is already taken.",
        "AccountNameInvalid",
    ),
    _route(
        _type(containerregistry.TYPES, containerregistry.REGISTRY),
        _held(containerregistry.REGISTRY),
        "The registry {name} is already in use.",
        "Invalid",
    ),
    _route(
        _type(keyvault.TYPES, keyvault.VAULT),
        _vault_held,
        "The name '{name}' is already in use.",
        "AccountNameInvalid",
    ),
)
