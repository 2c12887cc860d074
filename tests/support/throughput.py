"""Many jobs at once, on an estate of their own: what becomes of them, how soon, and with how many requests."""

from __future__ import annotations

import re
import time
from collections import Counter
from dataclasses import dataclass

from tests.support.estate import API, Estate, job_manifest
from tests.support.operators import OperatorProcess
from tests.support.plane import eventually

JOBS = 1000
NODES = 128

_WRITES = frozenset({"create", "patch", "apply", "delete"})
_OF_JOBS = frozenset({"services", "pods", "trainingjobs/status", "trainingjobs", "events"})
_SAMPLE = re.compile(r'^entente_api_requests_total\{code="(\d+)",kind="([^"]+)",verb="([^"]+)"\} (\S+)$')
_LOOK_S = 0.5
"""Reading a thousand jobs takes the API server's time from what is measured."""


@dataclass(frozen=True, slots=True)
class Outcome:
    created_s: float
    settled_s: float
    """Both from the first request on."""
    phases: Counter[str]
    """Jobs that wait with a reason are `explained`."""
    writes: Counter[tuple[str, str]]
    """Of the operator about jobs, by verb and kind, until all had settled."""


def submit(estate: Estate, operator: OperatorProcess, *, jobs: int = JOBS, nodes: int = NODES) -> Outcome:
    """Create single-worker jobs of one GPU, and wait until all of them run or are told why not.

    Args:
        estate: without a pool so far.
        operator: whose counters begin at nothing.
        jobs: how many.
        nodes: hosts of 8 GPUs.
    """
    estate.make_pool(nodes, blocks=2, racks=4)
    lab = estate.tenant("lab", nodes * 4)
    bodies = [job_manifest(f"job-{number:04d}", lab, 1, 1) for number in range(jobs)]
    path = f"{API}/namespaces/{lab}/trainingjobs"
    began = time.monotonic()
    estate.plane.api.create_many(path, bodies)
    created = time.monotonic()

    pause = _LOOK_S

    def settled() -> Counter[str] | None:
        nonlocal pause
        time.sleep(pause)
        looked = time.monotonic()
        phases = Counter(_state(job.get("status") or {}) for job in estate.plane.api.get(path)["items"])
        pause = max(_LOOK_S, 3 * (time.monotonic() - looked))
        return phases if phases["Running"] + phases["explained"] == jobs else None

    phases = eventually(settled, within=240, what="all jobs running or explained")
    return Outcome(created - began, time.monotonic() - began, phases, _writes(operator))


def _state(status: dict[str, object]) -> str:
    queue = status.get("queue")
    return "explained" if isinstance(queue, dict) and queue.get("reason") else str(status.get("phase", "untouched"))


def _writes(operator: OperatorProcess) -> Counter[tuple[str, str]]:
    counted: Counter[tuple[str, str]] = Counter()
    for line in operator.get("/metrics")[1].splitlines():
        found = _SAMPLE.match(line)
        if found and found[3] in _WRITES and found[2] in _OF_JOBS:
            counted[found[3], found[2]] += int(float(found[4]))
    return counted
