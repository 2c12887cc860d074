from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

import pytest
from typing_extensions import override

from entente.api.job import EvictionCause
from entente.simulator.failures import Failure, failures
from entente.simulator.occupancy import ImpossibleError
from entente.simulator.outcome import Outcome, Setback
from entente.simulator.policy import Action, Place, Policy, SimJob, Site, Stop
from entente.simulator.replay import Conditions, Replay, Row
from tests.support.replays import Eager, Told, a_sim_job, a_site

A, B = a_sim_job("x/a", gpus_per_worker=4), a_sim_job("x/b", gpus_per_worker=4, submitted=50.0)
HOST = {"h100-0": 1}


def replayed(
    policy: Policy,
    *jobs: tuple[SimJob, float],
    site: Site | None = None,
    conditions: Conditions | None = None,
    log: Callable[[Row], None] = lambda _: None,
) -> Outcome:
    return Replay(site or a_site({"x": 8, "y": 8}), jobs, policy, conditions=conditions or Conditions(), log=log).run()


def test_a_job_that_starts_at_once_is_done_after_its_duration() -> None:
    outcome = replayed(Told({0.0: [Place("x/a", HOST)]}), (A, 100.0))
    job = outcome.jobs["x/a"]
    assert (job.first_start, job.end, job.completion_s, job.delay_s) == (0.0, 100.0, 100.0, 0.0)
    assert (job.useful_gpu_s, job.held_gpu_s) == (400.0, 400.0)
    assert outcome.ended == 100.0


def test_an_eviction_loses_the_work_since_the_last_checkpoint_and_costs_a_restart() -> None:
    script: Mapping[float, Sequence[Action]] = {
        0.0: [Place("x/a", HOST)],
        2000.0: [Stop("x/a")],
        2030.0: [Place("x/a", HOST)],
    }
    policy = Told(script)
    job = replayed(policy, (A, 4000.0)).jobs["x/a"]
    assert ("stopped", "x/a", 2030.0) in policy.heard
    assert job.lost_gpu_s == {Setback.EVICTION: 200.0 * 4}
    assert job.restart_gpu_s == {Setback.EVICTION: 300.0 * 4}
    assert job.stopping_gpu_s == 30.0 * 4
    assert job.end == 2030.0 + 300.0 + (4000.0 - 1800.0)
    assert job.useful_gpu_s == 4000.0 * 4
    assert job.evictions == 1


@pytest.mark.parametrize(
    ("grace", "given", "takes", "lost"),
    [
        pytest.param(None, None, 30.0, 2000.0 - 1800.0, id="who does not save takes the time that pods take to end"),
        pytest.param(120, None, 120.0, 0.0, id="who saves takes the time that it needs"),
        pytest.param(120, 300.0, 120.0, 0.0, id="and not what it is given"),
        pytest.param(120, 60.0, 30.0, 2000.0 - 1800.0, id="too little time does not help"),
        pytest.param(None, 10.0, 10.0, 2000.0 - 1800.0, id="pods are killed at the end of their grace"),
    ],
)
def test_what_a_stop_takes(grace: float | None, given: float | None, takes: float, lost: float) -> None:
    job = a_sim_job("x/a", grace_s=grace)
    policy = Told({0.0: [Place("x/a", HOST)], 2000.0: [Stop("x/a", grace_s=given)], 5000.0: [Place("x/a", HOST)]})
    outcome = replayed(policy, (job, 4000.0))
    assert ("stopped", "x/a", 2000.0 + takes) in policy.heard
    assert sum(outcome.jobs["x/a"].lost_gpu_s.values()) == lost


def test_gpus_of_a_stopping_job_stay_in_use() -> None:
    policy = Told({0.0: [Place("x/a", {"h100-0": 1})], 60.0: [Stop("x/a"), Place("x/b", HOST)]})
    full = a_sim_job("x/a", gpus_per_worker=8)
    with pytest.raises(ImpossibleError, match="x/b: 4 GPUs on host h100-0, where 0 are free"):
        replayed(policy, (full, 1000.0), (B, 10.0))


def test_a_stop_that_takes_no_time_frees_the_gpus_within_the_instant() -> None:
    class AtOnce(Told):
        @override
        def decide(self, now: float) -> Sequence[Action]:
            if ("stopped", "x/a", 60.0) in self.heard and len(self.asked) < 5:
                self.asked.append(now)
                return [Place("x/b", HOST)] if self.asked.count(now) == 2 else []
            return super().decide(now)

    policy = AtOnce({0.0: [Place("x/a", HOST)], 60.0: [Stop("x/a")], 200.0: [Place("x/a", HOST)]})
    outcome = replayed(policy, (A, 100.0), (B, 10.0), conditions=Conditions(stop_s=0.0))
    assert outcome.jobs["x/b"].first_start == 60.0


@pytest.mark.parametrize(
    ("actions", "message"),
    [
        pytest.param([Place("x/z", HOST)], "x/z: no such job was submitted", id="unknown"),
        pytest.param([Stop("x/a")], "x/a: cannot be stopped: it is Pending", id="stop of a pending job"),
        pytest.param([Place("x/a", HOST)] * 2, "x/a: cannot be started: it is Running", id="started twice"),
        pytest.param([Place("x/a", {"h100-0": 2})], "x/a: it has 2 workers, and from 1 to 1", id="gang"),
    ],
)
def test_a_policy_that_wants_what_cannot_be_ends_the_replay(actions: list[Action], message: str) -> None:
    with pytest.raises(ImpossibleError, match=message):
        replayed(Told({0.0: actions}), (A, 100.0))


def test_a_failure_restarts_the_gang_in_its_place() -> None:
    def one() -> Iterator[Failure]:
        return iter([Failure(500.0, "h100-0", 2), Failure(600.0, "h100-0", 6), Failure(700.0, "h100-1", 0)])

    policy = Told({0.0: [Place("x/a", HOST)]})
    job = replayed(policy, (A, 1000.0), conditions=Conditions(failure_restart_s=600.0, failures=one)).jobs["x/a"]
    assert [entry for entry in policy.heard if entry[0] == "restarted"] == [("restarted", "x/a", 500.0)]
    assert job.failures == 1
    assert job.lost_gpu_s == {Setback.FAILURE: 2000.0}
    assert job.restart_gpu_s == {Setback.FAILURE: 2400.0}
    assert job.end == 500.0 + 600.0 + 1000.0


def test_a_host_that_is_lost_takes_its_jobs_along_and_comes_back() -> None:
    def one() -> Iterator[Failure]:
        return iter([Failure(500.0, "h100-0", 2)])

    policy = Told({0.0: [Place("x/a", HOST)], 900.0: [Place("x/a", HOST)]})
    conditions = Conditions(failure_restart_s=600.0, host_down_s=300.0, failures=one)
    job = replayed(policy, (A, 1000.0), conditions=conditions).jobs["x/a"]
    assert policy.heard[1:4] == [("stopped", "x/a", 500.0), ("lost", "h100-0", 500.0), ("back", "h100-0", 800.0)]
    assert job.end == 900.0 + 600.0 + 1000.0


def test_a_job_that_can_never_run_does_not_keep_the_replay_from_ending() -> None:
    outcome = replayed(Told(wakes=[10.0 * n for n in range(1, 5000)]), (A, 100.0))
    assert outcome.jobs["x/a"].end is None
    assert outcome.jobs["x/a"].completion_s is None


def test_with_a_job_that_does_nothing_the_time_to_reclaim_is_from_its_being_entitled() -> None:
    full = a_sim_job("y/a", workers=2, gpus_per_worker=8)
    claim = a_sim_job("x/b", gpus_per_worker=8, submitted=100.0)
    stop = Stop("y/a", EvictionCause.GUARANTEE, for_key="x/b")
    policy = Told({0.0: [Place("y/a", {"h100-0": 1, "h100-1": 1})], 110.0: [stop], 140.0: [Place("x/b", HOST)]})
    (reclaim,) = replayed(policy, (full, 1000.0), (claim, 50.0)).reclaims
    assert (reclaim.key, reclaim.tenant, reclaim.pool, reclaim.seconds) == ("x/b", "x", "h100", 40.0)


@pytest.mark.parametrize(
    ("host_down", "rate"),
    [pytest.param(0.0, 30_000.0, id="gangs restart in place"), pytest.param(1000.0, 3000.0, id="hosts are lost")],
)
def test_gpu_seconds_add_up(host_down: float, rate: float) -> None:
    site = a_site({"x": 8, "y": 8}, hosts=2)
    jobs = [
        (a_sim_job(f"{'xy'[n % 2]}/{n}", gpus_per_worker=1 + n % 8, submitted=60.0 * n), 500.0 + 37.0 * (n * 7 % 100))
        for n in range(200)
    ]
    conditions = Conditions(host_down_s=host_down, failures=partial(failures, site.nodes, rate, 5))
    outcome = replayed(Eager(site), *jobs, site=site, conditions=conditions)
    assert sum(job.failures for job in outcome.jobs.values()) > 10
    assert all(job.end is not None for job in outcome.jobs.values())
    for job in outcome.jobs.values():
        assert job.useful_gpu_s == pytest.approx(job.duration_s * job.job.gpus)
    held = sum(job.held_gpu_s for job in outcome.jobs.values())
    assert held == pytest.approx(outcome.pools["h100"].held)
    used = sum(tally.used for tally in outcome.tallies.values())
    assert used == pytest.approx(held - sum(job.stopping_gpu_s for job in outcome.jobs.values()))


def test_events_are_logged_in_order() -> None:
    rows: list[Row] = []
    policy = Told({0.0: [Place("x/a", HOST)], 60.0: [Stop("x/a", for_key="x/b")], 90.0: [Place("x/a", HOST)]})
    replayed(policy, (A, 100.0), log=rows.append)
    assert [(row["t"], row["event"]) for row in rows] == [
        (0.0, "Submit"),
        (0.0, "Start"),
        (60.0, "Stop"),
        (90.0, "Stopped"),
        (90.0, "Start"),
        (490.0, "Finish"),
    ]
    assert rows[2] == {
        "t": 60.0, "event": "Stop", "job": "x/a", "lostGpuSeconds": 240.0, "cause": "Guarantee", "for": "x/b",
    }  # fmt: skip
