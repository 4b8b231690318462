"""Data in storage accounts: what is kept to open it, who reads it, and what is brought along. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from controlplane.arm import fold, is_within, name_of, type_of
from controlplane.json_types import JsonObject
from controlplane.workspaces import kinds
from controlplane.workspaces.blueprint.access import ROLES
from controlplane.workspaces.blueprint.data import COMPUTE_ONLY_TAG
from controlplane.workspaces.data_paths import WORKSPACE, DataPath, Door, credential, door_of, path_of, readers_of
from controlplane.workspaces.model import Resource, Unreadable
from controlplane.workspaces.posture.model import FindingStatus
from controlplane.workspaces.posture.paths import value_at
from controlplane.workspaces.posture.scene import Cause, Outcome, Scene, manual, unknown
from controlplane.workspaces.spec_rules.data import SYSTEM_DATASTORES

_CREDENTIALS = "$.properties.credentials.credentialsType"
_AUTH_MODE = "$.properties.systemDatastoresAuthMode"
_HOLDER = "$.properties.principalId"
#: Storage Blob Data Owner, besides the two that blueprints grant.
_BLOB_OWNER = "b7e6dc6d-f1e8-4753-8033-0f276bb0955b"
_DATA_ROLES = frozenset({ROLES["storage-blob-data-reader"], ROLES["storage-blob-data-contributor"], _BLOB_OWNER})


def stores(scene: Scene) -> tuple[JsonObject, ...]:
    """Every datastore of the workspace, declared or not."""
    home = _home(scene)
    return scene.children(str(home.id), kinds.DATASTORE) if home is not None else ()


def _home(scene: Scene) -> Resource | None:
    return next(iter(scene.of_type(kinds.ML_WORKSPACE)), None)


def _unlisted(scene: Scene) -> Unreadable | None:
    home = _home(scene)
    return scene.unlisted(f"{home.id}/datastores") if home is not None else None


def paths(scene: Scene) -> Iterator[Outcome]:
    """S2-06: how a job reaches the data of each datastore."""
    for body in stores(scene):
        path = path_of(body.get("properties") or {})
        known = FindingStatus.PASS if path is not DataPath.UNKNOWN else FindingStatus.UNKNOWN
        message = f"Jobs reach datastore {name_of(str(body['id']))} by {path.value}."
        yield Outcome(scene.key_of(str(body["id"])), str(body["id"]), known, _CREDENTIALS, None, path.value, message)


def credentials(scene: Scene) -> Iterator[Outcome]:
    """S2-41, S2-42, X-15: whoever may read the workspace's vault can read what a datastore keeps in it."""
    home = _home(scene)
    if home is None:
        return
    home_id = scene.id_of(home)
    if why := _unlisted(scene):
        yield unknown(home.key, home_id, _CREDENTIALS, "None", why)
        return
    kept = [body for body in stores(scene) if credential(body.get("properties") or {}) is not None]
    for body in kept:
        yield _kept(scene, home, body)
    if scene.body(home.key) is not None and not kept:
        message = f"None of {len(stores(scene))} datastores keeps a credential."
        yield Outcome(home.key, home_id, FindingStatus.PASS, _CREDENTIALS, "None", "None", message)


def _kept(scene: Scene, home: Resource, body: JsonObject) -> Outcome:
    found, arm_id = credential(body.get("properties") or {}), str(body["id"])
    name = name_of(arm_id)
    inventory = found and {
        "kind": found.kind.value,
        "subscriptionId": found.subscription_id,
        "clientId": found.client_id,
        "tenantId": found.tenant_id,
    }
    asked = name in SYSTEM_DATASTORES and value_at(home.body, _AUTH_MODE) != "Identity"
    key = scene.key_of(arm_id) or home.key
    causes: tuple[Cause, ...] = (Cause(key, _CREDENTIALS),) if key != home.key else ()
    causes += (Cause(home.key, _AUTH_MODE),) if name in SYSTEM_DATASTORES else ()
    message = f"Datastore {name} keeps a credential, which other users of the workspace can read from its vault."
    if asked:
        message += " The spec asks for it: storage.sharedKeyAccess."
    return Outcome(
        key,
        arm_id,
        FindingStatus.EXEMPT if asked else FindingStatus.FAIL,
        _CREDENTIALS,
        "None",
        inventory,
        message,
        causes,
        manual("Whoever made it decides: a datastore without a credential, and a role for who reads, take its place."),
        arm_id,
    )


def service_readers(scene: Scene) -> Iterator[Outcome]:
    """S2-67…69: who reads for previews and profiles, by the account's network setting and the datastore's own."""
    path = "$.properties.serviceDataAccessAuthIdentity"
    for store in scene.of_type(kinds.DATASTORE):
        arm_id, body = scene.id_of(store), scene.body(store.key)
        account = account_of(store)
        why = scene.unreadable(store.key) or scene.unlisted(account)
        if why is not None:
            yield unknown(store.key, arm_id, path, "a reader", why)
        elif body is not None:
            door = door_of(scene.by_id(account))
            reader = readers_of(body.get("properties") or {}, door).preview
            message = f"{store.key}: {reader} reads for previews; the account admits {door.value}."
            if reader == WORKSPACE and value_at(store.body, path) == "None":
                message += " It has no role there, so that nobody sees one: serviceIdentity: workspace grants it."
            yield Outcome(store.key, arm_id, FindingStatus.PASS, path, None, reader, message)


def account_of(store: Resource) -> str:
    """ARM id of the storage account that a datastore of the blueprint lies in."""
    at = store.body["properties"]
    group = f"/subscriptions/{at['subscriptionId']}/resourceGroups/{at['resourceGroup']}"
    return f"{group}/providers/{kinds.STORAGE}/{at['accountName']}"


def reach(scene: Scene) -> Iterator[Outcome]:
    """S2-65: Azure ML reaches no account behind a firewall or in a network without an endpoint or a rule."""
    path = "$.properties.publicNetworkAccess"
    for account, store in {fold(account_of(one)): one for one in scene.of_type(kinds.DATASTORE)}.items():
        if why := scene.unlisted(account):
            yield unknown(store.key, account, path, "a way for nodes", why)
            continue
        body, ways = scene.by_id(account), _ways(scene, account)
        door = door_of(body)
        causes = tuple(Cause(key) for key in ways)
        if body is None:
            message = f"{name_of(account)}, which {store.key} lies in, does not exist."
            yield Outcome(store.key, account, FindingStatus.FAIL, "$", account, None, message, causes, _theirs())
            continue
        open_to_nodes = door is Door.OPEN or any(scene.body(key) is not None for key in ways) or _admits(scene, body)
        status = FindingStatus.PASS if open_to_nodes else FindingStatus.FAIL
        verb = "reach" if open_to_nodes else "do not reach"
        message = f"Nodes {verb} {name_of(account)}, which admits {door.value}."
        yield Outcome(store.key, account, status, path, None, door.value, message, causes, _theirs())


def _ways(scene: Scene, account: str) -> list[str]:
    """Keys of what leads nodes to an account: our private endpoints, in a managed network its outbound rules. Nodes of
    a managed network do not stand where our endpoints are."""
    if scene.of_type(kinds.OUTBOUND_RULE) or _is_managed(scene):
        where = "$.properties.destination.serviceResourceId"
        rules = scene.of_type(kinds.OUTBOUND_RULE)
        return [rule.key for rule in rules if fold(str(value_at(rule.body, where))) == fold(account)]
    found = f"private-endpoint/data-{name_of(account).lower()}-"
    return [endpoint.key for endpoint in scene.of_type(kinds.PRIVATE_ENDPOINT) if endpoint.key.startswith(found)]


def _is_managed(scene: Scene) -> bool:
    home = _home(scene)
    mode = value_at(home.body, "$.properties.managedNetwork.isolationMode") if home is not None else None
    return isinstance(mode, str) and mode != "Disabled"


def _admits(scene: Scene, account: JsonObject) -> bool:
    """Whether a rule of the account lets the training subnet in."""
    subnet = next((one for one in scene.of_type(kinds.SUBNET) if one.key == "subnet/training"), None)
    rules = ((account.get("properties") or {}).get("networkAcls") or {}).get("virtualNetworkRules") or ()
    shut = str(value_at(account, "$.properties.publicNetworkAccess")).lower() == "disabled"
    return subnet is not None and not shut and any(fold(str(r.get("id"))) == fold(str(subnet.id)) for r in rules)


def compute_only(scene: Scene) -> Iterator[Outcome]:
    """S2-50, S2-51: data that only jobs may read: no role on it but the clusters', and no keys."""
    for store in scene.of_type(kinds.DATASTORE):
        if COMPUTE_ONLY_TAG not in store.body["properties"]["tags"]:
            continue
        account = account_of(store)
        group = account.partition("/providers/")[0]
        body = scene.by_id(account)
        if why := scene.unlisted(account) or scene.unlisted(f"{group}/providers/{kinds.ROLE_ASSIGNMENT}"):
            yield unknown(store.key, account, _HOLDER, "clusters only", why)
        elif body is not None:
            yield from _private(scene, store, account, body)


def _private(scene: Scene, store: Resource, account: str, body: JsonObject) -> Iterator[Outcome]:
    ours = _computes(scene)
    others = [role for role in _roles_on(scene, account) if str(_at(role, "principalId")).lower() not in ours]
    for role in others:
        holder = _at(role, "principalId")
        message = f"{_at(role, 'principalType') or 'Principal'} {holder} may read {name_of(account)}, which {store.key}"
        yield Outcome(
            store.key,
            str(role["id"]),
            FindingStatus.FAIL,
            _HOLDER,
            "clusters only",
            holder,
            f"{message} keeps for jobs.",
            (),
            manual("Whoever granted it decides; computeOnly says that nobody needs it."),
            str(role["id"]),
        )
    keys = value_at(body, "$.properties.allowSharedKeyAccess")
    if keys is not False:
        path = "$.properties.allowSharedKeyAccess"
        message = f"Whoever may list the keys of {name_of(account)} reads what {store.key} keeps for jobs."
        yield Outcome(store.key, account, FindingStatus.FAIL, path, False, True, message, (), _theirs())
    elif not others:
        message = f"Only clusters of the workspace read {store.key}."
        yield Outcome(store.key, account, FindingStatus.PASS, _HOLDER, "clusters only", "clusters only", message)


def _roles_on(scene: Scene, account: str) -> Iterator[JsonObject]:
    """Assignments that let their holder read blobs of an account: at it, below it and above it."""
    for arm_id, body in scene.observed.snapshot.items():
        if type_of(arm_id).lower() != kinds.ROLE_ASSIGNMENT.lower():
            continue
        scope, guid = str(_at(body, "scope") or ""), str(_at(body, "roleDefinitionId") or "").rpartition("/")[2]
        above = scope in ("", "/") or fold(scope).startswith("/providers/microsoft.management/")
        if guid.lower() in _DATA_ROLES and (above or is_within(scope, account) or is_within(account, scope)):
            yield body


def _computes(scene: Scene) -> frozenset[str]:
    """Principals of the clusters' identities, in lower case; whoever works on an instance is a person."""
    found: set[str] = set()
    for cluster in scene.of_type(kinds.COMPUTE):
        if not cluster.key.startswith("cluster/"):
            continue
        identity = (scene.body(cluster.key) or {}).get("identity") or {}
        held = (identity.get("principalId"), *(
            one.get("principalId") for one in (identity.get("userAssignedIdentities") or {}).values() if one
        ))  # fmt: skip
        found |= {str(principal).lower() for principal in held if principal}
    return frozenset(found)


def brought_registry(scene: Scene) -> Iterator[Outcome]:
    """S2-70: the registry that was brought along is there, and its admin account is off."""
    home = _home(scene)
    target = value_at(home.body, "$.properties.containerRegistry") if home is not None else None
    if home is None or not isinstance(target, str) or scene.key_of(target) is not None:
        return
    path = "$.properties.adminUserEnabled"
    if why := scene.unlisted(target):
        yield unknown(home.key, target, path, False, why)
        return
    body = scene.by_id(target)
    on = body is None or value_at(body, path) is True
    found: Any = None if body is None else value_at(body, path) is True
    state = "does not exist" if body is None else "has its admin account on" if on else "has its admin account off"
    status = FindingStatus.FAIL if on else FindingStatus.PASS
    message = f"Registry {name_of(target)}, which was brought along, {state}."
    yield Outcome(home.key, target, status, path, False, found, message, (), _theirs())


def _theirs() -> Any:
    return manual("It is somebody else's: its owner decides.")


def _at(body: JsonObject, name: str) -> Any:
    return (body.get("properties") or {}).get(name)
