"""Credentials from a kubeconfig's `users[].user.exec`: a command that prints an `ExecCredential`.

The contract between the two is that of client.authentication.k8s.io/v1 and v1beta1
(https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins). What the command
prints is read here and goes nowhere else. Its standard error is shown on a terminal only, as with kubectl: elsewhere it
would be in the log, whatever it holds.
"""

import asyncio
import base64
import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn, Self

from typing_extensions import override

from entente.kube.errors import ConfigError

_log = logging.getLogger(__name__)

_GROUP = "client.authentication.k8s.io"
API_VERSIONS = (f"{_GROUP}/v1", f"{_GROUP}/v1beta1")
_EXTENSION = f"{_GROUP}/exec"
"""Name of the cluster's extension that is meant for its plug-in."""

_SECRETS = ("token", "clientCertificateData", "clientKeyData")

_ANSWER_S = 60.0
_EARLY = timedelta(seconds=60)
"""A credential is asked for anew so long before it expires."""
_AGAIN_S = 5.0
"""Shortest time between two calls: requests that are refused together want one new credential, not one each."""


@dataclass(frozen=True, slots=True)
class Credential:
    token: str | None
    pair: tuple[bytes, bytes] | None
    """A client certificate and its key, in PEM."""
    expires: datetime | None

    @override
    def __repr__(self) -> str:
        """Nothing of what is secret."""
        return f"Credential(expires={self.expires})"


@dataclass(frozen=True, slots=True)
class Plugin:
    """How to call the command."""

    command: str
    """A name on `$PATH`, or a path."""
    args: tuple[str, ...]
    env: Mapping[str, str]
    api_version: str
    info: str
    """What it is told, as `$KUBERNETES_EXEC_INFO`."""
    hint: str
    """How to install it."""
    where: str
    """The field of the kubeconfig, for errors."""

    @classmethod
    def read(cls, given: Any, where: str, cluster: Mapping[str, Any], folder: Path) -> Self:  # noqa: ANN401 - any YAML
        """What a kubeconfig says.

        Args:
            given: the field `exec` of a user.
            where: its path.
            cluster: the context's cluster as the kubeconfig has it, with its authority as `-data`.
            folder: of the kubeconfig; a command with a slash is looked for from there.

        Raises:
            ConfigError: a field is missing, is not what it must be, or asks for a terminal.
        """
        if not isinstance(given, Mapping) or not isinstance(given.get("command"), str) or not given["command"]:
            message = f"{where}.command: missing; it is the plug-in's name or path"
            raise ConfigError(message)
        version = given.get("apiVersion")
        if version not in API_VERSIONS:
            message = f"{where}.apiVersion: {version!r} is not supported; it may be {' or '.join(API_VERSIONS)}"
            raise ConfigError(message)
        if given.get("interactiveMode") == "Always":
            message = f"{where}.interactiveMode: Always needs a terminal, which an operator has not; use another user"
            raise ConfigError(message)
        args = given.get("args") or ()
        if not isinstance(args, list | tuple):
            message = f"{where}.args: must be a list"
            raise ConfigError(message)
        spec: dict[str, Any] = {"interactive": False}
        if given.get("provideClusterInfo"):
            spec["cluster"] = _told_of(cluster)
        command = str(given["command"])
        return cls(
            command=str(folder / command) if "/" in command else command,
            args=tuple(map(str, args)),
            env=_environment(given.get("env") or (), f"{where}.env"),
            api_version=version,
            info=json.dumps({"apiVersion": version, "kind": "ExecCredential", "spec": spec}),
            hint=str(given.get("installHint") or "").strip(),
            where=where,
        )

    def ask(self) -> Credential:
        """Call the command and read its answer. Takes as long as the command does, a minute at most.

        Raises:
            ConfigError: it cannot be started, fails, takes too long, or its answer is none.
        """
        shown = sys.stderr.isatty()
        try:
            process = subprocess.Popen(  # noqa: S603 - what the owner of the kubeconfig names, as kubectl does
                [self.command, *self.args],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=None if shown else subprocess.DEVNULL,
                env={**os.environ, **self.env, "KUBERNETES_EXEC_INFO": self.info},
                start_new_session=True,
            )
        except OSError as error:
            hint = f". {self.hint}" if self.hint else "; install it, or put its folder into $PATH"
            self._fail(f"it cannot be started: {error.strerror}{hint}")
        except ValueError:
            self._fail("it cannot be started: args or env hold a character, or a name, that no process can be given")
        with process:
            try:
                printed, _ = process.communicate(timeout=_ANSWER_S)
            except BaseException as error:
                with suppress(ProcessLookupError):  # with what it started, which would go on otherwise
                    os.killpg(process.pid, signal.SIGKILL)
                if isinstance(error, subprocess.TimeoutExpired):
                    self._fail(f"it gave no answer within {_ANSWER_S:.0f} s")
                raise
        if process.returncode:
            where = "what it said is on standard error" if shown else "call it by hand to see what it says"
            self._fail(f"it ended with exit code {process.returncode}; {where}")
        return self._read(printed)

    def _read(self, printed: bytes) -> Credential:
        try:
            answer = json.loads(printed)
            status = answer["status"]
            versions = answer["apiVersion"], answer["kind"]
            token, pem, key = (status.get(name) or "" for name in _SECRETS)
            token, pair = token.encode("ascii").decode(), (pem.encode("ascii"), key.encode("ascii"))
            until = status.get("expirationTimestamp")
            expires = None if until is None else datetime.fromisoformat(until)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            self._fail("what it printed is no ExecCredential with a status")
        if versions != (self.api_version, "ExecCredential"):
            self._fail(f"it answered with {versions[1]} of {versions[0]}, not ExecCredential of {self.api_version}")
        if not token and not all(pair):
            self._fail("its answer has neither status.token nor both clientCertificateData and clientKeyData")
        if not token.isprintable():
            self._fail("its status.token holds a character that no header may have, such as a line break")
        if expires is not None and expires.tzinfo is None:
            expires = expires.replace(tzinfo=UTC)
        return Credential(token or None, pair if all(pair) else None, expires)

    def _fail(self, what: str) -> NoReturn:
        message = f"{self.where}: plug-in {self.command!r}: {what}"
        raise ConfigError(message) from None  # what led here may hold what was printed


class Renewal:
    """The last credential of a plug-in, asked for anew when it is about to expire or was refused.

    Args:
        plugin: asked once at once.
        taken: called with each credential; raises ConfigError where one cannot be used.
        clock: monotonic seconds.
        now: the wall clock.

    Raises:
        ConfigError: the plug-in has none at the start.
    """

    def __init__(
        self,
        plugin: Plugin,
        taken: Callable[[Credential], None],
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._plugin, self._taken = plugin, taken
        self._clock, self._now = clock, now
        self._lock = asyncio.Lock()
        self._refused = False
        self._asked_at = clock()
        self._last = plugin.ask()
        taken(self._last)

    def refuse(self) -> None:
        """The server does not take the credential: ask for another one before the next request."""
        self._refused = True

    async def fresh(self) -> None:
        """Get a new credential where the last one is about to expire or was refused.

        Of a plug-in that fails now the log tells, and the last credential goes on being used: callers know how to treat
        what the server says of it.
        """
        if not self._due():
            return
        async with self._lock:
            if not self._due():
                return
            self._asked_at, self._refused = self._clock(), False
            try:
                credential = await asyncio.to_thread(self._plugin.ask)
                self._taken(credential)
            except ConfigError as error:
                _log.warning("%s", error)
            else:
                self._last = credential

    def _due(self) -> bool:
        expires = self._last.expires
        old = self._refused or (expires is not None and self._now() >= expires - _EARLY)
        return old and self._clock() - self._asked_at >= _AGAIN_S


def _environment(given: Any, where: str) -> dict[str, str]:  # noqa: ANN401 - any YAML
    try:
        return {str(entry["name"]): str(entry["value"]) for entry in given}
    except (KeyError, TypeError):
        message = f"{where}: must be a list of entries with name and value"
        raise ConfigError(message) from None


def _told_of(cluster: Mapping[str, Any]) -> dict[str, Any]:
    """What a plug-in that asks for it is told of the cluster."""
    names = ("server", "tls-server-name", "insecure-skip-tls-verify", "certificate-authority-data", "proxy-url")
    told = {name: cluster[name] for name in names if cluster.get(name)}
    for extension in cluster.get("extensions") or ():
        if extension.get("name") == _EXTENSION:
            told["config"] = extension.get("extension")
    return told


def with_authority(cluster: Mapping[str, Any], authority: bytes | None) -> dict[str, Any]:
    """The cluster with its authority inline, whether the kubeconfig names a file or not."""
    if authority is None:
        return dict(cluster)
    return {**cluster, "certificate-authority-data": base64.b64encode(authority).decode("ascii")}
