import pytest

from entente.kube.errors import (
    AlreadyExistsError,
    ApiError,
    ConflictError,
    ForbiddenError,
    GoneError,
    InvalidError,
    NotFoundError,
    ThrottledError,
    UnauthorizedError,
    from_status,
)


@pytest.mark.parametrize(
    ("status", "reason", "expected"),
    [
        (401, "Unauthorized", UnauthorizedError),
        (403, "Forbidden", ForbiddenError),
        (404, "NotFound", NotFoundError),
        (409, "Conflict", ConflictError),
        (409, "AlreadyExists", AlreadyExistsError),
        (410, "Expired", GoneError),
        (410, "Gone", GoneError),
        (422, "Invalid", InvalidError),
        (429, "TooManyRequests", ThrottledError),
        (500, "InternalError", ApiError),
    ],
)
def test_a_status_becomes_the_error_that_callers_tell_apart(status: int, reason: str, expected: type[ApiError]) -> None:
    error = from_status(status, {"reason": reason, "message": "m"})

    assert (type(error), error.status, error.reason, error.message) == (expected, status, reason, "m")


def test_an_empty_body_still_makes_an_error() -> None:
    assert str(from_status(502, {})) == "502 Unknown: the server gave no message"


def test_the_pause_asked_for_in_the_body_counts_when_there_is_no_header() -> None:
    body = {"reason": "Timeout", "details": {"retryAfterSeconds": 3}}

    assert from_status(504, body).retry_after_s == 3.0
    assert from_status(504, body, retry_after_s=1.0).retry_after_s == 1.0
