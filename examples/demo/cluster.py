"""The demo's way to the API server, through the official client: plain objects in, plain objects out."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from kubernetes import client, config
from kubernetes.stream import stream

from demo.objects import Object
from entente.kube.kinds import Kind

FIELD_MANAGER = "entente-demo"
TIMEOUT_S = 20
WATCH_S = 240
"""A watch is renewed at the latest after this time."""

_ERRORS, _NOT_FOUND, _CONFLICT = 400, 404, 409
_WRITE = {"fieldManager": FIELD_MANAGER}


class ApiError(RuntimeError):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


class Cluster:
    """A connection as the user of a kubeconfig; may be used by several threads."""

    def __init__(self, kubeconfig: Path, *, connections: int = 16) -> None:
        options = client.Configuration()
        options.connection_pool_maxsize = connections
        load: Callable[..., None] = config.load_kube_config  # the client is not typed
        load(str(kubeconfig), client_configuration=options, persist_config=False)
        self._api = client.ApiClient(options)

    def list(
        self, kind: Kind, *, namespace: str | None = None, label_selector: str | None = None
    ) -> tuple[list[Object], str]:
        """All objects of a kind, of all namespaces when none is named, and the resource version of the list."""
        query = {"labelSelector": label_selector} if label_selector else {}
        page = self._call(_Request("GET", kind.path(namespace), query))
        return page["items"], page["metadata"]["resourceVersion"]

    def get(self, kind: Kind, name: str, namespace: str | None = None) -> Object | None:
        """One object; None when there is none."""
        try:
            return self._call(_Request("GET", kind.path(namespace, name)))
        except ApiError as error:
            if error.status == _NOT_FOUND:
                return None
            raise

    def apply(self, kind: Kind, body: Mapping[str, Any]) -> Object:
        """Server-side apply of a manifest."""
        meta = body["metadata"]
        path, query = kind.path(meta.get("namespace"), meta["name"]), {**_WRITE, "force": "true"}
        return self._call(_Request("PATCH", path, query, body, "application/apply-patch+yaml"))

    def create(self, kind: Kind, body: Mapping[str, Any]) -> bool:
        """Make an object; False when there was one of that name already."""
        try:
            self._call(_Request("POST", kind.path(body["metadata"].get("namespace")), _WRITE, body))
        except ApiError as error:
            if error.status == _CONFLICT:
                return False
            raise
        return True

    def patch(
        self, kind: Kind, name: str, body: Mapping[str, Any], *, namespace: str | None = None, subresource: str = ""
    ) -> bool:
        """JSON merge patch; False when there is no such object any more."""
        path = kind.path(namespace, name, subresource or None)
        try:
            self._call(_Request("PATCH", path, _WRITE, body, "application/merge-patch+json"))
        except ApiError as error:
            if error.status == _NOT_FOUND:
                return False
            raise
        return True

    def watch(self, kind: Kind, resource_version: str) -> Iterator[Object]:
        """Watch events after a resource version, until the server ends the watch.

        Raises:
            ApiError: 410 when the version is too old: list again.
        """
        query = {
            "watch": "true",
            "resourceVersion": resource_version,
            "timeoutSeconds": str(WATCH_S),
            "allowWatchBookmarks": "true",
        }
        response = self._send(_Request("GET", kind.path(), query), read_s=WATCH_S + TIMEOUT_S).response
        try:
            for line in _lines(response.stream(None)):
                event: Object = json.loads(line)
                if event["type"] == "ERROR":
                    raise ApiError(event["object"].get("code", 0), event["object"].get("message", ""))
                yield event
        finally:
            response.close()

    def execute(self, namespace: str, pod: str, command: Sequence[str]) -> None:
        """Run a command in the first container of a pod.

        Raises:
            ApiError: the API server or the kubelet refused it.
        """
        # the stream replaces the request method of the client that it is given
        core = client.CoreV1Api(client.ApiClient(self._api.configuration))
        try:
            stream(
                core.connect_get_namespaced_pod_exec,
                pod,
                namespace,
                command=[*command],
                stdin=False,
                stdout=True,
                stderr=True,
                tty=False,
            )
        except client.ApiException as error:
            raise ApiError(error.status or 0, str(error.reason)) from error

    def _call(self, request: "_Request") -> Object:
        answer: Object = json.loads(self._send(request).response.data or b"{}")
        return answer

    def _send(self, request: "_Request", *, read_s: float = TIMEOUT_S) -> Any:  # noqa: ANN401 - the client has no types
        path = f"{request.path}?{urlencode(request.query)}" if request.query else request.path
        headers = {"Accept": "application/json"}
        if request.body is not None:
            headers["Content-Type"] = request.content_type
        method, url, headers, body, _ = self._api.param_serialize(
            request.method, path, header_params=headers, body=request.body, auth_settings=["BearerToken"]
        )
        response = self._api.call_api(method, url, headers, body, _request_timeout=(TIMEOUT_S, read_s))
        if response.status >= _ERRORS:
            raise ApiError(response.status, _message(response.response.data))
        return response


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    content_type: str = "application/json"


def _lines(chunks: Iterator[bytes]) -> Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        yield from (line for line in whole if line)


def _message(data: bytes) -> str:
    try:
        return str(json.loads(data)["message"])
    except (ValueError, KeyError, TypeError):
        return data.decode(errors="replace")[:200]
