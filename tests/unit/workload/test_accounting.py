"""What starts used and lost, and how long a job waits after a failure."""

import pytest

from entente.api.job import Retry, StopCause
from entente.workload.accounting import backoff_s, ended, lost_seconds
from tests.support.workloads import NOW, at, job, status

LOSSES: dict[str, tuple[dict[str, object], dict[str, int], StopCause, float]] = {
    "never reported, told to stop without saving": ({}, {}, StopCause.EVICTED, 90),
    "never reported, over more than one interval": (
        {"startTime": at(-3700)},
        {"intervalSeconds": 1800},
        StopCause.EVICTED,
        100,
    ),
    "saves when told and had the time": ({}, {"graceSeconds": 60}, StopCause.EVICTED, 0),
    "saves when told and had too little time": ({}, {"graceSeconds": 600}, StopCause.EVICTED, 90),
    "saves when told but failed": ({}, {"graceSeconds": 60}, StopCause.WORKER_FAILED, 90),
    "reported a checkpoint": ({"lastCheckpoint": at(-20)}, {}, StopCause.WORKER_FAILED, 20),
    "reported one before this start": ({"lastCheckpoint": at(-5000)}, {}, StopCause.NODE_LOST, 90),
}


@pytest.mark.parametrize(("fields", "checkpoint", "cause", "lost"), LOSSES.values(), ids=LOSSES)
def test_work_since_the_last_checkpoint_is_lost(
    fields: dict[str, object], checkpoint: dict[str, int], cause: StopCause, lost: float
) -> None:
    fields = {"stopping": {"since": at(-60), "until": at(0)}, **fields}
    base = status("Stopping")
    if "startTime" in fields:
        base["allocation"] = {**base["allocation"], "placed": fields["startTime"]}  # type: ignore[dict-item]
    assert lost_seconds(job({**base, **fields}, checkpoint=checkpoint), NOW, cause) == lost


def test_gpus_count_from_placement_and_running_time_from_the_start() -> None:
    after = ended(job(status("Running", {"a": 2}, gpuSeconds=10, runSeconds=5)), NOW, None)
    assert after.gpu_seconds == 10 + 100 * 16
    assert after.run_seconds == 5 + 90
    assert after.wasted_gpu_seconds == 0
    assert after.allocation is None


def test_a_start_that_never_ran_has_used_gpus_and_lost_no_work() -> None:
    after = ended(job(status("Stopping", startTime=at(-500))), NOW, StopCause.EVICTED)
    assert after.gpu_seconds == 800
    assert (after.run_seconds, after.wasted_gpu_seconds) == (0, 0)


@pytest.mark.parametrize("cause", [StopCause.SUSPENDED, StopCause.MAX_SECONDS])
def test_a_stop_that_its_owner_wanted_wastes_nothing(cause: StopCause) -> None:
    assert ended(job(status("Stopping")), NOW, cause).wasted_gpu_seconds == 0


def test_the_wait_doubles_with_each_failure_up_to_an_hour() -> None:
    retry = Retry(limit=100, backoff_seconds=30)
    assert [backoff_s(retry, failures) for failures in (1, 2, 3, 4)] == [30, 60, 120, 240]
    assert backoff_s(retry, 10_000) == 3600
    assert backoff_s(Retry(backoff_seconds=0), 5) == 0
