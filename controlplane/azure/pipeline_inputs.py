"""What a pipeline's inputs may be filled with. Pure.

For ``azure-ai-ml`` a text that fills an input of data is a path, and a path that is not remote is one of this process's
own files: it is uploaded to the workspace's storage, where whoever works there reads it (``_resolve_job_input`` of its
job operations). Inputs come of policies and signals, so that only what lies in Azure, or on the web, is let through.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from controlplane.errors import Rejected
from controlplane.ports.schedules import MonitorRequest

_LITERAL = frozenset({"string", "number", "integer", "boolean"})
_REMOTE = re.compile(r"(azureml:|https://|abfss://|wasbs://|adl://)\S+")

#: A version of a data asset by its id, as Azure may show it of a deployment's collected data.
_VERSION = re.compile(
    r"/subscriptions/[\w-]+/resourceGroups/[\w.()-]+/providers/Microsoft\.MachineLearningServices/workspaces/[\w.-]+"
    r"/data/[\w.-]+/versions/[\w.-]+",
    re.IGNORECASE | re.ASCII,
)


def require_remote(types: Mapping[str, object], inputs: Mapping[str, str]) -> None:
    """``types``: input of the component → its type. Raises ``Rejected("PipelineInputNotAllowed")``."""
    for name, value in inputs.items():
        kind = types.get(name)
        if kind is None:
            text = f"The component has no input {name!r}."
        elif str(kind).lower() in _LITERAL or _REMOTE.fullmatch(value):
            continue
        else:
            text = (
                f"Input {name!r} is {kind}: it takes data in Azure, such as azureml:orders:3 or azureml://datastores/…."
            )
        raise Rejected("PipelineInputNotAllowed", text, target=f"$.pipeline.inputs.{name}")


def require_remote_data(asked: MonitorRequest) -> None:
    """As ``require_remote``, of what a monitor reads: where a deployment collects its data says whoever deploys it, and
    the SDK uploads paths of monitors, too (``_resolve_monitor_schedule_arm_id`` of its schedule operations). Raises
    ``Rejected("MonitorDataNotAllowed")``."""
    for one in asked.signals:
        for meaning, value in (*one.production.items(), ("reference", one.reference)):
            if not _REMOTE.fullmatch(value) and not _VERSION.fullmatch(value):
                text = (
                    f"Data {meaning!r} of signal {one.name} is not in Azure: azureml:orders:3, azureml://datastores/…."
                )
                raise Rejected("MonitorDataNotAllowed", text, target="$.signals")


def batch_inputs(inputs: Mapping[str, str]) -> dict[str, tuple[str, str, str]]:
    """What a batch endpoint is invoked with: input → type, the SDK's field, value. The endpoint's own component is not
    read: a remote address is data (a file where its last part has an extension, else a folder), all else a literal,
    which the SDK does not open."""
    found: dict[str, tuple[str, str, str]] = {}
    for name, value in inputs.items():
        if not _REMOTE.fullmatch(value):
            found[name] = ("string", "default", value)
        else:
            is_file = "." in value.rpartition("/")[2] and "/" in value
            found[name] = ("uri_file" if is_file else "uri_folder", "path", value)
    return found
