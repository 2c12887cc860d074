"""The summary's figures come from the jobs' status, and what was not kept is said."""

from datetime import datetime
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from demo import summary
from demo.claims import Claim
from demo.story import Story
from demo.trace import GUEST, OWNER, SPEED, TraceJob
from entente.api.job import TrainingJob
from tests.support.demo import BEGAN, job

START = datetime.fromisoformat(BEGAN).timestamp()
HOUR = 3600 / SPEED
"""Seconds of the replay that are an hour of the trace."""


def at(second: int) -> str:
    return f"2026-03-01T10:{second // 60:02}:{second % 60:02}Z"


def training_job(name: str, tenant: str = GUEST, **fields: Any) -> TrainingJob:  # noqa: ANN401 - fields of a job
    return TrainingJob.model_validate(job(name, tenant, **fields))


FINISHED = training_job("a", phase="Succeeded", completionTime=at(90), runSeconds=54, wastedGpuSeconds=72)
RUNNING = training_job("b", OWNER, phase="Running", nodes={"n0": 1}, startTime=at(60), runSeconds=0)
WAITING = training_job("c", phase="Pending")
TRACE = [
    TraceJob("a", "cluster04", 0, 54 * SPEED, 8),
    TraceJob("b", "cluster02", 0, 1e6, 8),
    TraceJob("c", "cluster04", 0, 1e6, 8),
]


def a_good_story() -> Story:
    story = Story()
    story.most_borrowed, story.owner_peak = 120, 128
    return story


def summarised(*jobs: TrainingJob, claims: tuple[Claim, ...] = (), story: Story | None = None) -> summary.Summary:
    return summary.summarise(
        TRACE,
        {known.metadata.name: known for known in jobs},
        hosts=32,
        gpus_per_host=8,
        began=START,
        horizon_s=90.0,
        claims=claims,
        start_s=0.0,
        story=story or a_good_story(),
    )


@pytest.mark.parametrize(
    ("known", "ran", "waited"),
    [
        pytest.param(FINISHED, 54, 36, id="a finished job"),
        pytest.param(RUNNING, 30, 60, id="a running job counts up to now"),
        pytest.param(WAITING, 0, 90, id="a waiting job counts up to now"),
        pytest.param(
            training_job("d", phase="Running", nodes={"n0": 1}, startTime=at(80), runSeconds=25), 35, 55, id="restarted"
        ),
        pytest.param(
            training_job("d", phase="Starting", nodes={"n0": 1}, startTime=at(10), runSeconds=25), 25, 65, id="starting"
        ),
    ],
)
def test_a_job_waits_when_it_does_not_run(known: TrainingJob, ran: float, waited: float) -> None:
    assert summary.run_seconds(known, START + 90) == ran
    assert summary.waited_seconds(known, START + 90) == waited


def test_figures_are_in_hours_of_the_trace() -> None:
    shared = summarised(FINISHED, RUNNING, WAITING).shared
    assert shared[""].jobs == 3
    assert shared[""].waited_h == pytest.approx((36 + 60 + 90) / 3 / HOUR)
    assert shared[GUEST].wasted_gpu_h == pytest.approx(72 / HOUR)
    assert shared[GUEST].gpu_h == pytest.approx((54 * 8 - 72) / HOUR)
    assert shared[OWNER].gpu_h == pytest.approx(30 * 8 / HOUR)
    assert (shared[""].finished, shared[OWNER].finished) == (1, 0)


def test_the_split_is_that_of_the_same_jobs_up_to_the_same_horizon() -> None:
    result = summarised(FINISHED, RUNNING, WAITING)
    assert result.split[""].jobs == 3
    assert result.split[""].waited_h == 0
    assert result.split[""].gpu_h == pytest.approx((54 + 90 + 90) * 8 / HOUR)
    assert result.split[""].finished == 1
    assert result.capacity_gpu_h == pytest.approx(256 * 90 / HOUR)


def test_a_good_run_has_nothing_to_complain_about() -> None:
    result = summarised(
        FINISHED, RUNNING, WAITING, claims=(Claim("x", 59, reclaimed=True), Claim("y", 3, reclaimed=False))
    )
    assert not result.failures
    assert result.reclaims == [59]


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        pytest.param({"jobs": (FINISHED, RUNNING)}, "job c is gone from the cluster", id="a job is lost"),
        pytest.param(
            {"jobs": (FINISHED, RUNNING, training_job("c", phase="Failed"))}, "job c has failed", id="a job has failed"
        ),
        pytest.param(
            {"claims": (Claim("ns/x", 61, reclaimed=True),)},
            "entitled job ns/x waited 61 s for its GPUs, the notice is 60 s",
            id="a notice is not kept",
        ),
        pytest.param(
            {"most_borrowed": 100},
            "anthropic borrowed 100 GPUs at most, at least 102 expected",
            id="half not used",
        ),
        pytest.param({"owner_peak": 120}, "xai had 120 GPUs at most, its guarantee is 128", id="guarantee not back"),
    ],
)
def test_what_was_not_kept_is_said(changed: dict[str, Any], complaint: str) -> None:
    story = a_good_story()
    story.most_borrowed = changed.get("most_borrowed", story.most_borrowed)
    story.owner_peak = changed.get("owner_peak", story.owner_peak)
    jobs = changed.get("jobs", (FINISHED, RUNNING, WAITING))
    assert summarised(*jobs, claims=changed.get("claims", ()), story=story).failures == [complaint]


def printed(result: summary.Summary) -> str:
    console = Console(file=StringIO(), width=120, color_system=None)
    with console.capture() as capture:
        console.print(summary.render(result, a_good_story()))
    return capture.get()


def test_it_is_printed_with_its_verdict() -> None:
    good = printed(summarised(FINISHED, RUNNING, WAITING, claims=(Claim("x", 4, reclaimed=True),)))
    assert "p50 4 s, max 4 s (1 job; the notice is 60 s)" in good
    assert "no job was lost" in good
    bad = printed(summarised(FINISHED, RUNNING))
    assert "NOT AS PROMISED: job c is gone from the cluster" in bad
    assert "no job was lost" not in bad


def test_a_run_of_which_nothing_is_known_can_be_printed() -> None:
    assert "none was needed" in printed(summarised())
