"""The metrics as the tools of Prometheus see them."""

import subprocess
from pathlib import Path

import pytest
from aiohttp import ClientSession

from entente.api.job import EvictionCause, Phase
from entente.engine.decisions import PoolBook, TenantBook
from entente.metrics.instruments import Instruments
from entente.metrics.snapshot import OperatorSnapshot
from entente.metrics.waste import WasteCause
from localplane.binaries import ensure

pytestmark = pytest.mark.integration


def busy() -> Instruments:
    """Something of everything."""
    instruments = Instruments("1.2.3")
    book = TenantBook(
        guaranteed=64, entitled=40, borrowed=24, lent=0, fair_surplus=8, charged=88, pending=16, rounded_down=False
    )
    instruments.publish(
        OperatorSnapshot(
            leader=True,
            cycle=7,
            cycle_ended=1_800_000_000.5,
            books={"h100": PoolBook(capacity=128, free=3, tenants={"guest": book})},
            jobs={("guest", Phase.RUNNING): 5, (None, Phase.PENDING): 1},
        )
    )
    instruments.observe_admission_wait("guest", "h100", 12.0)
    instruments.observe_reclaim("guest", "h100", 120.0)
    instruments.count_eviction("guest", "h100", EvictionCause.GUARANTEE)
    instruments.add_wasted_gpu_seconds("guest", "h100", WasteCause.EVICTION, 7200.0)
    instruments.observe_decision(0.01)
    instruments.observe_request("patch", "trainingjobs/status", 200, 0.01)
    return instruments


def test_the_linter_of_prometheus_has_nothing_to_say() -> None:
    _, body = busy().render()

    said = subprocess.run(  # noqa: S603 # the pinned binary
        [str(ensure("promtool")), "check", "metrics"], input=body, capture_output=True, check=False, timeout=60
    )
    assert (said.returncode, said.stdout, said.stderr) == (0, b"", b"")
