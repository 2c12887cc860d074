"""Where the API server is and who we are: from the pod's service account, or from a kubeconfig."""

import base64
import binascii
import os
import ssl
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Self

import yaml

from entente.kube.errors import ConfigError
from entente.kube.impersonation import Headers, headers_of
from entente.kube.plugin import Credential, Plugin, Renewal, with_authority

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")

_TOKEN_S = 60.0
"""Seconds for which a token read from its file is used: the kubelet rotates it long before it expires."""


class Connection:
    """The server's URL, TLS, and credentials.

    Args:
        server: URL without a slash at its end.
        ssl_context: for https; none for http.
        token: a fixed bearer token.
        token_file: a file with a bearer token that changes; it wins over `token`.
        plugin: a command that gives credentials; it is called at once. A token or its file wins over it.
        extra_headers: sent with each request, such as whom to act as.
        namespace: that of the service account or the kubeconfig's context.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        server: str,
        *,
        ssl_context: ssl.SSLContext | None = None,
        token: str | None = None,
        token_file: Path | None = None,
        plugin: Plugin | None = None,
        extra_headers: Iterable[tuple[str, str]] = (),
        namespace: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not server.startswith(("https://", "http://")):
            msg = f"server: {server!r} is no URL; it must start with https:// or http://"
            raise ConfigError(msg)
        self.server = server.rstrip("/")
        self.ssl = ssl_context
        self.namespace = namespace
        self._token_file = token_file
        self._extra = tuple(extra_headers)
        self._clock = clock
        self._read_at: float | None = None
        self._headers = self._with_token(token)
        if token or token_file is not None:
            plugin = None
        self._renewal = Renewal(plugin, self._take, clock=clock) if plugin is not None else None

    async def current_headers(self) -> Headers:
        """The same as `headers`, after a plug-in was asked for a new credential where the last one is about to expire.

        Raises:
            ConfigError: the token's file cannot be read and never could.
        """
        if self._renewal is not None:
            await self._renewal.fresh()
        return self.headers()

    def headers(self) -> Headers:
        """What each request says of who we are. Reads the token's file again when it is due.

        Raises:
            ConfigError: the file cannot be read and never could.
        """
        if self._token_file is not None and (self._read_at is None or self._clock() - self._read_at >= _TOKEN_S):
            try:
                token = self._token_file.read_text(encoding="ascii").strip()
            except (OSError, UnicodeDecodeError) as error:
                # The last token may be good for an hour; a file that is being replaced is back in a moment.
                if self._read_at is None:
                    msg = f"token file: cannot read {str(self._token_file)!r}"
                    raise ConfigError(msg) from error
            else:
                self._headers = self._with_token(token)
            self._read_at = self._clock()
        return self._headers

    def refresh(self) -> None:
        """Get the token anew for the next request, from its file or plug-in: the server refused what we sent."""
        if self._renewal is not None:
            self._renewal.refuse()
        if self._read_at is not None:
            self._read_at = self._clock() - _TOKEN_S

    def _with_token(self, token: str | None) -> Headers:
        return (*self._extra, ("Authorization", f"Bearer {token}")) if token else self._extra

    def _take(self, credential: Credential) -> None:
        self._headers = self._with_token(credential.token)
        if credential.pair is not None and self.ssl is not None:
            _load_pair(self.ssl, *credential.pair)  # counts for connections from now on

    @classmethod
    def discover(
        cls, kubeconfig: str | None = None, *, context: str | None = None, acting: Mapping[str, Any] | None = None
    ) -> Self:
        """The kubeconfig given, else the pod's service account, else `$KUBECONFIG` or `~/.kube/config`.

        Args:
            kubeconfig: a file.
            context: of the kubeconfig; its current one when None.
            acting: whom to act as, in the fields of a kubeconfig's user; whom the kubeconfig says when None or empty.

        Raises:
            ConfigError: none of them can be used.
        """
        if kubeconfig is not None:
            return cls.from_kubeconfig(Path(kubeconfig), context=context, acting=acting)
        if "KUBERNETES_SERVICE_HOST" in os.environ and (SERVICE_ACCOUNT / "token").exists():
            return cls.in_cluster(acting=acting)
        paths = os.environ.get("KUBECONFIG", "").split(os.pathsep)
        given = next((p for p in paths if p), None)
        file = Path(given) if given else Path.home() / ".kube" / "config"
        return cls.from_kubeconfig(file, context=context, acting=acting)

    @classmethod
    def in_cluster(
        cls,
        folder: Path = SERVICE_ACCOUNT,
        *,
        environ: Mapping[str, str] = os.environ,
        acting: Mapping[str, Any] | None = None,
    ) -> Self:
        """The pod's service account.

        Raises:
            ConfigError: this is no pod, or it has no service account.
        """
        host, port = environ.get("KUBERNETES_SERVICE_HOST"), environ.get("KUBERNETES_SERVICE_PORT", "443")
        if not host:
            msg = "KUBERNETES_SERVICE_HOST: not set; this is no pod, give a kubeconfig"
            raise ConfigError(msg)
        for name in ("token", "ca.crt"):
            if not (folder / name).is_file():
                msg = f"service account: {str(folder / name)!r} is missing"
                raise ConfigError(msg)
        namespace = folder / "namespace"
        return cls(
            f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}",
            ssl_context=_as_kubectl_checks(ssl.create_default_context(cafile=str(folder / "ca.crt"))),
            token_file=folder / "token",
            extra_headers=headers_of(acting or {}),
            namespace=namespace.read_text(encoding="utf-8").strip() if namespace.is_file() else None,
        )

    @classmethod
    def from_kubeconfig(
        cls, path: Path, *, context: str | None = None, acting: Mapping[str, Any] | None = None
    ) -> Self:
        """One context of a kubeconfig: tokens, token files, client certificates, and plug-ins (`exec`).

        Raises:
            ConfigError: the file or a field of it cannot be used.
        """
        try:
            config = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            said = f"kubeconfig: cannot read {str(path)!r}: {type(error).__name__}"
            msg = f"{said}; give another one by --kubeconfig or $KUBECONFIG"
            raise ConfigError(msg) from error
        if not isinstance(config, dict):
            msg = f"kubeconfig: {str(path)!r} holds no mapping"
            raise ConfigError(msg)
        chosen = context or config.get("current-context")
        if not chosen:
            msg = f"current-context: not set in {str(path)!r}; name a context"
            raise ConfigError(msg)
        where = _named(config, "contexts", "context", chosen)
        cluster = _named(config, "clusters", "cluster", where.get("cluster"))
        user = _named(config, "users", "user", where["user"]) if where.get("user") else {}
        _refuse(cluster, f"clusters[{where.get('cluster')}]", ("proxy-url", "tls-server-name"))
        _refuse(user, f"users[{where.get('user')}]", ("auth-provider", "username"))
        server = str(cluster.get("server") or "")
        token_file = user.get("tokenFile")
        return cls(
            server,
            ssl_context=_tls(cluster, user, path.parent) if server.startswith("https://") else None,
            token=user.get("token"),
            token_file=path.parent / token_file if token_file else None,
            plugin=_plugin(cluster, user, f"users[{where.get('user')}].exec", path.parent),
            extra_headers=headers_of(acting or user),
            namespace=where.get("namespace"),
        )


def _named(config: Mapping[str, Any], section: str, entry: str, name: str | None) -> Mapping[str, Any]:
    entries = config.get(section) or ()
    for item in entries:
        if item.get("name") == name:
            return item.get(entry) or {}
    known = ", ".join(sorted(str(item.get("name")) for item in entries)) or "none"
    msg = f"{section}: there is no {name!r}; there are: {known}"
    raise ConfigError(msg)


def _refuse(section: Mapping[str, Any], where: str, fields: tuple[str, ...]) -> None:
    """Refuse what would change who or where we are if it were passed over."""
    for field in fields:
        if section.get(field):
            msg = f"{where}.{field}: not supported; use a token, a token file, a client certificate or a plug-in (exec)"
            raise ConfigError(msg)


def _plugin(cluster: Mapping[str, Any], user: Mapping[str, Any], where: str, folder: Path) -> Plugin | None:
    if user.get("exec") is None:
        return None
    authority = _material(cluster, "certificate-authority", folder)
    return Plugin.read(user["exec"], where, with_authority(cluster, authority), folder)


def _tls(cluster: Mapping[str, Any], user: Mapping[str, Any], folder: Path) -> ssl.SSLContext:
    authority = _material(cluster, "certificate-authority", folder)
    try:
        context = ssl.create_default_context(cadata=authority.decode("ascii") if authority else None)
    except (ssl.SSLError, UnicodeDecodeError) as error:
        msg = "certificate-authority: no PEM certificates"
        raise ConfigError(msg) from error
    _as_kubectl_checks(context)
    if cluster.get("insecure-skip-tls-verify"):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    certificate, key = _material(user, "client-certificate", folder), _material(user, "client-key", folder)
    if certificate and key:
        _load_pair(context, certificate, key)
    elif certificate or key:
        msg = "client-certificate and client-key: only one is given; give both or none"
        raise ConfigError(msg)
    return context


def _as_kubectl_checks(context: ssl.SSLContext) -> ssl.SSLContext:
    """Chain, dates and host name are checked, but no key identifiers demanded, as Python 3.13 does unasked.

    The authorities of many living clusters lack them: every older EKS cluster's, for one.
    """
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def _load_pair(context: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    # OpenSSL takes them from a file only; it is private (0600) and gone when this returns.
    with tempfile.NamedTemporaryFile() as file:
        file.write(certificate.rstrip() + b"\n" + key)
        file.flush()
        try:
            context.load_cert_chain(file.name)
        except ssl.SSLError as error:
            msg = "client-certificate, client-key: no matching PEM pair"
            raise ConfigError(msg) from error


def _material(section: Mapping[str, Any], field: str, folder: Path) -> bytes | None:
    """Inline data (`field-data`, base64) or the content of the file that `field` names."""
    if inline := section.get(f"{field}-data"):
        try:
            return base64.b64decode(inline, validate=True)
        except (binascii.Error, TypeError, ValueError) as error:
            msg = f"{field}-data: no base64"
            raise ConfigError(msg) from error
    if name := section.get(field):
        try:
            content: bytes = (folder / name).read_bytes()
        except OSError as error:
            msg = f"{field}: cannot read {name!r}"
            raise ConfigError(msg) from error
        return content
    return None
