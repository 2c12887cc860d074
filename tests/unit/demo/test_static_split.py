"""The static split is replayed exactly: first come first served, backfill that delays nobody, hosts kept apart."""

from dataclasses import dataclass

import pytest

from demo.static_split import Outcome, replay
from demo.trace import GUEST, OWNER, TraceJob, read, shape

CLUSTER = {OWNER: "cluster02", GUEST: "cluster04"}


def job(name: str, submit: float, duration: float, gpus: int, tenant: str = OWNER) -> TraceJob:
    return TraceJob(name, CLUSTER[tenant], submit, duration, gpus)


@dataclass(frozen=True)
class Case:
    jobs: list[TraceJob]
    starts: dict[str, float]
    hosts: int = 2


CASES = {
    "a job that fits starts at once": Case([job("a", 5, 10, 16)], {"a": 5}),
    "the second waits for the end of the first": Case([job("a", 0, 10, 16), job("b", 1, 10, 8)], {"a": 0, "b": 10}),
    "an end and a submission at the same second are one event": Case(
        [job("a", 0, 10, 16), job("b", 10, 10, 16)], {"a": 0, "b": 10}
    ),
    "a short job is started ahead of a gang that waits": Case(
        [job("long", 0, 100, 8), job("gang", 1, 10, 16), job("short", 2, 50, 8)],
        {"long": 0, "gang": 100, "short": 2},
    ),
    "a job that would delay the gang is not": Case(
        [job("long", 0, 100, 8), job("gang", 1, 10, 16), job("longer", 2, 99, 8)],
        {"long": 0, "gang": 100, "longer": 110},
    ),
    "a job that ends just when the gang's turn comes is": Case(
        [job("long", 0, 100, 8), job("gang", 1, 10, 16), job("just", 2, 98, 8)],
        {"long": 0, "gang": 100, "just": 2},
    ),
    "a long job beside the gang's place is started": Case(
        [job("a", 0, 100, 8), job("b", 0, 200, 8), job("gang", 1, 10, 12), job("long", 2, 500, 2)],
        {"a": 0, "b": 0, "gang": 100, "long": 2},
        hosts=3,
    ),
    "small jobs share a host so that a gang finds whole ones": Case(
        [job("a", 0, 100, 1), job("b", 0, 100, 1), job("gang", 1, 10, 8)], {"a": 0, "b": 0, "gang": 1}
    ),
    "a worker is not spread over hosts": Case(
        [job("a", 0, 100, 5), job("b", 0, 100, 5), job("c", 1, 10, 6)], {"a": 0, "b": 0, "c": 100}
    ),
    "a job larger than the split never starts and blocks nobody": Case(
        [job("huge", 0, 10, 24), job("a", 1, 10, 8)], {"a": 1}
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_jobs_start_when_they_should(case: Case) -> None:
    horizon = 1_000.0
    outcomes = replay(case.jobs, {OWNER: case.hosts}, gpus_per_host=8, horizon_s=horizon)
    started = {
        job.job_id: job.submit_s + outcomes[job.job_id].waited_s for job in case.jobs if outcomes[job.job_id].ran_s
    }
    assert case.starts == started


def test_the_idle_half_of_one_tenant_is_of_no_use_to_the_other() -> None:
    jobs = [job("a", 0, 10, 8, GUEST), job("b", 0, 10, 8, GUEST)]
    outcomes = replay(jobs, {OWNER: 1, GUEST: 1}, gpus_per_host=8, horizon_s=100)
    assert [outcome.waited_s for outcome in outcomes.values()] == [0, 10]


def test_what_is_not_done_by_the_horizon_counts_up_to_it() -> None:
    jobs = [job("a", 0, 60, 8), job("b", 10, 60, 8), job("late", 100, 1, 8)]
    outcomes = replay(jobs, {OWNER: 1}, gpus_per_host=8, horizon_s=100)
    assert outcomes == {
        "a": Outcome(waited_s=0, ran_s=60, finished=True),
        "b": Outcome(waited_s=50, ran_s=40, finished=False),
    }
    assert replay(jobs, {OWNER: 1}, gpus_per_host=8, horizon_s=50)["b"] == Outcome(40, 0, finished=False)


def test_the_time_that_a_start_takes_is_spent_on_the_hosts_before_the_job_runs() -> None:
    jobs = [job("a", 0, 60, 8), job("b", 0, 60, 8)]
    assert replay(jobs, {OWNER: 1}, gpus_per_host=8, horizon_s=100, start_s=5) == {
        "a": Outcome(waited_s=5, ran_s=60, finished=True),
        "b": Outcome(waited_s=70, ran_s=30, finished=False),
    }


def test_no_host_is_ever_given_out_twice_in_the_replay_of_the_slice() -> None:
    jobs = read()
    outcomes = replay(jobs, {OWNER: 16, GUEST: 16}, gpus_per_host=8, horizon_s=1e9)
    for tenant in (OWNER, GUEST):
        own = [job for job in jobs if job.tenant == tenant]
        edges = sorted(
            edge
            for job in own
            for start in [job.submit_s + outcomes[job.job_id].waited_s]
            for edge in [(start, 1, job.gpus), (start + job.duration_s, 0, -job.gpus)]
        )
        used = peak = 0
        for _, __, gpus in edges:
            used += gpus
            peak = max(peak, used)
        assert peak <= 128
        assert used == 0
        assert all(outcomes[job.job_id].finished for job in own)
        assert all(shape(job.gpus, 8)[1] <= 8 for job in own)
