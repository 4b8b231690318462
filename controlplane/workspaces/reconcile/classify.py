"""From an error to what a step does about it. Pure; the rules are rows of ``workspaces/arm_errors.py``."""

from __future__ import annotations

from dataclasses import dataclass

from controlplane.errors import ControlPlaneError, Fatal, NotYet, Throttled, Transient
from controlplane.operations.model import ErrorBody
from controlplane.workspaces.arm_errors import BACKOFF, GONE_CODES, Verdict, look_up
from controlplane.workspaces.denied import in_words


@dataclass(frozen=True, slots=True)
class Retry:
    """Try again after ``seconds``."""

    seconds: float
    error: ErrorBody
    """Shown on the step while it waits."""
    counts: bool
    """Whether it was a failed attempt; waiting for others and throttling are none."""
    not_sent: bool
    """Azure refused it, so nothing happened; otherwise Azure has to be read before it is sent again."""
    throttled: bool = False


@dataclass(frozen=True, slots=True)
class Adopt:
    """It exists under another name."""


@dataclass(frozen=True, slots=True)
class Recover:
    """Azure keeps a deleted one of this id: ask it back."""


@dataclass(frozen=True, slots=True)
class Gone:
    """Nothing to delete."""


@dataclass(frozen=True, slots=True)
class Fail:
    """ARM's code and message as they came."""

    error: ErrorBody


Answer = Retry | Adopt | Recover | Gone | Fail

#: Writes of one step that may ask a deleted resource back.
MAX_RECOVERIES = 3


@dataclass(frozen=True, slots=True)
class Attempt:
    """Of what an error is the answer. ``number`` counts from 1; ``waits`` are refusals before it that did not count."""

    type: str
    deleting: bool
    number: int
    waits: int = 0


def classify_error(error: ControlPlaneError, attempt: Attempt) -> Answer:
    """What to do about a write, or a read, that raised."""
    verdict = _verdict(error.code, attempt)
    if verdict is None:
        passing = isinstance(error, Transient | NotYet)
        verdict = Verdict.RETRY_FAST if passing else Verdict.FATAL
    if isinstance(error, Throttled):
        # By its status: providers call it what they like.
        verdict = Verdict.THROTTLED
    if isinstance(error, Fatal):
        verdict = Verdict.FATAL
    # A passing fault may have hidden that the write took effect; a refusal, and throttling, come before any effect.
    not_sent = verdict is Verdict.THROTTLED or not isinstance(error, Transient)
    retry_after = error.retry_after if isinstance(error, Transient | NotYet) else 0.0
    body = ErrorBody(code=error.code, message=in_words(error.code, error.message), target=error.target)
    return _answer(verdict, body, attempt, retry_after, not_sent)


def classify_failure(code: str | None, message: str | None, attempt: Attempt) -> Answer:
    """What to do about a long operation that ended ``Failed`` or ``Canceled``."""
    words = in_words(code or "", message or "Azure gave no message.")
    body = ErrorBody(code=code or "OperationFailed", message=words)
    verdict = _verdict(body.code, attempt) or Verdict.FATAL
    return _answer(verdict, body, attempt, 0.0, not_sent=False)


def _verdict(code: str, attempt: Attempt) -> Verdict | None:
    if attempt.deleting and code.lower() in GONE_CODES:
        return Verdict.GONE
    row = look_up(code, attempt.type)
    return row.verdict if row else None


def _answer(verdict: Verdict, error: ErrorBody, attempt: Attempt, retry_after: float, not_sent: bool) -> Answer:
    match verdict:
        case Verdict.ADOPT:
            return Adopt()
        case Verdict.RECOVER:
            return Recover() if attempt.number < MAX_RECOVERIES else Fail(error)
        case Verdict.GONE:
            return Gone()
        case Verdict.FATAL:
            return Fail(error)
        case Verdict.RETRY_FAST | Verdict.RETRY_SLOW:
            backoff = BACKOFF[verdict]
            if backoff.attempts is not None and attempt.number >= backoff.attempts:
                return Fail(error)
            return Retry(retry_after or backoff.delay(attempt.number), error, True, not_sent)
        case Verdict.WAIT | Verdict.THROTTLED:
            seconds = retry_after or BACKOFF[verdict].delay(attempt.waits + 1)
            return Retry(seconds, error, False, not_sent, throttled=verdict is Verdict.THROTTLED)
