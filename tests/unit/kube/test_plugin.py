"""Credentials by a plug-in of a kubeconfig: a real command, called as kubectl calls it."""

from __future__ import annotations

import base64
import json
import logging
import stat
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web

from entente.kube.client import KubeClient
from entente.kube.config import Connection
from entente.kube.errors import ConfigError
from entente.kube.kinds import GPU_POOL, NODE
from entente.kube.plugin import Credential, Plugin, Renewal
from tests.support import manifests
from tests.support.apiserver import ApiServer
from tests.support.clock import FakeClock
from tests.support.pki import Authority, serving

V1, V1BETA1 = "client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"

_SCRIPT = f"""#!{sys.executable}
import json, os, pathlib, sys
folder = pathlib.Path(__file__).parent
calls = folder / "calls"
number = len(calls.read_text().splitlines()) + 1 if calls.exists() else 1
info = json.loads(os.environ["KUBERNETES_EXEC_INFO"])
asked = {{"info": info, "args": sys.argv[1:], "env": os.environ.get("GREETING")}}
with calls.open("a") as log:
    log.write(json.dumps(asked) + "\\n")
answer = json.loads((folder / "answer").read_text())
sys.stdout.write(json.dumps(answer).replace("NUMBER", str(number)))
"""


class Script:
    """A plug-in that prints what it is told to and remembers how it was called."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "get-token"
        self.path.write_text(_SCRIPT, encoding="utf-8")
        self.path.chmod(self.path.stat().st_mode | stat.S_IXUSR)
        self.answers({"token": "secret-NUMBER"})

    def answers(self, status: object, version: str = V1, kind: str = "ExecCredential") -> None:
        body = {"apiVersion": version, "kind": kind, "status": status}
        (self.folder / "answer").write_text(json.dumps(body), encoding="utf-8")

    @property
    def calls(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / "calls").read_text(encoding="utf-8").splitlines()]

    def kubeconfig(
        self, server: str, cluster: dict[str, Any] | None = None, plugin: dict[str, Any] | None = None
    ) -> Path:
        """A kubeconfig whose user has this plug-in, by a path from the kubeconfig's folder."""
        exec_ = {"apiVersion": V1, "command": "./get-token", "interactiveMode": "IfAvailable", **(plugin or {})}
        config = {
            "current-context": "here",
            "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": {"server": server, **(cluster or {})}}],
            "users": [{"name": "u", "user": {"exec": exec_}}],
        }
        file = self.folder / "config"
        file.write_text(yaml.safe_dump(config), encoding="utf-8")
        return file

    def connection(self, server: str = "http://127.0.0.1:1", **plugin: object) -> Connection:
        return Connection.from_kubeconfig(self.kubeconfig(server, plugin=plugin))


@pytest.fixture
def script(tmp_path: Path) -> Script:
    return Script(tmp_path)


def test_the_token_of_a_plugin_is_sent(script: Script) -> None:
    connection = script.connection(args=["--cluster", "prod"], env=[{"name": "GREETING", "value": "hello"}])
    assert dict(connection.headers()) == {"Authorization": "Bearer secret-1"}
    (call,) = script.calls
    assert (call["args"], call["env"]) == (["--cluster", "prod"], "hello")
    assert call["info"] == {"apiVersion": V1, "kind": "ExecCredential", "spec": {"interactive": False}}


def test_the_older_version_is_spoken_too(script: Script) -> None:
    script.answers({"token": "old"}, V1BETA1)
    assert dict(script.connection(apiVersion=V1BETA1).headers()) == {"Authorization": "Bearer old"}
    assert script.calls[0]["info"]["apiVersion"] == V1BETA1


def test_a_plugin_that_asks_is_told_of_the_cluster(script: Script) -> None:
    pem = Authority().pem
    (script.folder / "ca.pem").write_bytes(pem)
    extensions = [
        {"name": "client.authentication.k8s.io/exec", "extension": {"audience": "a"}},
        {"name": "other", "extension": {}},
    ]
    cluster = {"certificate-authority": "ca.pem", "extensions": extensions}
    Connection.from_kubeconfig(script.kubeconfig("https://127.0.0.1:1", cluster, {"provideClusterInfo": True}))
    assert script.calls[0]["info"]["spec"] == {
        "interactive": False,
        "cluster": {
            "server": "https://127.0.0.1:1",
            "certificate-authority-data": base64.b64encode(pem).decode(),
            "config": {"audience": "a"},
        },
    }


async def test_a_token_that_is_refused_is_asked_for_anew(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("entente.kube.plugin._AGAIN_S", 0.0)
    async with ApiServer.running() as server:
        server.put(GPU_POOL, manifests.pool())
        server.token = "secret-2"  # noqa: S105 - made up
        async with KubeClient(script.connection(server.url)) as client:
            found = await client.get(GPU_POOL, "h100")
    assert found["metadata"]["name"] == "h100"
    assert len(script.calls) == 2


def in_(seconds: float) -> str:
    return (datetime(2026, 12, 1, tzinfo=UTC) + timedelta(seconds=seconds)).isoformat()


class Watched:
    """A renewal whose clocks stand until they are moved, and the tokens that it got."""

    def __init__(self, script: Script) -> None:
        self.clock = FakeClock()
        self.began = self.clock.now
        self.tokens: list[str | None] = []
        plugin = Plugin.read({"apiVersion": V1, "command": str(script.path)}, "exec", {}, script.folder)
        self.renewal = Renewal(plugin, self._take, clock=self.clock, now=self._now)

    def _take(self, credential: Credential) -> None:
        self.tokens.append(credential.token)

    def _now(self) -> datetime:
        return datetime(2026, 12, 1, tzinfo=UTC) + timedelta(seconds=self.clock.now - self.began)

    async def after(self, seconds: float) -> list[str | None]:
        self.clock.now += seconds
        await self.renewal.fresh()
        return self.tokens


async def test_a_credential_is_renewed_a_minute_before_it_expires(script: Script) -> None:
    script.answers({"token": "t-NUMBER", "expirationTimestamp": in_(900)})
    watched = Watched(script)
    assert await watched.after(839) == ["t-1"]
    script.answers({"token": "t-NUMBER", "expirationTimestamp": in_(1800)})
    assert await watched.after(1) == ["t-1", "t-2"]
    assert await watched.after(800) == ["t-1", "t-2"]


async def test_requests_that_are_refused_together_ask_once(script: Script) -> None:
    watched = Watched(script)
    watched.renewal.refuse()
    assert await watched.after(6) == ["secret-1", "secret-2"]
    watched.renewal.refuse()
    assert await watched.after(1) == ["secret-1", "secret-2"]
    assert await watched.after(5) == ["secret-1", "secret-2", "secret-3"]


async def test_a_plugin_that_fails_later_is_told_of_and_the_last_credential_stays(
    script: Script, caplog: pytest.LogCaptureFixture
) -> None:
    watched = Watched(script)
    (script.folder / "answer").write_text('{"token": "half', encoding="utf-8")
    watched.renewal.refuse()
    with caplog.at_level(logging.DEBUG):
        assert await watched.after(6) == ["secret-1"]
    assert "ended with exit code 1" in caplog.text
    assert "half" not in caplog.text


def test_a_token_in_the_kubeconfig_wins_over_its_plugin(script: Script) -> None:
    file = script.kubeconfig("http://127.0.0.1:1")
    config = yaml.safe_load(file.read_text(encoding="utf-8"))
    config["users"][0]["user"]["token"] = "fixed"  # noqa: S105 - made up
    file.write_text(yaml.safe_dump(config), encoding="utf-8")
    assert dict(Connection.from_kubeconfig(file).headers()) == {"Authorization": "Bearer fixed"}
    assert not (script.folder / "calls").exists()


def test_nothing_secret_is_in_what_is_printed_of_a_credential() -> None:
    assert "secret" not in repr(Credential("secret", (b"secret", b"secret"), None))


async def test_a_client_certificate_of_a_plugin_is_shown_to_the_server(script: Script) -> None:
    authority = Authority()
    certificate, key = authority.issue("machine")
    script.answers({"clientCertificateData": certificate.decode(), "clientKeyData": key.decode()})

    async def who(request: web.Request) -> web.Response:
        assert request.transport is not None
        return web.json_response({"subject": request.transport.get_extra_info("peercert")["subject"][0][0][1]})

    async with serving(authority, script.folder, "/api/v1/nodes/n", who) as url:
        cluster = {"certificate-authority-data": base64.b64encode(authority.pem).decode()}
        connection = Connection.from_kubeconfig(script.kubeconfig(url, cluster))
        async with KubeClient(connection) as client:
            assert await client.get(NODE, "n") == {"subject": "machine"}


HINT = "Get it from the tools page"
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no command": ({"command": ""}, r"users\[u\].exec.command: missing"),
    "an old version": ({"apiVersion": "client.authentication.k8s.io/v1alpha1"}, r"exec.apiVersion: .*v1alpha1' is not"),
    "a terminal": ({"interactiveMode": "Always"}, "interactiveMode: Always needs a terminal"),
    "environment": ({"env": ["A=b"]}, r"exec.env: must be a list of entries with name and value"),
    "not installed": ({"command": "no-such-plugin", "installHint": HINT}, f"cannot be started: No such file.*{HINT}"),
    "not installed, no hint": ({"command": "no-such-plugin"}, r"install it, or put its folder into \$PATH"),
    "a failure": ({"command": "false"}, "plug-in 'false': it ended with exit code 1"),
    "arguments that are no list": ({"args": "get-token"}, r"exec.args: must be a list"),
    "an argument that cannot be": ({"command": "true", "args": ["a\0"]}, "cannot be started: args or env hold"),
    "no answer": ({"command": "true"}, "what it printed is no ExecCredential"),
}


@pytest.mark.parametrize(("plugin", "said"), WRONG.values(), ids=WRONG.keys())
def test_a_plugin_that_cannot_be_used_is_refused_with_what_to_do(
    script: Script, plugin: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        script.connection(**plugin)


def lives(number: int) -> bool:
    """Whether a process does anything still: one that nobody has asked for its exit code does not."""
    try:
        return " Z " not in Path("/proc", str(number), "stat").read_text(encoding="ascii")
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_plugin_that_hangs_is_ended_with_what_it_started(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("entente.kube.plugin._ANSWER_S", 1.0)
    child = script.folder / "child"
    begun = f"sleep 300 & echo $! > {child}; wait"
    with pytest.raises(ConfigError, match="it gave no answer within 1 s"):
        script.connection(command="sh", args=["-c", begun])
    number, deadline = int(child.read_text(encoding="ascii")), time.monotonic() + 10
    while lives(number) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not lives(number)


def test_what_a_plugin_says_on_standard_error_is_in_no_log(script: Script, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ConfigError, match="it ended with exit code 3; call it by hand to see what it says"):
        script.connection(command="sh", args=["-c", "echo secret >&2; exit 3"])
    assert "secret" not in capfd.readouterr().err


ANSWERS: dict[str, tuple[object, str, str, str]] = {
    "another version": (
        {"token": "x"},
        V1BETA1,
        "ExecCredential",
        f"of {V1BETA1}, not ExecCredential of",
    ),
    "another kind": ({"token": "x"}, V1, "Secret", f"with Secret of {V1}"),
    "no status": (None, V1, "ExecCredential", "no ExecCredential with a status"),
    "nothing in it": ({}, V1, "ExecCredential", "neither status.token nor both"),
    "a token that is no text": ({"token": 7}, V1, "ExecCredential", "no ExecCredential with a status"),
    "a token of two lines": ({"token": "x\nX: y"}, V1, "ExecCredential", "status.token holds a character"),
    "half a pair": ({"clientKeyData": "x"}, V1, "ExecCredential", "neither status.token nor both"),
    "a time that is none": ({"token": "x", "expirationTimestamp": "soon"}, V1, "ExecCredential", "no ExecCredential"),
}


@pytest.mark.parametrize(("status", "version", "kind", "said"), ANSWERS.values(), ids=ANSWERS.keys())
def test_an_answer_that_is_none_is_refused(script: Script, status: object, version: str, kind: str, said: str) -> None:
    script.answers(status, version, kind)
    with pytest.raises(ConfigError, match=said):
        script.connection()
