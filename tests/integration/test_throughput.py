"""Many jobs at once: how soon they run, and how many requests that takes."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from localplane import LocalPlane

from tests.support.estate import API, Estate, job_manifest
from tests.support.operators import OperatorProcess, running
from tests.support.plane import Corner, eventually

JOBS = 1000
NODES = 128
LIMIT_S = 30.0
WRITES_PER_JOB = 4
_WRITES = frozenset({"create", "patch", "apply", "delete"})
_OF_JOBS = frozenset({"services", "pods", "trainingjobs/status", "trainingjobs", "events"})
_SAMPLE = re.compile(r'^entente_api_requests_total\{code="(\d+)",kind="([^"]+)",verb="([^"]+)"\} (\S+)$')


@pytest.fixture
def operator(plane: LocalPlane, tmp_path: Path) -> Iterator[OperatorProcess]:
    """An operator of the test's own, whose counters begin at nothing."""
    with running(plane, tmp_path) as process:
        yield process


@pytest.fixture
def estate(operator: OperatorProcess, corner: Corner) -> Iterator[Estate]:
    """A pool and a tenant of the test's own."""
    assert operator.leads()
    own = Estate(corner)
    yield own
    own.leave()


def _writes(operator: OperatorProcess) -> Counter[tuple[str, str]]:
    """Writes about jobs so far, by verb and kind."""
    counted: Counter[tuple[str, str]] = Counter()
    for line in operator.get("/metrics")[1].splitlines():
        found = _SAMPLE.match(line)
        if found and found[3] in _WRITES and found[2] in _OF_JOBS:
            counted[found[3], found[2]] += int(float(found[4]))
    return counted


def test_a_thousand_jobs_at_once_run_soon_with_few_writes(estate: Estate, operator: OperatorProcess) -> None:
    estate.make_pool(NODES, blocks=2, racks=4)
    lab = estate.tenant("lab", 512)
    bodies = [job_manifest(f"job-{number:04d}", lab, 1, 1) for number in range(JOBS)]
    began = time.monotonic()
    estate.plane.api.create_many(f"{API}/namespaces/{lab}/trainingjobs", bodies)
    created = time.monotonic()

    def settled() -> Counter[str] | None:
        jobs = estate.plane.api.get(f"{API}/namespaces/{lab}/trainingjobs")["items"]
        phases = Counter(
            "explained"
            if (job.get("status") or {}).get("queue", {}).get("reason")
            else (job.get("status") or {}).get("phase", "untouched")
            for job in jobs
        )
        return phases if phases["Running"] + phases["explained"] == JOBS else None

    def looked() -> Counter[str] | None:
        time.sleep(0.5)  # reading a thousand jobs takes the server's time from what is measured
        return settled()

    phases = eventually(looked, within=120, what="all jobs running or explained")
    took = time.monotonic() - began
    writes = _writes(operator)
    print(f"created in {created - began:.1f} s, settled in {took:.1f} s: {dict(phases)}; writes {dict(writes)}")
    assert phases["Running"] == JOBS
    assert took <= LIMIT_S
    assert sum(writes.values()) <= WRITES_PER_JOB * JOBS
