"""What can go wrong, named by what the caller can do about it.

    ControlPlaneError
    ├── Rejected    the caller must change something; repeating it as it is will fail again
    ├── Conflict    somebody else changed or holds the object; read it again, then decide
    ├── NotYet      not possible now, will be without anybody changing anything (a dependency, a lease)
    ├── Transient   a passing fault of a service; repeat it after ``retry_after`` seconds
    │   └── Throttled   too many requests; nothing more goes to that subscription until then
    └── Fatal       cannot be cured by repeating; a person has to look

Adapters and the store raise these; the domain returns values. ``controlplane/http/errors.py`` alone turns
them into Azure's error body, by class and code.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ErrorDetail:
    """One of several causes. ``target`` is a JSON path such as ``$.network.addressSpace``."""

    code: str
    message: str
    target: str | None = None


class ControlPlaneError(Exception):
    """Base of every error that is raised on purpose. ``code`` is stable and PascalCase, as Azure's are."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        target: str | None = None,
        details: tuple[ErrorDetail, ...] = (),
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.target = target
        self.details = details


class Rejected(ControlPlaneError):
    """The request, or what it asked of Azure, was refused; ``status`` is the HTTP status Azure gave, if any."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        target: str | None = None,
        details: tuple[ErrorDetail, ...] = (),
        status: int | None = None,
    ) -> None:
        super().__init__(code, message, target=target, details=details)
        self.status = status


class Conflict(ControlPlaneError):
    """A precondition (ETag, insert-if-absent, lease) did not hold, or another operation is running."""


class _Later(ControlPlaneError):
    def __init__(
        self,
        code: str,
        message: str,
        *,
        retry_after: float,
        target: str | None = None,
        details: tuple[ErrorDetail, ...] = (),
    ) -> None:
        super().__init__(code, message, target=target, details=details)
        self.retry_after = retry_after


class NotYet(_Later):
    """Something this depends on is not there yet. ``retry_after`` in seconds."""


class Transient(_Later):
    """A fault that passes: 429, 5xx, a dropped connection. ``retry_after`` in seconds."""


class Throttled(Transient):
    """429: too many requests of this principal to one subscription; nothing was done. ``retry_after`` in seconds, 0
    where Azure names none."""


class Fatal(ControlPlaneError):
    """Repeating does not help: an unexpected host, a broken record, a setting that is wrong."""
