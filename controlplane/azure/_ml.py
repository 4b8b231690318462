"""``azure-ai-ml`` in one cloud, as one identity: connections, threads' locks, and errors as ours.

The SDK finds its cloud in arguments made from our settings, so neither ``ARM_CLOUD_METADATA_URL`` nor its metadata
calls, which it does not cache, are needed. Blocking; ``jobs`` calls it in threads and imports it on first use.
"""

from __future__ import annotations

import importlib
import json
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import requests
from azure.core.exceptions import AzureError, HttpResponseError
from azure.core.pipeline import Pipeline
from azure.core.pipeline.policies import BearerTokenCredentialPolicy
from azure.core.pipeline.transport import RequestsTransport
from azure.core.rest import HttpRequest
from azure.identity import ManagedIdentityCredential

from controlplane.arm import name_of, resource_group_of, subscription_of
from controlplane.azure.answers import ArmAnswer
from controlplane.azure.errors import UNNAMED, clean, error_of, is_absence, lost_connection
from controlplane.azure.hosts import ensure_trusted, is_batch_data_plane
from controlplane.azure.job_request import OWNER_TAG, JobRequest
from controlplane.azure.pipeline_inputs import batch_inputs, require_remote, require_remote_data
from controlplane.clouds import HOSTS
from controlplane.errors import ControlPlaneError, Fatal, Rejected, Transient
from controlplane.ports.schedules import MonitorRequest, PipelineSchedule
from controlplane.settings import Settings

if TYPE_CHECKING:
    from controlplane.ports.ml import BatchDeployment, PipelineJob

T = TypeVar("T")

#: API of jobs that are sent as they are; the SDK's own for pipelines.
JOBS_API = "2024-01-01-preview"
#: What Azure ML shows of a job and takes from nobody.
_SHOWN_ONLY = frozenset({"status", "services", "statusMessage"})
#: Retries sleep where nobody sees it and re-send writes; a redirect would take the token along.
_NO_SURPRISES: dict[str, Any] = {"retry_total": 0, "permit_redirects": False}


#: What the SDK says when it reached an endpoint's host in none of five tries (1.35.2, ``invoke``).
_UNREACHED = "Max retry attempts reached"


class _TrustedTransport(RequestsTransport):  # type: ignore[misc]  # azure-core offers it by __getattr__
    """Refuses to carry anything to another host than ARM's: the SDK builds URLs from answers as well."""

    def __init__(self, endpoint: str, session: requests.Session) -> None:
        super().__init__(session=session, session_owner=False)
        self._endpoint = endpoint

    def send(self, request: Any, **kwargs: Any) -> Any:
        # An invocation has a token of Azure ML's audience, and goes to the endpoint's own host.
        if request.method != "POST" or not is_batch_data_plane(request.url):
            ensure_trusted(request.url, self._endpoint)
        return super().send(request, **kwargs)


class Session:
    """One pool of connections and one ``MLClient`` per workspace. Safe to call from several threads."""

    def __init__(self, settings: Settings, client_id: str) -> None:
        self._settings = settings
        self._requests = requests.Session()
        self._credential = ManagedIdentityCredential(
            client_id=client_id,
            transport=RequestsTransport(session=self._requests, session_owner=False),
            **_NO_SURPRISES,
        )
        self._transport = _TrustedTransport(settings.arm_endpoint, self._requests)
        scope = f"{settings.arm_endpoint}/.default"
        self._pipeline: Any = Pipeline(self._transport, [BearerTokenCredentialPolicy(self._credential, scope)])
        self._clients: dict[str, Any] = {}
        self._making = threading.Lock()

    def submit(self, workspace_id: str, request: JobRequest) -> Any:
        """PUT of the job under its own name."""
        job = importlib.import_module("azure.ai.ml").command(
            name=request.name,
            command=request.command,
            environment=request.environment,
            compute=request.compute,
            experiment_name=request.experiment,
            tags={OWNER_TAG: request.owner},
        )
        return _guarded(lambda: self._client(workspace_id).jobs.create_or_update(job))

    def submit_pipeline(self, workspace_id: str, asked: PipelineJob, component: str, tags: dict[str, str]) -> Any:
        """PUT of one run of a registered pipeline component, under its own name."""

        def send() -> Any:
            client = self._client(workspace_id)
            name, _, version = component.removeprefix("azureml:").partition(":")
            found = client.components.get(name, version) if version else client.components.get(name, label="latest")
            require_remote(_types(found), asked.inputs)
            job = found(**asked.inputs)
            job.name, job.experiment_name, job.tags = asked.name, asked.experiment, tags
            if asked.compute is not None:
                job.settings.default_compute = asked.compute
            return client.jobs.create_or_update(job)

        return _guarded(send)

    def put_schedule(self, workspace_id: str, asked: MonitorRequest | PipelineSchedule) -> None:
        """PUT of a schedule; its operation goes on by itself."""

        def send() -> None:
            client = self._client(workspace_id)
            if isinstance(asked, MonitorRequest):
                require_remote_data(asked)
                schedule = _schedules().monitor_schedule(asked)
            else:
                name, _, version = asked.job.component.removeprefix("azureml:").partition(":")
                component = client.components.get(name, version)
                require_remote(_types(component), asked.job.inputs)
                schedule = _schedules().pipeline_schedule(asked, component)
            # Its thread would poll for nobody; the method takes no `polling` (azure-ai-ml 1.35.2).
            client.schedules._get_polling = lambda _: False
            try:
                client.schedules.begin_create_or_update(schedule)
            except AttributeError as error:
                # What the SDK makes of a collection without `dataId` (azure-ai-ml 1.35.2, _schedule_operations.py).
                text = "azure-ai-ml cannot resolve the deployment: each of its collections has to name its data asset."
                raise Rejected("CollectionWithoutAsset", text) from error

        _guarded(send)

    def invoke(self, workspace_id: str, asked: PipelineJob, deployment: BatchDeployment) -> Any:
        """POST to the endpoint's own host; the job it starts has the name that was asked for."""

        def send() -> Any:
            inputs = batch_inputs(asked.inputs)
            given = {
                name: importlib.import_module("azure.ai.ml").Input(type=kind, **{field: value})
                for name, (kind, field, value) in inputs.items()
            }
            return self._client(workspace_id).batch_endpoints.invoke(
                deployment.endpoint,
                deployment_name=deployment.deployment,
                inputs=given or None,
                job_name=asked.name,
                experiment_name=asked.experiment,
            )

        return _guarded(send)

    def put_job(self, workspace_id: str, name: str, properties: dict[str, Any]) -> None:
        """PUT of a job as it is: the SDK cannot send one of a registered component that it has read (1.35.2)."""
        body = {key: value for key, value in properties.items() if key not in _SHOWN_ONLY}
        self._raw("PUT", f"{workspace_id}/jobs/{name}", {"properties": body})

    def label(self, workspace_id: str, name: str, tags: dict[str, str]) -> None:
        """A job's tags and these, PUT with all else as it is shown."""
        found = self._raw("GET", f"{workspace_id}/jobs/{name}", None)
        properties = found.get("properties") or {}
        self.put_job(workspace_id, name, {**properties, "tags": {**(properties.get("tags") or {}), **tags}})

    def _raw(self, method: str, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        """One call of ARM, with the token of Azure ML's own audience that the SDK sends with pipelines, too."""

        def send() -> dict[str, Any]:
            audience = HOSTS[self._settings.cloud].ml_audience
            headers = {"x-azureml-token": self._credential.get_token(f"{audience}/.default").token} if body else {}
            url = f"{self._settings.arm_endpoint}{path}?api-version={JOBS_API}"
            answer = self._pipeline.run(HttpRequest(method, url, headers=headers, json=body)).http_response
            if answer.status_code >= 300:
                raise HttpResponseError(response=answer)
            found = json.loads(answer.body())
            return found if isinstance(found, dict) else {}

        return _guarded(send)

    def get(self, workspace_id: str, name: str) -> Any:
        """The SDK's job, or None."""

        def read() -> Any:
            try:
                return self._client(workspace_id).jobs.get(name)
            except HttpResponseError as error:
                if error.response is not None and is_absence(_answer(error.response)):
                    return None
                raise

        return _guarded(read)

    def cancel(self, workspace_id: str, name: str) -> None:
        """POST of the job's cancel."""
        _guarded(lambda: self._client(workspace_id).jobs.begin_cancel(name, polling=False))

    def close(self) -> None:
        """Closes the sockets; none of the SDK's dozens of clients can be closed by itself."""
        self._requests.close()

    def _client(self, workspace_id: str) -> Any:
        key = workspace_id.lower()
        with self._making:
            if key not in self._clients:
                self._clients[key] = self._connect(workspace_id)
            return self._clients[key]

    def _connect(self, workspace_id: str) -> Any:
        chosen = self._settings
        hosts = HOSTS[chosen.cloud]
        return importlib.import_module("azure.ai.ml").MLClient(
            self._credential,
            subscription_of(workspace_id),
            resource_group_of(workspace_id),
            name_of(workspace_id),
            # The SDK keeps its clouds by name and refuses to change one: the name holds what makes ours differ.
            cloud=f"{chosen.cloud} at {chosen.arm_host}",
            cloud_metadata={
                "azure_portal": f"{hosts.portal}/",
                "resource_manager": f"{chosen.arm_endpoint}/",
                "active_directory": f"{chosen.authority_host}/",
                "aml_resource_id": f"{hosts.ml_audience}/",
                "storage_endpoint": hosts.storage[0],
                "registry_discovery_endpoint": f"{hosts.registry_discovery}/",
            },
            enable_telemetry=False,
            show_progress=False,
            transport=self._transport,
            **_NO_SURPRISES,
        )


def _types(component: Any) -> dict[str, object]:
    """Input of a component → its type."""
    return {name: one.type for name, one in (component.inputs or {}).items()}


def _schedules() -> Any:
    return importlib.import_module("controlplane.azure._schedules")


def _guarded(act: Callable[[], T]) -> T:
    """Runs ``act`` and raises our errors for the SDK's."""
    try:
        return act()
    except AzureError as error:
        raise _mapped(error) from error
    except json.JSONDecodeError as error:
        # azure-identity reads whatever the identity endpoint answers as JSON, a redirect's empty body too.
        message = "The identity endpoint, or Azure, answered something that is not JSON."
        raise Transient("UnreadableAnswer", message, retry_after=UNNAMED) from error


def _mapped(error: AzureError) -> ControlPlaneError:
    if isinstance(error, HttpResponseError):
        if error.response is not None:
            return error_of(_answer(error.response))
        return Fatal("ManagedIdentityUnavailable", "This process has no identity endpoint.")
    if isinstance(error, importlib.import_module("azure.ai.ml.exceptions").MlException):
        if _UNREACHED in str(error):
            text = "The batch endpoint's own host could not be reached: its invocations do not go through ARM."
            return Transient("DataPlaneUnreachable", text, retry_after=UNNAMED)
        return Rejected("InvalidJob", clean(str(error)))
    return lost_connection(error)


def _answer(response: Any) -> ArmAnswer:
    headers = {str(name).lower(): str(value) for name, value in response.headers.items()}
    return ArmAnswer(response.status_code, headers, response.body(), response.request.url)
