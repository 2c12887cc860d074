"""How long a job will run, learnt from finished ones that look like it."""

from datetime import UTC, datetime, timedelta

import pytest

from entente.api.job import TrainingJob
from entente.engine.learning import Lengths, learnt_lengths, likeness
from tests.support import manifests

TENANT_OF = {"anthropic-research": "anthropic", "other": "other"}
START = datetime(2027, 3, 1, tzinfo=UTC)


def job(name: str, namespace: str = "anthropic-research", *, status: dict[str, object], **spec: object) -> TrainingJob:
    return TrainingJob.model_validate({**manifests.job(name, namespace, **spec), "status": status})


def finished(name: str, seconds: float, phase: str = "Succeeded", **spec: int) -> TrainingJob:
    return job(name, "anthropic-research", status={"phase": phase, "runSeconds": seconds}, **spec)


def test_the_mean_of_the_jobs_that_succeeded_counts() -> None:
    seen = [finished(f"eval-{n}", seconds) for n, seconds in enumerate((100, 300, 200, 9000))]
    lengths = learnt_lengths(seen, TENANT_OF)
    assert lengths.expected(likeness(seen[0], "anthropic")) == 2400.0


@pytest.mark.parametrize(
    ("ran", "expected"),
    [
        pytest.param(0.0, 2400.0, id="it did not run yet"),
        pytest.param(50.0, 2350.0, id="all like it ran longer"),
        pytest.param(200.0, (300 + 9000) / 2 - 200, id="some ran longer"),
        pytest.param(8000.0, 1000.0, id="one ran longer"),
        pytest.param(9000.0, 9000.0, id="none ran longer"),
    ],
)
def test_a_job_that_ran_before_is_expected_to_run_what_those_that_ran_longer_still_had(
    ran: float, expected: float
) -> None:
    lengths = Lengths()
    for seconds in (9000.0, 100.0, 300.0, 200.0):
        lengths.learn("alike", seconds)
    assert lengths.expected("alike", ran) == expected


@pytest.mark.parametrize(
    "unlike",
    [
        pytest.param(finished("eval-7", 900, "Failed"), id="it failed"),
        pytest.param(finished("train-7", 900), id="another name"),
        pytest.param(finished("eval-7", 900, workers=2), id="more workers"),
        pytest.param(finished("eval-7", 900, gpusPerWorker=4), id="smaller workers"),
        pytest.param(job("eval-7", "other", status={"phase": "Succeeded", "runSeconds": 900}), id="another tenant"),
        pytest.param(job("eval-7", "nobodys", status={"phase": "Succeeded", "runSeconds": 900}), id="of no tenant"),
        pytest.param(job("eval-7", status={"phase": "Succeeded"}), id="it says no time"),
    ],
)
def test_nothing_is_learnt_from_a_job_unlike_it(unlike: TrainingJob) -> None:
    asked = likeness(job("eval-8", status={}), "anthropic")
    assert learnt_lengths([unlike], TENANT_OF).expected(asked) is None


def test_where_no_running_time_was_kept_the_last_start_counts() -> None:
    times = {"startTime": START.isoformat(), "completionTime": (START + timedelta(seconds=70)).isoformat()}
    ended = job("eval-1", status={"phase": "Succeeded", **times})
    assert learnt_lengths([ended], TENANT_OF).expected(likeness(ended, "anthropic")) == 70.0
