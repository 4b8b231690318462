"""What a storage service answered → the error that says what the caller can do. Knows the SDK's errors by shape only.

Source of the codes: https://learn.microsoft.com/rest/api/storageservices/common-rest-api-error-codes and
.../table-service-error-codes.
"""

from __future__ import annotations

from datetime import UTC, datetime

from controlplane.azure.errors import clean
from controlplane.azure.retry_after import retry_after
from controlplane.errors import Conflict, ControlPlaneError, Fatal, Rejected, Transient

#: Where the service names no time. Partitions that are being moved come back within seconds.
RETRY_SECONDS = 1.0
#: Another's table or queue of this name is still going away; that takes up to a minute.
_BEING_DELETED = frozenset({"TableBeingDeleted", "QueueBeingDeleted"})


def status_of(error: Exception) -> int | None:
    """The status of the answer (of the failed part of a batch), None when there was none."""
    response = getattr(error, "response", None)
    status = getattr(response, "status_code", None) or getattr(error, "status_code", None)
    return status if isinstance(status, int) else None


def code_of(error: Exception) -> str:
    """Storage's own code, ``""`` when there is none."""
    found = getattr(error, "error_code", None)
    return str(getattr(found, "value", found) or "")


def is_outcome_unknown(error: Exception) -> bool:
    """Whether what was asked may have been done: no answer, or one that says the service lost track.

    429 and 503 mean that it was not begun.
    """
    status = status_of(error)
    return status is None or status == 408 or (status >= 500 and status != 503)


def explain(error: Exception) -> ControlPlaneError:
    """The error to raise in place of an SDK's. Quotes Azure's first line only: the rest are request ids."""
    status, code = status_of(error), code_of(error)
    if status is None:
        name = type(getattr(error, "inner_exception", None) or error).__name__
        text = f"The connection to Azure Storage failed ({name}); what was asked may have been done."
        return Transient("StoreUnavailable", text, retry_after=RETRY_SECONDS)
    message = f"Azure Storage answers {status} {code}: {_first_line(error)}"
    match status:
        case _ if status in (408, 429) or status >= 500 or code in _BEING_DELETED:
            return Transient(code or "StoreBusy", message, retry_after=_wait(error))
        case 401 | 403:
            return Fatal("StoreRefused", f"{message} Check the storage connection and the identity's data roles.")
        case 404:
            return Fatal(code or "StoreMissing", message)
        case 409 | 412:
            return Conflict(code or "UpdateConditionNotSatisfied", message)
        case _ if status >= 400:
            return Rejected(code or "InvalidInput", message, status=status)
        case _:
            return Fatal("UnexpectedStatus", f"Azure Storage answers {status}, which is not followed.")


def _wait(error: Exception) -> float:
    headers = getattr(getattr(error, "response", None), "headers", None) or {}
    named = retry_after({name.lower(): str(value) for name, value in headers.items()}, datetime.now(UTC))
    return RETRY_SECONDS if named is None else named


def _first_line(error: Exception) -> str:
    text = str(getattr(error, "message", None) or "")
    # In a batch the message begins with the number of the write: `1:The specified …`.
    return clean(text.splitlines()[0]) if text else "no message."
