"""What the operator says at its start about a cluster that is not ready for it."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
import yaml

from entente.engine.decisions import Plan
from entente.kube.client import KubeClient
from entente.operator.compose import Process
from entente.operator.settings import Settings
from tests.support.apiserver import ApiServer, Fault


def unused(_: Plan) -> str:
    raise AssertionError


def process(server: ApiServer, folder: Path) -> Process:
    config = {
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "c"}}],
        "clusters": [{"name": "c", "cluster": {"server": server.url}}],
    }
    file = folder / "config"
    file.write_text(yaml.safe_dump(config), encoding="utf-8")
    return Process(Settings(kubeconfig=str(file)), unused)


REMEDIES = {
    "not installed": (Fault(status=404, message="page not found"), "not installed: `kubectl apply -f crds/`"),
    "forbidden": (Fault(status=403, message="cannot list"), "install its ClusterRole"),
    "not let in": (Fault(status=401), "does not take the operator's credentials"),
    "broken": (Fault(status=409, message="odd"), "Trying again"),
}


@pytest.mark.parametrize(("fault", "remedy"), REMEDIES.values(), ids=REMEDIES.keys())
async def test_resources_that_cannot_be_listed_are_told_of_with_the_remedy_and_waited_for(
    fault: Fault, remedy: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("entente.operator.compose._LOOK_AGAIN_S", 0.0)
    async with ApiServer.running() as server:
        server.fail("GET", fault, *([fault] if fault.status == 401 else []))  # once more with a token that is read anew
        started = process(server, tmp_path)
        with caplog.at_level(logging.WARNING):
            async with KubeClient(server.connection) as client:
                await started._resources_are_there(client)
    (record,) = caplog.records
    assert record.getMessage().startswith(f"cannot list gpupools.entente.dev: {fault.status} ")
    assert remedy in record.getMessage()
    assert len({request.path for request in server.seen("GET")}) == 3
