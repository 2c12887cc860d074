"""Trying again what the API server could not do for a moment."""

import time
from collections.abc import Callable

from urllib3.exceptions import HTTPError

from demo.cluster import ApiError

ATTEMPTS = 5
RETRY_S = 1.0


def patiently(action: Callable[[], None]) -> None:
    """Do something that may be done twice, several times if need be.

    Raises:
        ApiError: the API server refused it each time.
        HTTPError: it could not be reached the last time.
    """
    for _ in range(ATTEMPTS - 1):
        try:
            action()
        except (ApiError, HTTPError):
            time.sleep(RETRY_S)
        else:
            return
    action()
