import base64
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web

from entente.kube.client import KubeClient
from entente.kube.config import Connection
from entente.kube.errors import ConfigError
from entente.kube.impersonation import as_somebody
from entente.kube.kinds import NODE
from tests.support.apiserver import ApiServer
from tests.support.clock import FakeClock
from tests.support.pki import Authority, serving


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def write(path: Path, cluster: Mapping[str, Any], user: Mapping[str, Any], **more: object) -> Path:
    config = {
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u", "namespace": "team"}}],
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": user}],
        **more,
    }
    path.write_text(yaml.safe_dump(config))
    return path


@pytest.mark.parametrize("form", ["inline data", "files beside the kubeconfig", "no key identifiers"])
async def test_a_client_certificate_of_a_kubeconfig_is_shown_to_the_server(tmp_path: Path, form: str) -> None:
    authority = Authority(key_identifiers=form != "no key identifiers")
    certificate, key = authority.issue("operator")
    if form != "files beside the kubeconfig":
        cluster = {"certificate-authority-data": encoded(authority.pem)}
        user = {"client-certificate-data": encoded(certificate), "client-key-data": encoded(key)}
    else:
        for name, data in {"ca.pem": authority.pem, "me.pem": certificate, "me.key": key}.items():
            (tmp_path / name).write_bytes(data)
        cluster = {"certificate-authority": "ca.pem"}
        user = {"client-certificate": "me.pem", "client-key": "me.key"}

    async def who(request: web.Request) -> web.Response:
        assert request.transport is not None
        peer = request.transport.get_extra_info("peercert")
        return web.json_response({"subject": peer["subject"][0][0][1]})

    async with serving(authority, tmp_path, "/api/v1/nodes/n", who) as url:
        connection = Connection.from_kubeconfig(write(tmp_path / "config", {"server": url, **cluster}, user))
        async with KubeClient(connection) as client:
            answer = await client.get(NODE, "n")

    assert answer == {"subject": "operator"}
    assert connection.namespace == "team"


def test_a_token_and_a_user_to_impersonate_become_headers(tmp_path: Path) -> None:
    file = write(tmp_path / "config", {"server": "http://127.0.0.1:1/prefix/"}, {"token": "t", "as": "jane"})

    connection = Connection.from_kubeconfig(file)

    assert dict(connection.headers()) == {"Authorization": "Bearer t", "Impersonate-User": "jane"}
    assert connection.server == "http://127.0.0.1:1/prefix"
    assert connection.ssl is None


def test_whom_to_act_as_can_be_said_with_groups_and_wins_over_the_kubeconfig(tmp_path: Path) -> None:
    file = write(tmp_path / "config", {"server": "http://127.0.0.1:1"}, {"token": "t", "as": "jane"})
    acting = as_somebody("john", ("a", "b"))

    headers = Connection.from_kubeconfig(file, acting=acting).headers()

    acted = (("Impersonate-User", "john"), ("Impersonate-Group", "a"), ("Impersonate-Group", "b"))
    assert headers == (*acted, ("Authorization", "Bearer t"))
    inside = Connection.in_cluster(service_account(tmp_path), environ={"KUBERNETES_SERVICE_HOST": "h"}, acting=acting)
    assert inside.headers()[:3] == acted


async def test_each_group_is_sent_for_itself(tmp_path: Path) -> None:
    async with ApiServer.running() as server:
        server.put(NODE, {"metadata": {"name": "n"}})
        file = write(tmp_path / "config", {"server": server.url}, {"as": "jane", "as-groups": ["a", "b"]})
        async with KubeClient(Connection.from_kubeconfig(file)) as client:
            await client.get(NODE, "n")
        (request,) = server.seen("GET")
    assert [value for name, value in request.header_list if name == "Impersonate-Group"] == ["a", "b"]


def test_another_context_can_be_chosen(tmp_path: Path) -> None:
    contexts = [{"name": "there", "context": {"cluster": "c"}}]
    file = write(tmp_path / "config", {"server": "http://127.0.0.1:1"}, {"token": "t"}, contexts=contexts)

    assert dict(Connection.from_kubeconfig(file, context="there").headers()) == {}


HTTP = {"server": "http://127.0.0.1:1"}
HTTPS = {"server": "https://127.0.0.1:1"}


@pytest.mark.parametrize(
    ("cluster", "user", "more", "message"),
    [
        pytest.param({}, {}, {}, "server: '' is no URL", id="no server"),
        pytest.param({"server": "host:1"}, {}, {}, "server: 'host:1' is no URL", id="server without scheme"),
        pytest.param(HTTP, {}, {"current-context": ""}, "current-context: not set", id="no context"),
        pytest.param(
            HTTP, {}, {"current-context": "x"}, "contexts: there is no 'x'; there are: here", id="bad context"
        ),
        pytest.param(HTTP, {}, {"clusters": []}, "clusters: there is no 'c'; there are: none", id="no cluster"),
        pytest.param(HTTP, {"username": "x"}, {}, r"users\[u\].username: not supported", id="password"),
        pytest.param({**HTTP, "proxy-url": "x"}, {}, {}, r"clusters\[c\].proxy-url: not supported", id="proxy"),
        pytest.param(HTTP, {"as-groups": ["admins"]}, {}, "as-groups: needs 'as'", id="groups of nobody"),
        pytest.param(HTTP, {"as": "a", "as-groups": "admins"}, {}, "as-groups: 'admins' is no list", id="one group"),
        pytest.param(HTTP, {"as": "a", "as-user-extra": ["x"]}, {}, "as-user-extra: .* is no mapping", id="extra"),
        pytest.param(
            HTTP, {"as": "a", "as-user-extra": {"k": "v"}}, {}, "as-user-extra.k: 'v' is no list", id="values"
        ),
        pytest.param(
            {**HTTPS, "certificate-authority-data": "!"}, {}, {}, "certificate-authority-data: no base64", id="base64"
        ),
        pytest.param(
            {**HTTPS, "certificate-authority-data": "eHl6"}, {}, {}, "certificate-authority: no PEM", id="no PEM"
        ),
        pytest.param(
            {**HTTPS, "certificate-authority": "none.pem"}, {}, {}, "certificate-authority: cannot read", id="no file"
        ),
        pytest.param(HTTPS, {"client-key-data": "eHl6"}, {}, "only one is given", id="key without certificate"),
        pytest.param(
            HTTPS,
            {"client-certificate-data": "eHl6", "client-key-data": "eHl6"},
            {},
            "no matching PEM pair",
            id="no key pair",
        ),
    ],
)
def test_a_kubeconfig_that_cannot_be_used_is_refused_with_the_field(
    tmp_path: Path, *, cluster: dict[str, Any], user: dict[str, Any], more: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        Connection.from_kubeconfig(write(tmp_path / "config", cluster, user, **more))


@pytest.mark.parametrize("content", [None, "- a list", "a: [", "\x00"])
def test_a_file_that_is_no_kubeconfig_is_refused(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "config"
    if content is not None:
        file.write_text(content)

    with pytest.raises(ConfigError, match=r"^kubeconfig: "):
        Connection.from_kubeconfig(file)


def service_account(folder: Path) -> Path:
    (folder / "token").write_text("t1\n")
    (folder / "ca.crt").write_bytes(Authority().pem)
    (folder / "namespace").write_text("entente-system\n")
    return folder


@pytest.mark.parametrize(
    ("host", "expected"), [("10.0.0.1", "https://10.0.0.1:6443"), ("fd00::1", "https://[fd00::1]:6443")]
)
def test_a_pod_finds_the_server_and_its_service_account(tmp_path: Path, host: str, expected: str) -> None:
    environ = {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": "6443"}

    connection = Connection.in_cluster(service_account(tmp_path), environ=environ)

    assert (connection.server, connection.namespace) == (expected, "entente-system")
    assert dict(connection.headers()) == {"Authorization": "Bearer t1"}
    assert connection.ssl is not None
    assert connection.ssl.verify_mode is ssl.CERT_REQUIRED
    assert connection.ssl.check_hostname
    assert not connection.ssl.verify_flags & ssl.VERIFY_X509_STRICT


def test_outside_a_pod_or_without_a_service_account_the_reason_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="KUBERNETES_SERVICE_HOST: not set"):
        Connection.in_cluster(tmp_path, environ={})
    with pytest.raises(ConfigError, match="token' is missing"):
        Connection.in_cluster(tmp_path, environ={"KUBERNETES_SERVICE_HOST": "10.0.0.1"})


def test_a_token_file_is_read_each_minute_and_when_the_server_refuses(tmp_path: Path) -> None:
    file, clock = tmp_path / "token", FakeClock()
    connection = Connection("http://127.0.0.1:1", token_file=file, clock=clock)

    def token_after(seconds: float, content: str) -> str:
        clock.now += seconds
        file.write_text(content)
        return dict(connection.headers())["Authorization"]

    assert token_after(0, "one") == "Bearer one"
    assert token_after(59, "two") == "Bearer one"
    assert token_after(2, "three") == "Bearer three"
    connection.refresh()
    assert token_after(0, "four") == "Bearer four"


def test_a_token_file_that_is_away_for_a_moment_is_no_error_but_one_that_never_was_is(tmp_path: Path) -> None:
    file, clock = tmp_path / "token", FakeClock()
    connection = Connection("http://127.0.0.1:1", token_file=file, clock=clock)
    with pytest.raises(ConfigError, match="token file: cannot read"):
        connection.headers()

    file.write_text("one")
    assert dict(connection.headers()) == {"Authorization": "Bearer one"}
    file.unlink()
    clock.now += 61
    assert dict(connection.headers()) == {"Authorization": "Bearer one"}


def test_an_empty_token_file_sends_no_token(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("\n")

    assert dict(Connection("http://127.0.0.1:1", token_file=file).headers()) == {}


def test_the_environment_decides_where_no_kubeconfig_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    named = write(tmp_path / "named", {"server": "http://127.0.0.1:1"}, {})
    in_env = write(tmp_path / "env", {"server": "http://127.0.0.1:2"}, {})
    (tmp_path / ".kube").mkdir()
    write(tmp_path / ".kube" / "config", {"server": "http://127.0.0.1:3"}, {})
    monkeypatch.setenv("HOME", str(tmp_path))

    monkeypatch.setenv("KUBECONFIG", str(in_env))
    assert Connection.discover(str(named)).server == "http://127.0.0.1:1"
    assert Connection.discover().server == "http://127.0.0.1:2"
    monkeypatch.delenv("KUBECONFIG")
    assert Connection.discover().server == "http://127.0.0.1:3"
