"""`make estate` gives an estate to try things on, and a kubeconfig for a member of each tenant."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from localplane import binaries
from tests.support.marked import REPOSITORY, MarkedRun
from tests.support.plane import eventually

NAMESPACES = {"xai": "xai-training", "anthropic": "anthropic-research"}


@pytest.fixture
def estate(tmp_path: Path) -> Iterator[tuple[MarkedRun, Path]]:
    """An estate with the examples' tenants, and its directory."""
    binaries.ensure_all(binaries.PLANE)
    run, directory = MarkedRun(tmp_path / "output"), tmp_path / "estate"
    run.start((sys.executable, "-m", "demo.standing", str(directory)))
    run.await_text(re.compile(r"researcher of a tenant"))
    yield run, directory
    if run.process.poll() is None:
        run.process.kill()
        run.process.wait()


def kubectl(kubeconfig: Path, *arguments: str) -> str:
    command = [str(binaries.ensure("kubectl")), "--kubeconfig", str(kubeconfig), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=REPOSITORY)  # noqa: S603 - kubectl
    return (done.stdout + done.stderr).strip()


def may_create(kubeconfig: Path) -> bool:
    return kubectl(kubeconfig, "auth", "can-i", "create", "trainingjobs") == "yes"


def test_a_member_of_each_tenant_has_its_rights_and_no_others(estate: tuple[MarkedRun, Path]) -> None:
    run, directory = estate
    admin = directory / "kubeconfigs" / "admin.yaml"
    kubectl(admin, "apply", "-f", "examples/")
    for tenant, namespace in NAMESPACES.items():
        own = directory / f"{tenant}.kubeconfig"
        other = next(other for other in NAMESPACES.values() if other != namespace)
        assert own.stat().st_mode & 0o777 == 0o600
        assert f"export KUBECONFIG={own}" in run.text()
        eventually(partial(may_create, own), within=60, what=f"the rights of {tenant}'s researcher in {namespace}")
        assert kubectl(own, "auth", "can-i", "get", "trainingjobs", "-n", other) == "no"
        assert kubectl(own, "auth", "whoami", "-o", "jsonpath={.status.userInfo.username}") == f"{tenant}-researcher"


def test_ctrl_c_is_how_it_ends(estate: tuple[MarkedRun, Path]) -> None:
    run, _ = estate
    run.press_ctrl_c()
    assert run.process.wait(timeout=30) == 0
    assert "everything is stopped" in run.text()
    eventually(lambda: not run.alive(), what="the end of all its processes")
