"""What can go wrong between Entente and the API server, one class for each thing that callers treat differently."""

from collections.abc import Mapping
from typing import Any


class ConfigError(ValueError):
    """The connection's settings cannot be used; the text names the field, what is given and what is allowed."""


class ApiError(Exception):
    """The API server refused or failed a request.

    With a status of 500 or more, a write may have happened nevertheless.
    """

    def __init__(self, status: int, reason: str, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(f"{status} {reason}: {message}")
        self.status = status
        self.reason = reason
        self.message = message
        self.retry_after_s = retry_after_s
        """How long the server asks to be left alone."""


class UnauthorizedError(ApiError):
    """401: the credentials are not valid (any more)."""


class ForbiddenError(ApiError):
    """403: a right is missing, or admission or a quota refuses."""


class NotFoundError(ApiError):
    """404: there is no such object, namespace or kind."""


class ConflictError(ApiError):
    """409: a precondition (resource version, uid) does not hold, or field managers disagree."""


class AlreadyExistsError(ApiError):
    """409 on a create: the name is taken, maybe by an earlier attempt of the same create."""


class GoneError(ApiError):
    """410: the resource version or continue token is too old; list anew."""


class InvalidError(ApiError):
    """422: the object breaks its schema or a validation rule."""


class ThrottledError(ApiError):
    """429: the server is busy; nothing was done."""


class UnreachableError(ApiError):
    """No answer: the connection could not be made, broke or stayed silent too long. Status 0.

    Of a write that was sent the outcome is unknown: it may have happened, or may still happen.
    """

    def __init__(self, message: str) -> None:
        super().__init__(0, "Unreachable", message)


class FencedError(Exception):
    """A write was not sent, since this process no longer leads."""


_BY_STATUS: Mapping[int, type[ApiError]] = {
    401: UnauthorizedError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
    410: GoneError,
    422: InvalidError,
    429: ThrottledError,
}


def from_status(status: int, body: Mapping[str, Any], *, retry_after_s: float | None = None) -> ApiError:
    """The error that a `metav1.Status` body, or an empty one, stands for."""
    reason = str(body.get("reason") or "Unknown")
    message = str(body.get("message") or "the server gave no message")
    if retry_after_s is None:
        seconds = (body.get("details") or {}).get("retryAfterSeconds")
        retry_after_s = float(seconds) if isinstance(seconds, int) and seconds > 0 else None
    kind = AlreadyExistsError if reason == "AlreadyExists" else _BY_STATUS.get(status, ApiError)
    return kind(status, reason, message, retry_after_s=retry_after_s)
