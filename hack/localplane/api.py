"""A small synchronous client of the plane's API server, for what the plane itself and its tests have to say to it."""

from __future__ import annotations

import http.client
import json
import ssl
import time
import urllib.parse
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from localplane.certificates import KeyPair

Json = dict[str, Any]

REQUEST_TIMEOUT_SECONDS = 60.0
PAUSE_SECONDS = 0.2
THROTTLED_SECONDS = 30.0
"""How long a request is sent again while the server says that it is busy."""
PARALLEL_REQUESTS = 16
"""How many requests of a bulk run at once: more only queue in the API server of a small machine."""

MERGE_PATCH = "application/merge-patch+json"
_JSON = "application/json"


class ApiFailure(Exception):  # noqa: N818 - a refusal is often what a test wants to see, not an error
    """An answer of the API server with a status of 400 or more."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(f"{status} {reason}: {message}")
        self.status = status
        self.reason = reason
        self.message = message


class ApiClient:
    """Sends requests to one API server as one user. It may be used from several threads."""

    def __init__(self, server: str, authority: Path, credentials: KeyPair) -> None:
        self._address = urllib.parse.urlsplit(server)
        self._tls = ssl.create_default_context(cafile=str(authority))
        self._tls.load_cert_chain(credentials.certificate, credentials.key)

    def get(self, path: str) -> Json:
        """Read an object or a list. Raises ApiFailure, OSError."""
        return self.request("GET", path)

    def create(self, path: str, body: Json) -> Json:
        """Create an object in the collection at the path. Raises ApiFailure, OSError."""
        return self.request("POST", path, body)

    def patch(self, path: str, body: Json) -> Json:
        """Change an object by a JSON merge patch. Raises ApiFailure, OSError."""
        return self.request("PATCH", path, body)

    def delete(self, path: str) -> Json:
        """Delete an object. Raises ApiFailure, OSError."""
        return self.request("DELETE", path)

    def request(self, method: str, path: str, body: Json | None = None) -> Json:
        """Send one request. Raises ApiFailure, OSError."""
        with self._session() as send:
            return send(method, path, body)

    def create_many(self, path: str, bodies: Iterable[Json]) -> list[Json]:
        """Create objects in parallel, over few connections. Raises the first failure, after all were tried."""
        waiting = list(bodies)
        shares = [waiting[start::PARALLEL_REQUESTS] for start in range(min(PARALLEL_REQUESTS, len(waiting)))]

        def create_share(share: list[Json]) -> list[Json]:
            with self._session() as send:
                return [send("POST", path, body) for body in share]

        with ThreadPoolExecutor(PARALLEL_REQUESTS) as pool:
            return [created for share in list(pool.map(create_share, shares)) for created in share]

    def is_ready(self, path: str) -> bool:
        """Say whether a health endpoint answers 200; not whether it will in a moment."""
        try:
            self.request("GET", path)
        except (ApiFailure, OSError, http.client.HTTPException):
            return False
        return True

    @contextmanager
    def _session(self) -> Iterator[Callable[[str, str, Json | None], Json]]:
        host, port = self._address.hostname or "", self._address.port
        connection: http.client.HTTPConnection
        if self._address.scheme == "https":
            connection = http.client.HTTPSConnection(host, port, timeout=REQUEST_TIMEOUT_SECONDS, context=self._tls)
        else:
            connection = http.client.HTTPConnection(host, port, timeout=REQUEST_TIMEOUT_SECONDS)
        with closing(connection):
            yield lambda method, path, body: _exchange(connection, method, path, body)


def _exchange(connection: http.client.HTTPConnection, method: str, path: str, body: Json | None) -> Json:
    headers = {"Accept": _JSON}
    if body is not None:
        headers["Content-Type"] = MERGE_PATCH if method == "PATCH" else _JSON
    deadline = time.monotonic() + THROTTLED_SECONDS
    while True:
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        response = connection.getresponse()
        content = response.read()
        if response.status != http.HTTPStatus.TOO_MANY_REQUESTS or time.monotonic() > deadline:
            break
        time.sleep(PAUSE_SECONDS)  # it was not carried out; the server's own advice is a whole second or more
    answer = _decoded(content)
    if response.status >= http.HTTPStatus.BAD_REQUEST:
        text = str(answer.get("message") or content.decode("utf-8", "replace"))
        raise ApiFailure(response.status, str(answer.get("reason") or response.reason), text)
    return answer


def _decoded(content: bytes) -> Json:
    try:
        answer = json.loads(content)
    except ValueError:
        return {}  # health endpoints answer in plain text
    return answer if isinstance(answer, dict) else {}
