"""Reading a cluster with the caller's own rights, through the official client: plain objects in, clear errors out."""

import json
from importlib import import_module
from typing import Any, Protocol

import click
from urllib3.exceptions import HTTPError

from entente.kube.config import SERVICE_ACCOUNT
from entente.kube.kinds import Kind

Object = dict[str, Any]

_PAGE = 500
_CONNECT_S, _ANSWER_S = 5, 60

_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _GONE = 401, 403, 404, 410


class ClusterError(click.ClickException):
    """The cluster cannot be read; the text says why and what to do."""


class ForbiddenError(ClusterError):
    pass


class NotThereError(ClusterError):
    """There is no such object, or no such kind."""


class Reader(Protocol):
    @property
    def namespace(self) -> str:
        """That of the kubeconfig's context."""

    def get(self, kind: Kind, name: str, namespace: str | None = None) -> Object:
        """One object. Raises ClusterError."""

    def list(self, kind: Kind, namespace: str | None = None) -> list[Object]:
        """All objects of a kind, of all namespaces where none is given. Raises ClusterError."""


class Cluster:
    """A cluster as a kubeconfig, or the pod's service account, shows it.

    Args:
        kubeconfig: a file; None: `$KUBECONFIG`, else `~/.kube/config`, else the pod's service account.
        context: of the kubeconfig; its current one when None.

    Raises:
        ClusterError: none of them can be used.
    """

    def __init__(self, kubeconfig: str | None = None, context: str | None = None) -> None:
        # It takes a quarter of a second to import, which no other command should have to wait for.
        client: Any = import_module("kubernetes.client")
        configuration = client.Configuration()
        self.namespace = _configure(configuration, kubeconfig, context)
        configuration.retries = False
        self._host = configuration.host
        self._api = client.ApiClient(configuration)

    def get(self, kind: Kind, name: str, namespace: str | None = None) -> Object:
        """One object.

        Raises:
            NotThereError: there is none of this name.
            ForbiddenError: the caller may not read it.
            ClusterError: the server cannot be reached, or refused.
        """
        return self._read(kind, kind.path(namespace, name), {})

    def list(self, kind: Kind, namespace: str | None = None) -> list[Object]:
        """All objects of a kind, page by page; of all namespaces where none is given.

        Raises:
            NotThereError: the cluster does not know the kind.
            ForbiddenError: the caller may not list them.
            ClusterError: the server cannot be reached, or refused.
        """
        items: list[Object] = []
        query = {"limit": str(_PAGE)}
        while True:
            page = self._read(kind, kind.path(namespace), query)
            items += page["items"]
            token = page["metadata"].get("continue")
            if not token:
                return [{"apiVersion": kind.api_version, "kind": kind.kind, **item} for item in items]
            query["continue"] = token

    def _read(self, kind: Kind, path: str, query: dict[str, str]) -> Object:
        failures: Any = import_module("kubernetes.client.exceptions")
        request = self._api.param_serialize(
            "GET",
            path,
            query_params=list(query.items()),
            header_params={"Accept": "application/json"},
            auth_settings=["BearerToken"],
        )
        try:
            answer: Any = self._api.call_api(*request, _request_timeout=(_CONNECT_S, _ANSWER_S))
            status, body = answer.status, answer.read()
        except failures.ApiException as error:  # the client wraps TLS errors, without a status
            status, body = error.status or 0, error.body or str(error.reason).encode()
        except HTTPError as error:
            message = f"cannot reach the cluster at {self._host}: {_plainly(error)}"
            raise ClusterError(message) from error
        if status == 200:  # noqa: PLR2004 - OK
            found: Object = json.loads(body)
            return found
        raise _refusal(kind, path, status, body, self._host)


def _configure(configuration: Any, kubeconfig: str | None, context: str | None) -> str:  # noqa: ANN401 - untyped client
    """Fill the client's configuration; returns the namespace of the context."""
    config: Any = import_module("kubernetes.config")

    try:
        config.load_kube_config(kubeconfig, context, configuration, persist_config=False)
        contexts, current = config.list_kube_config_contexts(kubeconfig)
    except config.ConfigException as error:
        if kubeconfig is None and context is None and (inside := _in_pod(configuration)) is not None:
            return inside
        given = kubeconfig or "$KUBECONFIG or ~/.kube/config"
        message = f"no cluster: {given} cannot be used: {str(error).rstrip('.')}; give one by --kubeconfig"
        raise ClusterError(message) from error
    except Exception as error:  # the client lets through whatever its parser, or a file that is missing, raises
        given = kubeconfig or "$KUBECONFIG or ~/.kube/config"
        message = f"no cluster: {given} cannot be read: {type(error).__name__}: {error}"
        raise ClusterError(message) from error
    chosen = next((c for c in contexts if c["name"] == context), current) if context else current
    return str((chosen.get("context") or {}).get("namespace") or "default")


def _in_pod(configuration: Any) -> str | None:  # noqa: ANN401 - untyped client
    """The namespace of the pod's service account, where this is a pod."""
    config: Any = import_module("kubernetes.config")

    try:
        config.load_incluster_config(client_configuration=configuration)
        return (SERVICE_ACCOUNT / "namespace").read_text(encoding="utf-8").strip()
    except (config.ConfigException, OSError):
        return None


def _refusal(kind: Kind, path: str, status: int, body: bytes | str, host: str) -> ClusterError:
    try:
        message = str(json.loads(body).get("message") or "")
    except (ValueError, AttributeError):
        message = ""
    if status == _FORBIDDEN:
        return ForbiddenError(message or f"you may not read {kind.plural}")
    if status == _NOT_FOUND and message.startswith(f"{kind.plural}."):
        return NotThereError(message)
    if status == _NOT_FOUND:
        return NotThereError(f"the cluster at {host} has no {kind.plural}: is Entente installed there?")
    if status == _UNAUTHORIZED:
        return ClusterError(f"the cluster at {host} does not take your credentials (401): log in again")
    if status == _GONE:
        return ClusterError(f"{kind.plural} changed too much while they were listed (410): try again")
    return ClusterError(f"the cluster at {host} answered {status} to {path}: {message or 'without saying why'}")


def _plainly(error: BaseException) -> str:
    """The innermost reason: `Connection refused` instead of a chain of wrappers."""
    reason = getattr(error, "reason", None)
    if isinstance(reason, BaseException):
        return _plainly(reason)
    text = str(error)
    return text.rsplit(": ", 1)[-1] if "object at 0x" in text else text
