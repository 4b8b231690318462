"""Storage accounts of others that datastores lie in: each once, with what all datastores on it need together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from controlplane.arm import fold, name_of
from controlplane.workspaces.spec_model import Datastore, WorkspaceSpec

#: Type in a spec → (in Azure, name of the property with the container, group ids of its private endpoints). A data lake
#: is read through both names ("Use private endpoints for Azure Storage": a dfs endpoint and a blob endpoint).
KINDS: Mapping[str, tuple[str, str, tuple[str, ...]]] = MappingProxyType(
    {
        "azureBlob": ("AzureBlob", "containerName", ("blob",)),
        "azureDataLakeGen2": ("AzureDataLakeGen2", "filesystem", ("blob", "dfs")),
    }
)
READ, WRITE = "storage-blob-data-reader", "storage-blob-data-contributor"


@dataclass(frozen=True, slots=True)
class Account:
    """One storage account of others, with what all datastores on it need together."""

    arm_id: str
    role: str
    """Slug of the role that clusters get: the larger of what its datastores ask for."""
    by_workspace: bool
    """Whether the workspace's own identity reads it, too."""
    compute_only: bool
    """Whether a datastore on it is kept from people: a role on an account is a role on all of its containers."""
    groups: tuple[str, ...]
    """Group ids of the private endpoints to it."""

    @property
    def key(self) -> str:
        """What keys call it; names of accounts are global."""
        return f"data-{name_of(self.arm_id).lower()}"


def accounts(spec: WorkspaceSpec) -> tuple[Account, ...]:
    """Each account once, in the order of the spec."""
    by_id: dict[str, list[Datastore]] = {}
    for store in spec.datastores:
        by_id.setdefault(fold(store.account), []).append(store)
    return tuple(_account(stores) for stores in by_id.values())


def _account(stores: list[Datastore]) -> Account:
    groups = {group for store in stores if store.private_endpoint for group in KINDS[store.type][2]}
    return Account(
        stores[0].account,
        WRITE if any(store.access == "readWrite" for store in stores) else READ,
        any(store.service_identity == "workspace" for store in stores),
        any(store.compute_only for store in stores),
        tuple(sorted(groups)),
    )
