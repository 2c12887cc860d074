"""The command line against a real cluster, with an admin's rights and with those of a tenant's person."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from localplane import LocalPlane
from tests.support.estate import Estate
from tests.support.operators import OperatorProcess, running
from tests.support.people import entente, hire
from tests.support.plane import eventually


@pytest.fixture(scope="module")
def operator(plane: LocalPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OperatorProcess]:
    with running(plane, tmp_path_factory.mktemp("operator")) as process:
        yield process


@dataclass(frozen=True, slots=True)
class Shared:
    """An owner that takes its guarantee back from a guest, and what each of them may use."""

    estate: Estate
    owner: str
    guest: str
    ada: Path
    """Kubeconfig of a person of the guest."""

    acting: tuple[str, ...]
    """Options by which an admin is that person."""

    @property
    def admin(self) -> Path:
        return self.estate.plane.kubeconfig


@pytest.fixture
def shared(estate: Estate, tmp_path: Path) -> Shared:
    ada = hire(estate.corner, "ada")
    estate.make_pool(2, noticeSeconds=300)
    owner = estate.tenant("owner", 16)
    guest = estate.tenant("guest", 0, members=[ada.member("Researcher")])
    for name in ("first", "second"):
        slow = estate.job(guest, name, 1, 8, {"stop_seconds": 240}, checkpoint={"graceSeconds": 240})
        estate.await_phase(slow, "Running")
    claim = estate.job(owner, "claim", 1, 8)
    estate.await_reason(claim, "Held")
    waiting = estate.job(guest, "waiting", 2, 8)
    eventually(lambda: estate.status(waiting).get("queue", {}).get("reason"), what="a reason")
    acting = ("--as", f"system:serviceaccount:{ada.namespace}:{ada.account}", "--as-group", "system:authenticated")
    return Shared(estate, owner, guest, ada.kubeconfig(estate.corner, tmp_path, guest), acting)


def told(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stderr
    return done.stdout


def what_if_is_answered_to_who_may_read_all(shared: Shared, owner: str, guest: str) -> None:
    """An admin, who may also act as somebody of the guest, who may not read all."""
    change = f"tenants.{owner}.guaranteed=8"
    answer = json.loads(told(entente("plan", "--set", change, "-o", "json", kubeconfig=shared.admin)))
    assert answer["difference"]["changed"] == [f"tenants.{owner}"]
    figures = answer["plan"]["pools"][shared.estate.pool]["tenants"][owner]
    assert figures["guaranteed"] == 8
    assert answer["today"]["pools"][shared.estate.pool]["tenants"][owner]["guaranteed"] == 16
    closed = entente("plan", "--set", change, kubeconfig=shared.ada)
    assert closed.returncode == 1
    assert "this needs the right to list nodes, pods, gpupools.entente.dev" in closed.stderr
    text = told(entente("status", "-n", shared.guest, *shared.acting, kubeconfig=shared.admin))
    assert guest in text
    assert owner not in text


def test_everything_is_explained_to_whom_it_concerns(shared: Shared) -> None:
    """One estate for all commands: it takes a while to come into being."""
    owner, guest = shared.estate.corner.unique("owner"), shared.estate.corner.unique("guest")

    # An admin sees both.
    found = json.loads(told(entente("status", "-o", "json", kubeconfig=shared.admin)))
    figures = {tenant["name"]: tenant["pools"] for tenant in found["tenants"] if tenant["name"] in (owner, guest)}
    assert figures[owner][0]["guaranteed"] == 16
    assert figures[guest][0]["pending"] == 16
    assert found["notShown"] == []

    # A person of the guest sees the guest, and totals.
    text = told(entente("status", kubeconfig=shared.ada))
    assert guest in text
    assert owner not in text
    assert shared.estate.pool in text
    assert "Not shown, since you may not read them: other tenants" in text
    mine = json.loads(told(entente("status", "-o", "json", kubeconfig=shared.ada)))
    assert [tenant["name"] for tenant in mine["tenants"]] == [guest]
    assert [jobs["namespace"] for jobs in mine["jobs"]] == [shared.guest]

    # The queue, of one namespace and of all that may be read.
    text = told(entente("queue", kubeconfig=shared.ada))
    assert "waiting" in text
    assert "16 (2x8)" in text
    assert max(map(len, text.splitlines())) <= 80
    queued = json.loads(told(entente("queue", "-A", "-o", "json", kubeconfig=shared.ada)))
    assert f"{shared.guest}/waiting" in [job["job"] for job in queued]
    assert not [job for job in queued if job["job"].startswith(owner)]
    everybody = json.loads(told(entente("queue", "-A", "-o", "json", kubeconfig=shared.admin)))
    assert {f"{shared.guest}/waiting", f"{shared.owner}/claim"} <= {job["job"] for job in everybody}

    # Why: for who waits, who claims, who runs and who was told to stop.
    text = " ".join(told(entente("why", "waiting", kubeconfig=shared.ada)).split())
    assert f"It asks for 16 GPUs of pool {shared.estate.pool} (2 workers of 8)." in text
    assert "What ends the wait: " in text
    assert owner not in text
    assert "claim" not in text
    text = " ".join(told(entente("why", "claim", "-n", shared.owner, kubeconfig=shared.admin)).split())
    assert "The reason is Held." in text
    assert f"Pool {shared.estate.pool} promises the GPUs within 5m" in text
    phases = {name: " ".join(told(entente("why", name, kubeconfig=shared.ada)).split()) for name in ("first", "second")}
    stopping = next(text for text in phases.values() if "is Stopping" in text)
    still = next(text for text in phases.values() if "is Running" in text)
    assert "told to save and stop" in stopping
    assert "Guarantee, another tenant needed its guarantee back" in stopping
    assert "It is Borrowed" in still
    assert "If it were evicted now, it would lose" in still
    assert not [text for text in phases.values() if owner in text]

    what_if_is_answered_to_who_may_read_all(shared, owner, guest)

    # What is not there, and what is closed.
    missing = entente("why", "waitin", kubeconfig=shared.ada)
    assert missing.returncode == 1
    assert missing.stderr == f"Error: no job waitin in namespace {shared.guest}; did you mean waiting?\n"
    closed = entente("why", f"{shared.owner}/claim", kubeconfig=shared.ada)
    assert closed.returncode == 1
    assert "forbidden" in closed.stderr
    assert entente("queue", "-n", shared.owner, kubeconfig=shared.ada).returncode == 1


def test_a_cluster_that_does_not_answer_is_said_in_one_line(plane: LocalPlane, tmp_path: Path) -> None:
    config = plane.kubeconfig.read_text(encoding="utf-8")
    server = next(line.split()[-1] for line in config.splitlines() if "server:" in line)
    dead = tmp_path / "dead"
    dead.write_text(config.replace(server, "https://127.0.0.1:1"), encoding="utf-8")
    done = entente("status", kubeconfig=dead)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: cannot reach the cluster at https://127.0.0.1:1: ")
    assert len(done.stderr.splitlines()) == 1


def test_credentials_that_are_not_taken_are_said(plane: LocalPlane, tmp_path: Path) -> None:
    config = plane.kubeconfig.read_text(encoding="utf-8")
    lines = [line for line in config.splitlines() if "client-certificate-data" not in line and "client-key" not in line]
    user = next(number for number, line in enumerate(lines) if line.strip() == "user:")
    indent = " " * (len(lines[user]) - len(lines[user].lstrip()) + 2)
    stranger = tmp_path / "stranger"
    stranger.write_text("\n".join([*lines[: user + 1], f"{indent}token: none", *lines[user + 1 :]]), encoding="utf-8")
    done = entente("status", kubeconfig=stranger)
    assert done.returncode == 1
    assert "does not take your credentials (401)" in done.stderr
