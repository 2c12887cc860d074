"""Reading a cluster over a real socket: pages, and what is said when it does not go well."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from entente.cli.cluster import Cluster, ClusterError, ForbiddenError, NotInstalledError, NotThereError
from entente.cli.main import main
from entente.cli.options import Access
from entente.kube.kinds import GPU_POOL, TRAINING_JOB
from tests.support import manifests
from tests.support.apiserver import ApiServer, Fault


@pytest.fixture
async def server() -> AsyncIterator[ApiServer]:
    async with ApiServer.running() as running:
        yield running


def connected(
    server: ApiServer, folder: Path, *, access: Access | None = None, user: dict[str, Any] | None = None, **context: str
) -> Cluster:
    """Through a kubeconfig, as everybody is."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": server.connection.server}}],
        "users": [{"name": "u", "user": user or {}}],
        "contexts": [
            {"name": "here", "context": {"cluster": "c", "user": "u", **context}},
            {"name": "there", "context": {"cluster": "c", "user": "u", "namespace": "far"}},
        ],
        "current-context": "here",
    }
    file = folder / "config"
    file.write_text(yaml.safe_dump(config), encoding="utf-8")
    chosen = "there" if context.get("namespace") == "other" else None
    return Cluster(replace(access or Access(), kubeconfig=str(file), context=chosen))


async def test_all_pages_are_read_and_each_object_says_what_it_is(server: ApiServer, tmp_path: Path) -> None:
    for number in range(1203):
        server.put(TRAINING_JOB, manifests.job(f"job-{number:04d}"))
    cluster = connected(server, tmp_path)
    found = await asyncio.to_thread(cluster.list, TRAINING_JOB)
    assert len({job["metadata"]["name"] for job in found}) == 1203
    assert {job["kind"] for job in found} == {"TrainingJob"}
    assert len(await asyncio.to_thread(cluster.list, TRAINING_JOB, "nowhere")) == 0


async def test_one_object_is_read(server: ApiServer, tmp_path: Path) -> None:
    server.put(GPU_POOL, manifests.pool())
    found = await asyncio.to_thread(connected(server, tmp_path).get, GPU_POOL, "h100")
    assert found["metadata"]["name"] == "h100"


async def test_the_namespace_is_that_of_the_context(server: ApiServer, tmp_path: Path) -> None:
    assert connected(server, tmp_path).namespace == "default"
    assert connected(server, tmp_path, namespace="lab").namespace == "lab"
    assert connected(server, tmp_path, namespace="other").namespace == "far"


MISFORTUNES: dict[str, tuple[Fault, type[ClusterError], str]] = {
    "forbidden": (Fault(status=403, message="gpupools is forbidden"), ForbiddenError, "gpupools is forbidden"),
    "not installed": (
        Fault(status=404, message="the server could not find the requested resource"),
        NotInstalledError,
        "has no gpupools. Where Entente is not installed, install it: `kubectl apply -f crds/`, or its Helm chart",
    ),
    "expired": (Fault(status=410), ClusterError, "changed too much while they were listed (410): try again"),
    "acting as somebody": (
        Fault(status=403, message='users "jane" is forbidden: User "ada" cannot impersonate resource "users"'),
        ClusterError,
        "To act as somebody you need the right to impersonate them",
    ),
    "credentials": (Fault(status=401), ClusterError, "does not take your credentials (401)"),
    "broken": (Fault(status=500, message="etcd is gone"), ClusterError, "answered 500 to /apis/entente.dev/v1alpha1/"),
    "cut off": (Fault(), ClusterError, "cannot reach the cluster at http://127.0.0.1:"),
}


@pytest.mark.parametrize(("fault", "kind", "words"), MISFORTUNES.values(), ids=MISFORTUNES.keys())
async def test_what_goes_wrong_is_said_plainly(
    server: ApiServer, tmp_path: Path, fault: Fault, kind: type[ClusterError], words: str
) -> None:
    server.fail("GET", fault)
    with pytest.raises(ClusterError) as refused:
        await asyncio.to_thread(connected(server, tmp_path).list, GPU_POOL)
    assert type(refused.value) is kind
    assert words in refused.value.message
    assert "\n" not in refused.value.message


async def test_a_job_that_is_not_there_is_told_from_a_kind_that_is_not(server: ApiServer, tmp_path: Path) -> None:
    missing = 'trainingjobs.entente.dev "llm" not found'
    server.fail("GET", Fault(status=404, message=missing))
    with pytest.raises(NotThereError, match=missing):
        await asyncio.to_thread(connected(server, tmp_path).get, TRAINING_JOB, "llm", "lab")


async def test_whom_to_act_as_is_said_with_every_request_and_each_group_for_itself(
    server: ApiServer, tmp_path: Path
) -> None:
    server.put(GPU_POOL, manifests.pool())
    cluster = connected(server, tmp_path, access=Access(user="jane", groups=("a", "b")), user={"as": "john"})
    await asyncio.to_thread(cluster.list, GPU_POOL)
    (request,) = server.seen("GET")
    assert [value for name, value in request.header_list if name.startswith("Impersonate")] == ["jane", "a", "b"]


async def test_whom_the_kubeconfig_acts_as_is_acted_as(server: ApiServer, tmp_path: Path) -> None:
    acting = {"as": "jane", "as-groups": ["a"], "as-uid": "7", "as-user-extra": {"Reason/x": ["why"]}}
    await asyncio.to_thread(connected(server, tmp_path, user=acting).list, GPU_POOL)
    (request,) = server.seen("GET")
    sent = {name.lower(): value for name, value in request.header_list if name.startswith("Impersonate")}
    assert sent == {
        "impersonate-user": "jane",
        "impersonate-group": "a",
        "impersonate-uid": "7",
        "impersonate-extra-reason%2fx": "why",
    }


async def test_a_name_with_other_letters_is_sent_as_kubernetes_reads_it(server: ApiServer, tmp_path: Path) -> None:
    name = "j\N{LATIN SMALL LETTER U WITH DIAERESIS}rgen \N{CJK UNIFIED IDEOGRAPH-65E5}"
    cluster = connected(server, tmp_path, access=Access(user=name))
    await asyncio.to_thread(cluster.list, GPU_POOL)
    (request,) = server.seen("GET")
    assert [value for key, value in request.header_list if key.startswith("Impersonate")] == [name]


async def test_whom_no_header_can_name_is_refused(server: ApiServer, tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match=r"whom to act as: 'a\\nb' is no name of a user or group"):
        connected(server, tmp_path, access=Access(user="a\nb"))


@pytest.mark.parametrize("name", ["..", ".", "a/b", "LLM", "", "\N{LATIN SMALL LETTER U WITH DIAERESIS}"])
async def test_what_is_no_name_is_asked_of_no_server(server: ApiServer, tmp_path: Path, name: str) -> None:
    cluster = connected(server, tmp_path)
    with pytest.raises(ClusterError, match=f"TrainingJob: '{re.escape(name)}' is no name"):
        await asyncio.to_thread(cluster.get, TRAINING_JOB, name, "lab")
    with pytest.raises(ClusterError, match=f"namespace: '{re.escape(name)}' is no name"):
        await asyncio.to_thread(cluster.list, TRAINING_JOB, name)
    assert server.seen("GET") == []


def test_groups_need_a_user() -> None:
    with pytest.raises(ClusterError, match=r"--as-group: needs --as"):
        Cluster(Access(groups=("a",)))


VERBS = ("status", "queue", "why", "snapshot", "plan")
REMEDIES = {
    "not installed": (
        Fault(status=404, message="the server could not find the requested resource"),
        "kubectl apply -f",
    ),
    "forbidden": (Fault(status=403, message="jobs are forbidden"), "ask them for the right"),
    "not let in": (Fault(status=401), "log in again"),
}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(("fault", "remedy"), REMEDIES.values(), ids=REMEDIES.keys())
async def test_each_command_says_the_remedy_in_one_line(
    server: ApiServer, tmp_path: Path, verb: str, fault: Fault, remedy: str
) -> None:
    connected(server, tmp_path)
    server.fail("GET", *[fault] * 9)
    args = [verb, *(["llm"] if verb == "why" else []), "--kubeconfig", str(tmp_path / "config")]
    result = await asyncio.to_thread(CliRunner().invoke, main, args)
    if verb == "status" and fault.status == 403:  # it shows what may be seen
        assert "Not shown, since you may not read them" in " ".join(result.stdout.split())
        return
    assert result.exit_code == 1
    assert remedy in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("verb", VERBS)
def test_each_command_says_where_a_kubeconfig_is_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    result = CliRunner().invoke(main, [verb, *(["llm"] if verb == "why" else [])])
    assert result.exit_code == 1
    assert "Give a kubeconfig by --kubeconfig or $KUBECONFIG" in result.stderr
