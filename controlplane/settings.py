"""Environment → typed settings, read once in ``bootstrap``; nothing else looks at the environment.

Every name starts with ``CONTROLPLANE_``, but for the storage account: that is the Functions host's own, under the
host's own names. The values for a laptop come from the simulator's env file, those of Azure from the function app's
settings; the code does not know which it is.
"""

from __future__ import annotations

from enum import StrEnum
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from controlplane.clouds import HOSTS
from controlplane.notifications.channels import Channel
from controlplane.retraining.monitors.callbacks import Callbacks


class StoreKind(StrEnum):
    SQLITE = "sqlite"
    AZURE = "azure"


class Settings(BaseSettings):
    """What one process needs to know. Lists are JSON in the environment."""

    model_config = SettingsConfigDict(
        env_prefix="CONTROLPLANE_",
        frozen=True,
        extra="ignore",
        hide_input_in_errors=True,  # a value may be a secret
        validate_by_alias=True,
        validate_by_name=True,
        validate_default=True,
    )

    cloud: str = Field(default="AzureCloud", description="AzureCloud, AzureUSGovernment or AzureChinaCloud.")
    arm_endpoint: str = Field(default="", description="Azure Resource Manager; not set: the cloud's.")
    authority_host: str = Field(default="", description="Entra ID's authority; not set: the cloud's.")
    tenant_ids: tuple[str, ...] = Field(min_length=1, description="Tenants whose tokens are accepted.")
    audience: str = Field(min_length=1, description="Client id of the API's app registration.")
    scope: str = Field(
        default="user_impersonation",
        pattern=r"^\S+$",
        description="The scope of the API that people's tokens must have; Entra's own name for the usual one.",
    )
    requests_per_second: float = Field(
        default=1000.0, gt=0, description="Requests of one principal that a process serves, on average."
    )
    request_burst: int = Field(default=5000, gt=0, description="Requests of one principal at once, after a pause.")
    graph_endpoint: str | None = Field(
        default=None,
        pattern=r"^https://[^/]+$",
        description="Microsoft Graph, where the observer may read names (Directory.Read.All); not set: not asked.",
    )
    metrics_endpoint: str = Field(
        default="",
        description="Metrics in batches, with `{region}` where a region's name goes; not set: the cloud's. Tokens for "
        "metrics go to no other host.",
    )
    logs_endpoint: str = Field(default="", description="Log Analytics' query API; not set: the cloud's.")
    prices_endpoint: str = Field(
        default="",
        description="The Azure Retail Prices API; not set: the cloud's; `none`: the price table of this version only.",
    )
    administrators: tuple[str, ...] = Field(
        default=(),
        description="Object ids of who administers the subscriptions: no finding of a workspace that inherits it.",
    )
    observer_client_id: str = Field(description="Client id of the identity that reads.")
    operator_client_id: str = Field(description="Client id of the identity that writes, in ticks.")
    archiver_client_id: str = Field(
        default="",
        description="Client id of the identity that deletes what was archived; not set: nothing is deleted.",
    )
    archiver_object_id: str = Field(
        default="",
        pattern=r"^([0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})?$",
        description="Object id of that identity, which the request for its elevation names; not set: a placeholder.",
    )
    store: StoreKind = Field(default=StoreKind.AZURE)
    sqlite_path: str | None = Field(default=None, description="Database file of the SQLite store.")
    sqlite_queue: str | None = Field(
        default=None, description="Database file of the SQLite queue; set by funchost, which can read it."
    )
    queue_name: str = Field(default="ticks", pattern=r"^[a-z0-9](-?[a-z0-9]){2,62}$")
    table: str = Field(
        default="controlplane", pattern=r"^[A-Za-z][A-Za-z0-9]{2,62}$", description="Table of the store."
    )
    web_jobs_storage: SecretStr | None = Field(
        default=None,
        validation_alias="AzureWebJobsStorage",
        description="Connection string of the storage account, or `UseDevelopmentStorage=true`.",
    )
    web_jobs_account_name: str | None = Field(
        default=None,
        validation_alias="AzureWebJobsStorage__accountName",
        pattern=r"^[a-z0-9]{3,24}$",
        description="The storage account, for a connection by identity.",
    )
    web_jobs_table_uri: str | None = Field(
        default=None,
        validation_alias="AzureWebJobsStorage__tableServiceUri",
        description="In place of the account's name, where its endpoints have other names.",
    )
    web_jobs_queue_uri: str | None = Field(default=None, validation_alias="AzureWebJobsStorage__queueServiceUri")
    web_jobs_blob_uri: str | None = Field(default=None, validation_alias="AzureWebJobsStorage__blobServiceUri")
    web_jobs_credential: str | None = Field(
        default=None, validation_alias="AzureWebJobsStorage__credential", description="`managedidentity`."
    )
    web_jobs_client_id: str | None = Field(
        default=None,
        validation_alias="AzureWebJobsStorage__clientId",
        description="Client id of the identity that may use the storage; without it the one assigned by the system.",
    )
    storage_hosts: tuple[str, ...] = Field(
        default=(), description="Hosts that storage tokens may go to, besides the cloud's storage accounts."
    )
    anchor_container: str | None = Field(
        default=None,
        description="Container for the audit's checkpoints: its name in the storage account above, or an https URL.",
    )
    events_function_id: str = Field(
        default="",
        description="Resource id of the function `events`, which Event Grid calls without a key; without it no "
        "monitor is taken, unless CONTROLPLANE_EVENTS_URL is set.",
    )
    events_url: SecretStr = Field(
        default=SecretStr(""), description="In its place a webhook's URL, where the functions do not run in Azure."
    )
    events_app_id: str = Field(default="", description="App registration whose tokens that webhook asks for.")
    alerts_url: str = Field(default="", description="`https://…/api/alerts` as Azure Monitor reaches it.")
    alerts_app_uri: str = Field(default="", description="Identifier URI of the API's app registration.")
    alerts_app_object_id: str = Field(default="", description="Object id of that registration; the operator owns it.")
    shared_group_id: str = Field(
        default="",
        pattern=r"^$|^/subscriptions/[0-9a-fA-F-]{36}/resourceGroups/[A-Za-z0-9._()-]{1,90}$",
        description="Resource group for what belongs to no workspace: the action groups of projects' budgets.",
    )
    clock: str = Field(default="system", description='`system`, or a URL that answers {"now": …}.')
    channels: tuple[Channel, ...] = Field(
        default=(),
        max_length=50,
        description="Where notifications go (docs/retraining.md); none: they are only listed.",
    )
    channel_secrets: SecretStr | None = Field(
        default=None,
        description="JSON by channel's name: keys to sign with, URLs that are secret; a vault's reference.",
    )
    event_grid_hosts: tuple[str, ...] = Field(
        default=(), description="Hosts that tokens for topics may go to, besides the cloud's Event Grid."
    )
    lease_seconds: float = Field(default=90.0, gt=0)
    tick_seconds: float = Field(default=60.0, gt=0, description="A tick stays at most this long.")
    max_parallel_calls: int = Field(default=16, gt=0, description="Calls to Azure in flight per tick.")

    @property
    def identities(self) -> tuple[str, ...]:
        """Client ids of the control plane's own identities."""
        found = (self.observer_client_id, self.operator_client_id, self.archiver_client_id)
        return tuple(one for one in found if one)

    @field_validator("cloud")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in HOSTS:
            raise ValueError(f"must be one of {', '.join(HOSTS)}")
        return value

    @field_validator("arm_endpoint", "authority_host")
    @classmethod
    def _https(cls, value: str, info: ValidationInfo) -> str:
        hosts = HOSTS.get(info.data.get("cloud", ""))
        if not value and hosts is not None:
            return hosts.arm if info.field_name == "arm_endpoint" else hosts.authority
        if urlsplit(value).scheme != "https":
            raise ValueError("must be an https URL")
        return value.rstrip("/")

    @field_validator("metrics_endpoint", "logs_endpoint")
    @classmethod
    def _monitor(cls, value: str, info: ValidationInfo) -> str:
        hosts, metrics = HOSTS.get(info.data.get("cloud", "")), info.field_name == "metrics_endpoint"
        if not value and hosts is not None:
            return hosts.metrics.replace("https://", "https://{region}.") if metrics else hosts.logs
        if urlsplit(value.replace("{region}", "region")).scheme != "https" or ("{region}" in value) is not metrics:
            raise ValueError("must be an https URL" + (" with {region} in it" if metrics else ""))
        return value.rstrip("/")

    @field_validator("prices_endpoint")
    @classmethod
    def _prices(cls, value: str, info: ValidationInfo) -> str:
        hosts = HOSTS.get(info.data.get("cloud", ""))
        if not value and hosts is not None:
            return hosts.prices or "none"
        if value != "none" and urlsplit(value).scheme != "https":
            raise ValueError("must be an https URL, or none")
        return value.rstrip("/")

    @property
    def arm_host(self) -> str:
        """``host[:port]`` that ARM tokens may be sent to, and no other."""
        return urlsplit(self.arm_endpoint).netloc.lower()


def callbacks_of(chosen: Settings) -> Callbacks:
    """Whom Azure tells of what monitors find."""
    return Callbacks(
        tenant_id=chosen.tenant_ids[0],
        events_function=chosen.events_function_id,
        events_url=chosen.events_url.get_secret_value(),
        events_app=chosen.events_app_id,
        alerts_url=chosen.alerts_url,
        alerts_app=chosen.alerts_app_uri,
        alerts_app_object=chosen.alerts_app_object_id,
        shared_group=chosen.shared_group_id,
    )
