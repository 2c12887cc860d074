"""The operator is killed at any moment: whoever comes after it finishes or undoes what it began."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from localplane import LocalPlane
from tests.support.estate import Estate
from tests.support.operators import LEASE_SECONDS, OperatorProcess, running
from tests.support.plane import eventually

WORKERS = 64
GPUS_PER_NODE = 8


@pytest.fixture
def operator(plane: LocalPlane, tmp_path: Path) -> Iterator[OperatorProcess]:
    """An operator of the test's own, since the test kills it."""
    with running(plane, tmp_path) as process:
        yield process


def _no_gpu_is_given_twice(estate: Estate) -> None:
    over = {node: used for node, used in estate.gpus_in_use().items() if used > GPUS_PER_NODE}
    assert not over, f"GPUs given twice: {over}"


def _planned_gpus(estate: Estate, *jobs: str) -> dict[str, int]:
    """GPUs on each node by the statuses of jobs."""
    planned: dict[str, int] = {}
    for job in jobs:
        allocation = estate.status(job).get("allocation") or {}
        each = allocation.get("gpus", 0) // max(1, allocation.get("workers", 1))
        for node, workers in (allocation.get("nodes") or {}).items():
            planned[node] = planned.get(node, 0) + workers * each
    return planned


@pytest.mark.parametrize("pods_made", [1, 20, 60])
def test_an_operator_killed_in_the_middle_of_a_large_gang(
    estate: Estate, operator: OperatorProcess, pods_made: int
) -> None:
    estate.make_pool(WORKERS // GPUS_PER_NODE + 2)
    lab = estate.tenant("lab", WORKERS)
    gang = estate.job(lab, "gang", WORKERS, 1)
    eventually(lambda: len(estate.pods(lab)) >= pods_made, what=f"{pods_made} pods")
    operator.kill()
    made = len(estate.pods(lab))
    # While nobody decides, another job comes that would fit where the gang's missing workers belong.
    rival = estate.job(lab, "rival", 16, 1)
    operator.let_lease_expire()
    operator.start()
    status = estate.await_phase(gang, "Running")
    estate.await_phase(rival, "Running")
    assert made <= WORKERS
    assert status["starts"] == 1, "the gang was begun anew instead of finished"
    pods = estate.pods(lab, "gang")
    ranks = sorted(int(pod["metadata"]["labels"]["entente.dev/rank"]) for pod in pods)
    assert ranks == list(range(WORKERS))
    _no_gpu_is_given_twice(estate)
    planned = _planned_gpus(estate, gang, rival)
    assert planned == estate.gpus_in_use()
    assert max(planned.values()) <= GPUS_PER_NODE


def test_an_operator_killed_between_a_single_workers_pod_and_its_status(
    estate: Estate, operator: OperatorProcess
) -> None:
    estate.make_pool(1)
    lab = estate.tenant("lab", 8)
    job = estate.job(lab, "single", 1, 8, {"start_seconds": 3})
    eventually(lambda: estate.pods(lab), what="the pod")
    operator.kill()
    written = estate.status(job)
    operator.let_lease_expire()
    operator.start()
    status = estate.await_phase(job, "Running")
    assert status["starts"] == 1
    assert [pod["metadata"]["name"] for pod in estate.pods(lab)] == ["single-0-0"], written


def test_an_operator_killed_during_a_reclaim(estate: Estate, operator: OperatorProcess) -> None:
    estate.make_pool(2, noticeSeconds=60)
    owner, guest = estate.tenant("owner", 16), estate.tenant("guest", 0)
    borrower = estate.job(guest, "borrower", 2, 8, {"stop_seconds": 3}, checkpoint={"graceSeconds": 20})
    estate.await_phase(borrower, "Running")
    claimant = estate.job(owner, "claimant", 2, 8)
    eventually(lambda: "hold" in estate.status(claimant), what="the hold")
    operator.kill()
    operator.start()
    estate.await_phase(claimant, "Running")
    estate.await_phase(borrower, "Pending")
    assert len(estate.status(borrower)["evictions"]) == 1
    _no_gpu_is_given_twice(estate)


def test_a_leader_that_comes_back_from_a_pause_does_nothing_more(
    plane: LocalPlane, operator: OperatorProcess, estate: Estate, tmp_path: Path
) -> None:
    estate.make_pool(1)
    lab = estate.tenant("lab", 8)
    second = OperatorProcess(plane, tmp_path)
    second.lease = operator.lease
    second.start(leads=False)
    try:
        operator.pause()
        job = estate.job(lab, "after", 2, 4)
        estate.await_phase(job, "Running", within=LEASE_SECONDS + 60)
        operator.resume()
        eventually(lambda: "lost" in operator.text(), what="the end of the old leader")
        assert len(estate.pods(lab)) == 2
        assert estate.status(job)["starts"] == 1
    finally:
        second.stop()
        operator.kill()


def test_an_operator_told_to_end_lets_another_take_over_at_once(operator: OperatorProcess, estate: Estate) -> None:
    assert operator.stop() == 0
    assert operator.holder() == ""
    operator.start()
    estate.make_pool(1)
    lab = estate.tenant("lab", 8)
    estate.await_phase(estate.job(lab, "again", 1, 8), "Running")


def test_health_fails_when_no_cycle_ends_and_ready_when_nothing_answers(operator: OperatorProcess) -> None:
    assert operator.get("/healthz")[0] == 200
    assert operator.get("/readyz") == (200, "leading\n")
    text = operator.get("/metrics")[1]
    assert "entente_leader 1.0" in text
    assert "entente_cycles_total" in text
    operator.pause()
    assert operator.get("/readyz")[0] == 0
    operator.resume()


def test_the_api_server_is_restarted_in_the_middle_of_a_gang(
    plane: LocalPlane, operator: OperatorProcess, estate: Estate
) -> None:
    estate.make_pool(4)
    lab = estate.tenant("lab", 32)
    running_already = estate.job(lab, "before", 1, 8)
    estate.await_phase(running_already, "Running")
    gang = estate.job(lab, "gang", 24, 1)
    eventually(lambda: estate.pods(lab, "gang"), what="the first pod of the gang")
    plane.restart("kube-apiserver")

    def runs() -> bool:
        if not operator.alive():  # it could not renew its Lease in time: a kubelet would start it again
            operator.start()
        return estate.status(gang).get("phase") == "Running"

    eventually(runs, within=90, what="the gang running")
    assert estate.status(gang)["starts"] == 1
    assert estate.status(running_already)["restarts"] == 0
    late = estate.job(lab, "late", 1, 1)
    estate.await_phase(late, "Pending")
    _no_gpu_is_given_twice(estate)
