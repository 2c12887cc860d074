"""`kai` under replay, on small estates worked out by hand. Pods take 30 s to stop, a restart costs 300 s."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from hypothesis import given, settings
from hypothesis import strategies as st
from typing_extensions import override

from entente.api.job import EvictionCause
from entente.engine.model import Terms
from entente.simulator.baselines.kai import KaiPolicy
from entente.simulator.baselines.kai.queues import Queue
from entente.simulator.baselines.kai.scheduler import Scheduler
from entente.simulator.failures import Failure
from entente.simulator.policies import policy_of
from entente.simulator.policy import Action, Place, Policy, SimJob, Site, Stop
from entente.simulator.replay import Conditions, Replay
from tests.support.kai import kai_job, kai_site

Submitted = tuple[SimJob, float]


@dataclass(slots=True)
class Seen:
    policy: KaiPolicy
    starts: list[tuple[str, float, Mapping[str, int]]] = field(default_factory=list)
    stops: list[tuple[str, float, EvictionCause | None, str | None]] = field(default_factory=list)

    def __getattr__(self, name: str) -> object:
        return getattr(self.policy, name)

    def decide(self, now: float) -> Sequence[Action]:
        actions = self.policy.decide(now)
        for action in actions:
            if isinstance(action, Place):
                self.starts.append((action.key, now, dict(action.workers_on)))
            elif isinstance(action, Stop):
                self.stops.append((action.key, now, action.cause, action.for_key))
        return actions

    @property
    def times(self) -> list[tuple[str, float]]:
        return [(key, at) for key, at, _ in self.starts]


def replayed(estate: Site, jobs: Sequence[Submitted], conditions: Conditions | None = None) -> Seen:
    """Replay to the end; the replay refuses an overfilled host and a gang that is not whole."""
    seen = Seen(KaiPolicy(estate))
    in_order = sorted(jobs, key=lambda submitted: submitted[0].submitted)
    outcome = Replay(estate, in_order, cast("Policy", seen), conditions=conditions or Conditions()).run()
    assert all(job.end is not None for job in outcome.jobs.values())
    return seen


def terms(**guaranteed: int) -> dict[str, Terms]:
    return {name: Terms(gpus) for name, gpus in guaranteed.items()}


def test_it_is_found_by_its_name() -> None:
    assert isinstance(policy_of("kai", kai_site([8], terms(a=8))), KaiPolicy)


def test_w8_a_rigid_gang_goes_for_one_gpu_and_comes_back_where_it_fits_again() -> None:
    """b's GPU is its own by quota: all of a's gang goes, 3 GPUs are idle until b's job is over at 1,130 s."""
    seen = replayed(
        kai_site([4], terms(a=2, b=2)), [(kai_job("a/4", 4), 5000.0), (kai_job("b/1", 1, at=1000.0), 100.0)]
    )
    assert seen.stops == [("a/4", 1000.0, EvictionCause.GUARANTEE, "b/1")]
    assert seen.times == [("a/4", 0.0), ("b/1", 1030.0), ("a/4", 1130.0)]


def test_a_job_beyond_its_quota_reclaims_by_fair_share() -> None:
    """Fair shares are 4 and 4 with quotas of 1: a has 6, so b may have 2 more than its quota, but not 5."""
    jobs = [(kai_job(f"a/{i}", 1, at=float(i)), 9000.0) for i in range(6)]
    seen = replayed(
        kai_site([8], terms(a=1, b=1)),
        [
            *jobs,
            (kai_job("b/2", 2, at=10.0), 9000.0),
            (kai_job("b/3", 2, at=20.0), 500.0),
            (kai_job("b/4", 1, at=30.0), 9.0),
        ],
    )
    # each scenario takes victims one at a time: the newest of a's
    assert seen.stops[:2] == [
        ("a/5", 20.0, EvictionCause.FAIR_SHARE, "b/3"),
        ("a/4", 20.0, EvictionCause.FAIR_SHARE, "b/3"),
    ]
    assert len([stop for stop in seen.stops if stop[3] == "b/4"]) == 0
    assert ("b/3", 50.0) in seen.times


def test_no_reclaim_between_queues_at_their_fair_share() -> None:
    jobs = [(kai_job(f"{t}/{i}", 1, at=float(i)), 100.0) for t in "ab" for i in range(4)]
    more = [(kai_job(f"{t}/9", 1, at=50.0), 100.0) for t in "ab"]
    seen = replayed(kai_site([8], terms(a=0, b=0)), [*jobs, *more])
    assert not seen.stops


def test_a_limit_holds_a_queue_back_while_gpus_are_idle() -> None:
    estate = kai_site([8], {"a": Terms(2, borrow_limit=1), "b": Terms(6)})
    seen = replayed(
        estate, [(kai_job("a/1", 2), 100.0), (kai_job("a/2", 2, at=1.0), 10.0), (kai_job("a/3", 1, at=2.0), 10.0)]
    )
    assert seen.times == [("a/1", 0.0), ("a/3", 2.0), ("a/2", 100.0)]


def test_a_queue_within_its_quota_goes_before_one_that_borrows() -> None:
    jobs = [
        (kai_job("a/1", 8), 100.0),
        (kai_job("a/2", 4, at=1.0), 50.0),
        (kai_job("b/1", 4, at=2.0, priority=-5), 50.0),
        (kai_job("b/2", 4, at=3.0), 50.0),
    ]
    seen = replayed(kai_site([8], terms(a=8, b=0)), jobs)
    assert [key for key, _ in seen.times] == ["a/1", "a/2", "b/2", "b/1"]


def test_consolidation_moves_a_job_and_keeps_its_new_place_for_it() -> None:
    """Two hosts are half used; a job for a whole one comes. Nothing is above its quota: reclaim could not help."""
    jobs = [
        (kai_job("a/1", 5), 4000.0),
        (kai_job("a/fill", 3, at=1.0), 100.0),
        (kai_job("a/2", 3, at=2.0), 4000.0),
        (kai_job("b/8", 8, at=200.0), 50.0),
        (kai_job("b/3", 3, at=201.0), 50.0),
    ]
    seen = replayed(kai_site([8, 8], terms(a=8, b=8)), jobs)
    assert seen.stops == [("a/2", 200.0, EvictionCause.MOVE, "b/8")]
    # b's small job fits where a/2 is to go, but that is kept; it takes h1 when the large one is done
    assert seen.starts[3:] == [
        ("a/2", 230.0, {"h0": 1}),
        ("b/8", 230.0, {"h1": 1}),
        ("b/3", 280.0, {"h1": 1}),
    ]


def test_a_job_preempts_lower_ones_of_its_own_queue_only() -> None:
    jobs = [
        (kai_job("a/low", 2, priority=10), 500.0),
        (kai_job("b/low", 2, priority=1), 500.0),
        (kai_job("a/equal", 2, at=5.0, priority=10), 10.0),
        (kai_job("a/high", 2, at=9.0, priority=50), 10.0),
    ]
    seen = replayed(kai_site([4], terms(a=2, b=2)), jobs)
    assert seen.stops == [("a/low", 9.0, EvictionCause.PRIORITY, "a/high")]
    assert seen.times[2:] == [("a/high", 39.0), ("a/low", 49.0), ("a/equal", 500.0)]


def test_a_job_that_cannot_be_evicted_never_goes_over_its_quota() -> None:
    jobs = [(kai_job("a/sure", 3, priority=100), 100.0), (kai_job("a/more", 2, at=1.0, priority=100), 10.0)]
    seen = replayed(kai_site([8], terms(a=4, b=4)), jobs)
    assert seen.times == [("a/sure", 0.0), ("a/more", 100.0)]
    assert not seen.stops


def test_a_job_that_cannot_be_evicted_is_no_victim() -> None:
    jobs = [(kai_job("a/sure", 4, priority=100), 100.0), (kai_job("b/1", 2, at=1.0), 10.0)]
    assert not replayed(kai_site([4], terms(a=4, b=2)), jobs).stops


def test_an_elastic_job_gives_up_workers_beyond_its_least_first() -> None:
    """N21: 6 workers, at least 2. b's quota is 3: three workers go, one by one, and the gang restarts with 3."""
    jobs = [(kai_job("a/el", 1, workers=6, least=2), 5000.0), (kai_job("b/1", 3, at=100.0), 50.0)]
    seen = replayed(kai_site([6], terms(a=2, b=3)), jobs)
    assert seen.starts[0] == ("a/el", 0.0, {"h0": 6})
    assert seen.stops == [("a/el", 100.0, EvictionCause.SHRINK, "b/1")]
    assert seen.starts[1:] == [("a/el", 130.0, {"h0": 3}), ("b/1", 130.0, {"h0": 1})]


def test_an_elastic_job_starts_with_what_there_is() -> None:
    jobs = [(kai_job("b/1", 3), 500.0), (kai_job("a/el", 1, workers=8, least=2, at=1.0), 50.0)]
    seen = replayed(kai_site([8], terms(a=4, b=4)), jobs)
    assert seen.starts[1] == ("a/el", 1.0, {"h0": 5})


def test_a_small_job_that_fits_passes_a_large_one_that_does_not() -> None:
    """There is no reservation: a large job starves as long as small ones come."""
    small = [(kai_job(f"a/{i}", 4, at=50.0 * i), 100.0) for i in range(10)]
    seen = replayed(kai_site([8], terms(a=8)), [*small, (kai_job("a/large", 8, at=10.0), 10.0)])
    assert seen.times[-1] == ("a/large", 550.0)


def test_places_kept_on_a_host_that_is_lost_are_sought_anew() -> None:
    jobs = [(kai_job("a/4", 4), 5000.0), (kai_job("b/1", 2, at=1000.0), 100.0)]
    failing = Conditions(failures=lambda: iter([Failure(1010.0, "h0", 0)]), host_down_s=500.0)
    seen = replayed(kai_site([4, 1], terms(a=2, b=2)), jobs, failing)
    assert seen.stops == [("a/4", 1000.0, EvictionCause.GUARANTEE, "b/1")]
    assert [at for key, at in seen.times if key == "b/1"] == [1510.0]


def test_an_exclusive_host_is_taken_when_the_last_pods_of_its_old_tenant_are_gone() -> None:
    """Two GPUs of the host were free all the time, but it is a's while a's job stops."""
    estate = kai_site([8], terms(a=0, b=8), exclusive=True)
    seen = replayed(estate, [(kai_job("a/1", 6), 900.0), (kai_job("b/1", 2, at=100.0), 50.0)])
    assert seen.stops == [("a/1", 100.0, EvictionCause.GUARANTEE, "b/1")]
    assert seen.times == [("a/1", 0.0), ("b/1", 130.0), ("a/1", 180.0)]


def test_a_job_of_a_tenant_without_a_queue_waits() -> None:
    scheduler = Scheduler(kai_site([4], terms(a=2)), "p")
    scheduler.arrived(kai_job("x/1", 1))
    assert not scheduler.decide(0.0)


def drawn_jobs() -> st.SearchStrategy[list[Submitted]]:
    """Jobs of three tenants that come while others run, of all shapes."""
    row = st.tuples(
        st.sampled_from("abc"),
        st.integers(0, 40),
        st.integers(1, 3),
        st.integers(1, 8),
        st.integers(1, 400),
        st.integers(0, 2),
    )

    def build(rows: list[tuple[str, int, int, int, int, int]]) -> list[Submitted]:
        jobs, at = [], 0.0
        for i, (tenant, wait, workers, gpus, runs, kind) in enumerate(rows):
            at += wait
            priority, least = (0, None) if kind < 1 else (50 * kind, 1)
            job = kai_job(f"{tenant}/{i}", gpus, workers=workers, at=at, priority=priority, least=least)
            jobs.append((job, float(runs)))
        return jobs

    return st.lists(row, max_size=25).map(build)


class Checked(KaiPolicy):
    """Looks at what a cycle came to before it is carried out."""

    @override
    def decide(self, now: float) -> Sequence[Action]:
        (scheduler,) = self._pools.values()
        cluster = scheduler.cluster
        actions = super().decide(now)
        for stop in actions:
            if isinstance(stop, Stop):
                self._look(scheduler, stop)
        self._look_at_claimants(scheduler, actions)
        for leaf in cluster.leaves.values():
            placed = [p for p in cluster.hosts.placed.values() if p.tenant == leaf.name]
            assert leaf.allocated == sum(p.gang.total for p in placed)
            assert leaf.allocated <= leaf.requested
            assert leaf.allocated_non_preemptible <= (leaf.quota or 0)
        return actions

    def _look(self, scheduler: Scheduler, stop: Stop) -> None:
        assert stop.for_key is not None
        claimant = self._leaf(scheduler, stop.for_key)
        if stop.cause in {EvictionCause.GUARANTEE, EvictionCause.FAIR_SHARE}:
            victim = self._leaf(scheduler, stop.key)
            assert victim is not claimant
        elif stop.cause is EvictionCause.MOVE:
            assert scheduler.keeps(stop.key)

    def _look_at_claimants(self, scheduler: Scheduler, actions: Sequence[Action]) -> None:
        causes: dict[str, set[EvictionCause | None]] = {}
        for stop in actions:
            if isinstance(stop, Stop) and stop.for_key is not None:
                causes.setdefault(stop.for_key.partition("/")[0], set()).add(stop.cause)
        for name, of_queue in causes.items():
            # moves for a queue come first, and may be for more than its share; in a queue of its own it may preempt
            if of_queue <= {EvictionCause.GUARANTEE, EvictionCause.FAIR_SHARE}:
                leaf = scheduler.cluster.leaves[name]
                assert leaf.allocated <= leaf.fair_share

    @staticmethod
    def _leaf(scheduler: Scheduler, key: str) -> Queue:
        return scheduler.cluster.leaves[key.partition("/")[0]]


@settings(deadline=None)
@given(
    drawn_jobs(),
    st.tuples(st.integers(0, 12), st.integers(0, 12), st.integers(8, 12)),
    st.booleans(),
    st.lists(st.tuples(st.integers(0, 900), st.integers(0, 3)), max_size=3),
)
def test_reclaims_stay_within_fair_shares_and_moved_jobs_are_never_left_without_a_place(
    jobs: list[Submitted],
    quotas: tuple[int, int, int],
    exclusive: bool,  # noqa: FBT001  # drawn
    lost: list[tuple[int, int]],
) -> None:
    terms_of = {name: Terms(quota) for name, quota in zip("abc", quotas, strict=True)}
    estate = kai_site([8, 8, 4, 8], terms_of, exclusive=exclusive)
    failures = [Failure(float(at), f"h{host}", 0) for at, host in sorted(lost)]
    conditions = Conditions(restart_s=1.0, failures=lambda: iter(failures), host_down_s=200.0)
    guaranteed = dict(zip("abc", quotas, strict=True))
    fitting = [
        (job, runs)
        for job, runs in jobs
        if job.gpus <= 8 and (job.priority < 100 or job.gpus <= guaranteed[job.tenant])
    ]
    outcome = Replay(estate, fitting, Checked(estate), conditions=conditions).run()
    assert all(job.end is not None for job in outcome.jobs.values())


@settings(deadline=None, max_examples=20)
@given(drawn_jobs())
def test_the_same_jobs_give_the_same_decisions(jobs: list[Submitted]) -> None:
    estate = kai_site([8, 8], terms(a=4, b=4, c=8))
    fitting = [(job, runs) for job, runs in jobs if job.gpus <= 8 and job.priority < 100]
    first, second = replayed(estate, fitting), replayed(estate, fitting)
    assert (first.starts, first.stops) == (second.starts, second.stops)
