"""What a pipeline's inputs may be filled with. Pure.

For ``azure-ai-ml`` a text that fills an input of data is a path, and a path that is not remote is one of this process's
own files: it is uploaded to the workspace's storage, where whoever works there reads it (``_resolve_job_input`` of its
job operations). Inputs come of policies and signals, so that only what lies in Azure, or on the web, is let through.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from controlplane.errors import Rejected

_LITERAL = frozenset({"string", "number", "integer", "boolean"})
_REMOTE = re.compile(r"(azureml:|https://|abfss://|wasbs://|adl://)\S+")


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
