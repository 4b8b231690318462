"""The datastores of a workspace as an inventory: how jobs reach each, and what is wrong (S2-06). Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum

from pydantic import Field

from controlplane.arm import fold, name_of, type_of
from controlplane.json_types import JsonObject
from controlplane.operations.model import Model
from controlplane.workspaces import kinds as k
from controlplane.workspaces.data_paths import DataPath, Door, door_of, path_of, readers_of
from controlplane.workspaces.model import Blueprint, Observed
from controlplane.workspaces.spec_rules.data import SYSTEM_DATASTORES


class Flag(StrEnum):
    CREDENTIAL = "credentialStored"
    """Whoever may read the workspace's vault has the data (S2-41, X-15)."""
    ACCOUNT_UNREAD = "accountUnread"
    """Which networks the account lets in is not known here."""
    NO_PREVIEW = "noPreview"
    """Nobody can preview the data in the studio under the account's network setting."""
    UNDECLARED = "undeclared"
    """Neither of the spec nor one that Azure ML makes itself."""


class DatastoreView(Model):
    name: str
    resource_id: str
    kind: str = Field(description="As Azure names it, such as AzureBlob.")
    account: str | None
    container: str | None = Field(description="Container, file share or file system.")
    declared: bool = Field(description="It is in the spec.")
    system: bool = Field(description="Azure ML makes it with the workspace.")
    path: DataPath = Field(description="How a job that says nothing of its identity reaches the data.")
    network: Door = Field(description="Whom the account lets in.")
    job_reads_as: str
    preview_reads_as: str
    flags: tuple[Flag, ...]


class Datastores(Model):
    workspace: str
    observed_at: datetime
    unreadable: str | None = Field(description="Why they could not be listed; null when they could.")
    value: tuple[DatastoreView, ...] | None


def datastores(blueprint: Blueprint, observed: Observed, now: datetime) -> Datastores:
    """As Azure has them, by name; what could not be listed is not known, and not empty."""
    home = fold(str(blueprint.by_key["workspace"].id))
    why = observed.unreadable.get(f"{home}/datastores") or observed.unknown.get("workspace")
    found = tuple(sorted(_views(blueprint, observed, home), key=lambda one: one.name)) if why is None else None
    reason = f"{why.code}: {why.message}" if why is not None else None
    return Datastores(workspace=blueprint.workspace, observed_at=now, unreadable=reason, value=found)


def _views(blueprint: Blueprint, observed: Observed, home: str) -> Iterator[DatastoreView]:
    declared = {fold(str(one.id)) for one in blueprint.resources if one.type == k.DATASTORE}
    for arm_id, body in observed.snapshot.items():
        if arm_id.startswith(f"{home}/datastores/"):
            yield _view(body, observed, declared=arm_id in declared)


def _view(body: JsonObject, observed: Observed, *, declared: bool) -> DatastoreView:
    properties = body.get("properties") or {}
    name, account = name_of(str(body["id"])), properties.get("accountName")
    door, system = door_of(_account(observed, account)), name.lower() in {one.lower() for one in SYSTEM_DATASTORES}
    path, readers = path_of(properties), readers_of(properties, door)
    wrong = {
        Flag.CREDENTIAL: path is not DataPath.MANAGED_IDENTITY,
        Flag.ACCOUNT_UNREAD: door is Door.UNKNOWN,
        Flag.NO_PREVIEW: readers.preview == "nobody",
        Flag.UNDECLARED: not declared and not system,
    }
    return DatastoreView(
        name=name,
        resource_id=str(body["id"]),
        kind=str(properties.get("datastoreType") or ""),
        account=account,
        container=next((str(properties[one]) for one in _PLACES if properties.get(one)), None),
        declared=declared,
        system=system,
        path=path,
        network=door,
        job_reads_as=readers.job,
        preview_reads_as=readers.preview,
        flags=tuple(flag for flag, holds in wrong.items() if holds),
    )


_PLACES = ("containerName", "fileShareName", "filesystem")


def _account(observed: Observed, name: object) -> JsonObject | None:
    """By its name, which is unique in Azure."""
    for arm_id, body in observed.snapshot.items():
        if type_of(arm_id).lower() == k.STORAGE.lower() and name_of(arm_id) == str(name).lower():
            return body
    return None
