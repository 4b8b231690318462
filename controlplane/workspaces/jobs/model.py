"""What is asked of a job, and what is answered. Pure data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

from pydantic import Field

from controlplane.json_types import JsonObject
from controlplane.operations.model import Model


class Level(StrEnum):
    """How bad it is. With an error the job fails, or does not do what it says."""

    ERROR = "Error"
    WARNING = "Warning"
    INFO = "Info"
    UNKNOWN = "Unknown"


class JobQuestion(Model):
    """A job, or a deployment, as the CLI's YAML describes it, for one workspace."""

    workspace: str = Field(description="Name of the workspace that it is meant for.")
    job: dict[str, Any] = Field(
        description="The YAML of `az ml job create` as JSON; also that of a deployment. Fields that say nothing of "
        "identities, data and images are not looked at."
    )
    submitted_from: Literal["cli", "pythonSdk", "studio"] = Field(
        default="cli", description="Where it will be sent from; jobs with a user's identity only from the first two."
    )
    data_access: Literal["asWritten", "userIdentity"] = Field(
        default="asWritten",
        description="`userIdentity` answers the job with the identity of who sends it on every step that runs (S2-63).",
    )


class JobFinding(Model):
    """What one rule has to say."""

    code: str
    level: Level
    target: str = Field(description="JSON path in the job.")
    message: str
    requirements: tuple[str, ...]


class JobRead(Model):
    """Who reads one input or writes one output."""

    target: str = Field(description="JSON path of the input or output in the job.")
    datastore: str | None = Field(description="Null for data that is named by its URL, and for what was not found.")
    account: str | None = Field(default=None, description="The storage account of a URL.")
    asset: str | None = Field(default=None, description="The data asset or model that leads there.")
    identity: str = Field(
        description="`computeIdentity`, `userIdentity`, `storedCredential`, or `unknown` where nobody can say: what "
        "was not found or could not be read, and accounts that the workspace knows nothing of."
    )


class JobCheck(Model):
    """The answer. ``valid``: no rule found an error, and nothing is unknown."""

    workspace: str
    valid: bool
    findings: tuple[JobFinding, ...]
    reads: tuple[JobRead, ...]
    job: dict[str, Any] = Field(description="The job as it should be sent.")


@dataclass(frozen=True, slots=True)
class Asset:
    """A version of a data asset or model, by number or by label."""

    kind: str
    """``data`` or ``models``."""
    name: str
    version: str | None
    label: str | None

    def __str__(self) -> str:
        what = "data asset" if self.kind == "data" else "model"
        return f"{what} {self.name}:{self.version}" if self.version is not None else f"{what} {self.name}@{self.label}"


@dataclass(frozen=True, slots=True)
class JobFacts:
    """What is known of the workspace. ``datastores``: name → properties as Azure answers them; None when the list
    could not be read."""

    datastores: Mapping[str, JsonObject] | None = field(default_factory=dict)
    registries: tuple[str, ...] = ()
    """Names of registries with private images that its computes may pull from."""
    suffix: str = "azurecr.io"
    """What hosts of registries end with in this cloud."""
    storage_suffix: str = "core.windows.net"
    """What hosts of storage accounts end with in this cloud, behind the name of the service."""
    home: str = ""
    """ARM id of the workspace."""
    assets: Mapping[Asset, str | None] = field(default_factory=dict)
    """Where each lies; None for what is not there, absent for what could not be read."""
    computes: frozenset[str] | None = None
    """Names in lower case; None when the list could not be read."""
    readers: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Storage account that the spec knows → computes that it lets read there, by their own identities; both in lower
    case."""
