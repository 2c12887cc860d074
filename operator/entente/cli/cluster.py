"""Reading a cluster with the caller's own rights, through the official client: plain objects in, clear errors out."""

import json
import re
from collections.abc import Mapping
from importlib import import_module
from typing import Any, NamedTuple, Protocol

import click
from urllib3 import HTTPHeaderDict
from urllib3.exceptions import HTTPError

from entente.cli.options import Access
from entente.kube.config import SERVICE_ACCOUNT
from entente.kube.errors import ConfigError
from entente.kube.impersonation import as_somebody, headers_of
from entente.kube.kinds import Kind

Object = dict[str, Any]

_PAGE = 500
_CONNECT_S, _ANSWER_S = 5, 60

_INSTALL = "Where Entente is not installed, install it: `kubectl apply -f crds/`, or its Helm chart"
_ASK = "Members of a tenant may read its namespaces, admins of the cluster all: ask them for the right, or act --as one"
_CHECK = "Is it up, and is this the context that you mean? --context names another one"
_GIVE = "Give a kubeconfig by --kubeconfig or $KUBECONFIG"
_ANY = Access()

_NAME = re.compile(r"[a-z0-9]([-.a-z0-9]*[a-z0-9])?")

_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _GONE = 401, 403, 404, 410


class ClusterError(click.ClickException):
    """The cluster cannot be read; the text says why and what to do."""


class ForbiddenError(ClusterError):
    pass


class NotThereError(ClusterError):
    """There is no such object."""


class NotInstalledError(ClusterError):
    """The cluster does not know this kind of object."""


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
        access: a kubeconfig file (none: `$KUBECONFIG`, else `~/.kube/config`, else the pod's service account), its
            context (none: the current one), and whom to act as (none: whom the kubeconfig says).

    Raises:
        ClusterError: none of them can be used, or groups are given without a user.
    """

    def __init__(self, access: Access = _ANY) -> None:
        try:
            acting = as_somebody(access.user, access.groups)
        except ConfigError as error:
            raise ClusterError(str(error)) from error
        # It takes a quarter of a second to import, which no other command should have to wait for.
        client: Any = import_module("kubernetes.client")
        configuration = client.Configuration()
        chosen = _configure(configuration, access)
        self.namespace = chosen.namespace
        try:
            acting_headers = headers_of(acting or chosen.user)
        except ConfigError as error:
            raise ClusterError(str(error)) from error
        # Kubernetes reads headers as UTF-8; the client writes them as Latin-1.
        self._acting = [(name, value.encode().decode("latin-1")) for name, value in acting_headers]
        configuration.retries = False
        self._host = configuration.host
        self._api = client.ApiClient(configuration)

    def get(self, kind: Kind, name: str, namespace: str | None = None) -> Object:
        """One object.

        Raises:
            NotThereError: there is none of this name.
            NotInstalledError: the cluster does not know the kind.
            ForbiddenError: the caller may not read it.
            ClusterError: the server cannot be reached, or refused.
        """
        _check("namespace", namespace)
        _check(kind.kind, name)
        return self._read(kind, kind.path(namespace, name), {})

    def list(self, kind: Kind, namespace: str | None = None) -> list[Object]:
        """All objects of a kind, page by page; of all namespaces where none is given.

        Raises:
            NotInstalledError: the cluster does not know the kind.
            ForbiddenError: the caller may not list them.
            ClusterError: the server cannot be reached, or refused.
        """
        _check("namespace", namespace)
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
        method, url, headers, *body = request
        headers = HTTPHeaderDict([*headers.items(), *self._acting])
        try:
            answer: Any = self._api.call_api(method, url, headers, *body, _request_timeout=(_CONNECT_S, _ANSWER_S))
            status, content = answer.status, answer.read()
        except failures.ApiException as error:  # the client wraps TLS errors, without a status
            status, content = error.status or 0, error.body or str(error.reason).encode()
        except HTTPError as error:
            message = f"cannot reach the cluster at {self._host}: {_plainly(error)}. {_CHECK}"
            raise ClusterError(message) from error
        if status == 200:  # noqa: PLR2004 - OK
            found: Object = json.loads(content)
            return found
        raise _refusal(kind, path, status, content, self._host)


def _check(what: str, name: str | None) -> None:
    """Refuse what would be a path to something else, or to nothing."""
    if name is not None and _NAME.fullmatch(name) is None:
        message = f"{what}: {name!r} is no name; names have a to z, 0 to 9, - and . alone, such as llm-7b"
        raise ClusterError(message)


class _Chosen(NamedTuple):
    """What of a kubeconfig the client's configuration has no place for."""

    namespace: str
    user: Mapping[str, Any]


def _configure(configuration: Any, access: Access) -> _Chosen:  # noqa: ANN401 - untyped client
    """Fill the client's configuration with the context's server and credentials."""
    config: Any = import_module("kubernetes.config")

    file, given = access.kubeconfig, access.kubeconfig or "$KUBECONFIG or ~/.kube/config"
    try:
        config.load_kube_config(file, access.context, configuration, persist_config=False)
        contexts, current = config.list_kube_config_contexts(file)
        chosen = next((c for c in contexts if c["name"] == access.context), current)["context"]
        return _Chosen(str(chosen.get("namespace") or "default"), _user(file, chosen.get("user")))
    except config.ConfigException as error:
        if file is None and access.context is None and (inside := _in_pod(configuration)) is not None:
            return _Chosen(inside, {})
        message = f"no cluster: {given} cannot be used: {str(error).rstrip('.')}. {_GIVE}"
        raise ClusterError(message) from error
    except Exception as error:  # the client lets through whatever its parser, or a file that is missing, raises
        message = f"no cluster: {given} cannot be read: {type(error).__name__}: {error}. {_GIVE}"
        raise ClusterError(message) from error


def _user(file: str | None, name: str | None) -> Mapping[str, Any]:
    """The entry of a user in the kubeconfig."""
    reader: Any = import_module("kubernetes.config.kube_config")
    found = reader.KubeConfigMerger(file or reader.KUBE_CONFIG_DEFAULT_LOCATION).config["users"]
    entry = found.get_with_name(name, safe=True)
    return (entry.value.get("user") or {}) if entry is not None else {}


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
        return _forbidden((message or f"you may not read {kind.plural}").rstrip("."))
    if status == _NOT_FOUND and message.startswith(kind.plural):
        return NotThereError(message)
    if status == _NOT_FOUND:
        return NotInstalledError(f"the cluster at {host} has no {kind.plural}. {_INSTALL}")
    if status == _UNAUTHORIZED:
        return ClusterError(f"the cluster at {host} does not take your credentials (401): log in again")
    if status == _GONE:
        return ClusterError(f"{kind.plural} changed too much while they were listed (410): try again")
    return ClusterError(f"the cluster at {host} answered {status} to {path}: {message or 'without saying why'}")


def _forbidden(message: str) -> ClusterError:
    """Who may not act as somebody sees nothing at all, which is not the same as seeing a part."""
    if " cannot impersonate" in message:
        return ClusterError(f"{message}. To act as somebody you need the right to impersonate them")
    return ForbiddenError(f"{message}. {_ASK}")


def _plainly(error: BaseException) -> str:
    """The innermost reason: `Connection refused` instead of a chain of wrappers."""
    reason = getattr(error, "reason", None)
    if isinstance(reason, BaseException):
        return _plainly(reason)
    text = str(error)
    return text.rsplit(": ", 1)[-1] if "object at 0x" in text else text
