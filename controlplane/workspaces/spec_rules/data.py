"""What registries and datastores may be, beyond the shape of their fields. Pure.

Sources: Microsoft Learn, "Set up authentication between Azure Machine Learning and other services" (identity-based
access knows Blob, Data Lake Gen1 and Gen2 only; a registry is brought along with its admin user off) and "Azure Data
Lake Storage Gen1 was retired on 29 February 2024".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from controlplane.arm import fold, name_of, resource_group_of, subscription_of, type_of
from controlplane.errors import ErrorDetail
from controlplane.workspaces.spec_model import WorkspaceSpec

_ACCOUNT = "microsoft.storage/storageaccounts"
_REGISTRY = "microsoft.containerregistry/registries"
#: Azure makes these in every workspace ("Use datastores").
SYSTEM_DATASTORES = frozenset(
    {"workspaceblobstore", "workspacefilestore", "workspaceartifactstore", "workspaceworkingdirectory"}
)
#: Type → why no identity opens it.
_NOT_BY_IDENTITY: Mapping[str, str] = {
    "azureDataLakeGen1": "is retired: move the data to azureDataLakeGen2 (S2-45)",
    "azureFile": "is opened with an account key only, which a spec cannot hold; use azureBlob or azureDataLakeGen2 "
    "(S2-45)",
}


@dataclass(frozen=True, slots=True)
class DataRule:
    """One rule of this module, with the requirements that ask for it."""

    name: str
    judge: Callable[[WorkspaceSpec], Iterator[ErrorDetail]]
    requirements: tuple[str, ...] = ()


def data(spec: WorkspaceSpec) -> Iterator[ErrorDetail]:
    """Every reason why registries or datastores are refused, by JSON path."""
    for rule in RULES.values():
        yield from rule.judge(spec)


def _brought_along(spec: WorkspaceSpec) -> Iterator[ErrorDetail]:
    existing = spec.registry.existing
    if existing is None:
        return
    if not _is_id(existing, _REGISTRY):
        yield _wrong("$.registry.existing", "is not the id of a container registry")
    if spec.registry.admin_user:
        text = "is a setting of the workspace's own registry; one that is brought along comes with it off (S2-72)"
        yield _wrong("$.registry.adminUser", text)


def _private_images(spec: WorkspaceSpec) -> Iterator[ErrorDetail]:
    seen = {fold(spec.registry.existing)} if spec.registry.existing is not None else set()
    for index, registry in enumerate(spec.registry.private_images):
        path = f"$.registry.privateImages[{index}]"
        if not _is_id(registry, _REGISTRY):
            yield _wrong(path, "is not the id of a container registry")
        elif fold(registry) in seen:
            yield _wrong(path, f"names {name_of(registry)} a second time")
        seen.add(fold(registry))


def _names(spec: WorkspaceSpec) -> Iterator[ErrorDetail]:
    names = [store.name for store in spec.datastores]
    for index, name in enumerate(names):
        path = f"$.datastores[{index}].name"
        if name in SYSTEM_DATASTORES:
            yield _wrong(path, f"{name} is made by Azure")
        elif name in names[:index]:
            yield _wrong(path, f"is the second datastore called {name}")


def _accounts(spec: WorkspaceSpec) -> Iterator[ErrorDetail]:
    by_name: dict[str, str] = {}
    for index, store in enumerate(spec.datastores):
        if not _is_id(store.account, _ACCOUNT):
            yield _wrong(f"$.datastores[{index}].account", "is not the id of a storage account")
        # Names of accounts are global: two ids of one name are one account, or one of them is nobody's.
        elif fold(by_name.setdefault(name_of(store.account).lower(), store.account)) != fold(store.account):
            yield _wrong(f"$.datastores[{index}].account", f"is a second account called {name_of(store.account)}")


def _types(spec: WorkspaceSpec) -> Iterator[ErrorDetail]:
    for index, store in enumerate(spec.datastores):
        if store.type in _NOT_BY_IDENTITY:
            yield _wrong(f"$.datastores[{index}].type", _NOT_BY_IDENTITY[store.type])


def _secrets(spec: WorkspaceSpec) -> Iterator[ErrorDetail]:
    for index, store in enumerate(spec.datastores):
        if store.credentials != "none":
            text = (
                "is not accepted: a spec holds no secrets, and whoever may read the workspace's vault could read this "
                "one; grant the clusters' identities a role instead, which is the default (S2-41)"
            )
            yield _wrong(f"$.datastores[{index}].credentials", text)


def _compute_only(spec: WorkspaceSpec) -> Iterator[ErrorDetail]:
    """S2-51: the workspace's identity would show it to whoever may open the studio."""
    private = {fold(store.account) for store in spec.datastores if store.compute_only}
    for index, store in enumerate(spec.datastores):
        # A role on an account shows all of its containers.
        if fold(store.account) in private and store.service_identity == "workspace":
            text = (
                "shows data in the studio that computeOnly keeps from people: only one of the two is possible (S2-51)"
            )
            yield _wrong(f"$.datastores[{index}].serviceIdentity", text)
    if private:
        yield from _shared_with_people(spec)


def _shared_with_people(spec: WorkspaceSpec) -> Iterator[ErrorDetail]:
    """S2-51: whoever works on an instance has its identities, and with them what clusters' default ones may read."""
    readers = {fold(one.identity.ids[0]) for one in spec.compute.clusters if one.identity.ids}
    for index, instance in enumerate(spec.compute.instances):
        for place, item in enumerate(instance.identity.ids):
            if fold(item) in readers:
                text = "is a cluster's too, which reads data that computeOnly keeps from people (S2-51)"
                yield _wrong(f"$.compute.instances[{index}].identity.ids[{place}]", text)


RULES: dict[str, DataRule] = {
    rule.name: rule
    for rule in (
        DataRule("registry.broughtAlong", _brought_along),
        DataRule("registry.privateImages", _private_images),
        DataRule("datastores.names", _names),
        DataRule("datastores.accounts", _accounts),
        DataRule("datastores.types", _types, ("S2-45",)),
        DataRule("datastores.secrets", _secrets),
        DataRule("datastores.computeOnly", _compute_only),
    )
}
"""Name → rule."""


def _is_id(arm_id: str, resource_type: str) -> bool:
    found = type_of(arm_id).lower() == resource_type
    return found and bool(subscription_of(arm_id)) and bool(resource_group_of(arm_id)) and bool(name_of(arm_id))


def _wrong(path: str, why: str) -> ErrorDetail:
    return ErrorDetail("InvalidValue", f"{path[2:]} {why}.", path)
