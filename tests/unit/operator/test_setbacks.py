"""Something unforeseen goes wrong with one job: it is tried again later and later, and the others go on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import pytest

from entente.api.job import AllocationClass, EvictionCause, Phase
from entente.engine.decisions import Evict, Hold, Plan
from entente.metrics.instruments import Instruments
from entente.metrics.stage import Stage
from entente.operator import stepping
from entente.operator.acting import Actor
from entente.operator.applying import Applier
from entente.operator.core import Core
from entente.operator.jobs import JobStore
from entente.operator.setbacks import Setbacks
from entente.operator.tracked import Tracked
from entente.workload import decided
from entente.workload.actions import Actions
from tests.support.apiserver import ApiServer
from tests.support.miniature import Miniature
from tests.support.workloads import NAMESPACE, NOW, job, status

WRITTEN = "their words"


class UnforeseenError(RuntimeError):
    """As a bug would raise it, with what the owner wrote in its text."""

    def __init__(self) -> None:
        super().__init__(f"cannot read {WRITTEN}")


def _tracked(name: str = "train", uid: str = "uid") -> Tracked:
    of = job(name=name, meta={"uid": uid})
    return Tracked(observed=of, base_wire={}, first_seen=NOW, assumed=of.status)


def _fails(setbacks: Setbacks, tracked: Tracked, now: float) -> float:
    """Seconds until a job that failed now is tried again."""
    with pytest.raises(UnforeseenError) as caught:
        raise UnforeseenError
    setbacks.failed(tracked, Stage.OBSERVE, caught.value, now)
    until = setbacks.until(tracked, now)
    assert until is not None
    return until - now


def test_each_pause_is_longer_up_to_five_minutes() -> None:
    setbacks, tracked, now, pauses = Setbacks(lambda _: None), _tracked(), NOW, []
    for _ in range(11):
        pauses.append(_fails(setbacks, tracked, now))
        now += pauses[-1]
        assert setbacks.until(tracked, now) is None
    assert pauses == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]


def test_a_job_that_was_all_right_for_long_begins_anew() -> None:
    setbacks, tracked = Setbacks(lambda _: None), _tracked()
    _fails(setbacks, tracked, NOW)
    assert _fails(setbacks, tracked, NOW + 100) == 2
    assert _fails(setbacks, tracked, NOW + 500) == 1


def test_another_job_of_the_same_name_is_not_left_alone() -> None:
    setbacks = Setbacks(lambda _: None)
    _fails(setbacks, _tracked(uid="old"), NOW)
    assert setbacks.until(_tracked(uid="new"), NOW) is None


def test_the_log_says_where_and_not_what_the_owner_wrote(caplog: pytest.LogCaptureFixture) -> None:
    _fails(Setbacks(lambda _: None), _tracked(), NOW)
    assert f"job {NAMESPACE}/train: unforeseen UnforeseenError (Observe); trying again in 1 s" in caplog.text
    assert "test_setbacks.py" in caplog.text
    assert WRITTEN not in caplog.text


def test_errors_are_counted_by_stage() -> None:
    instruments = Instruments("test")
    _fails(Setbacks(instruments.count_job_error), _tracked(), NOW)
    counted = {
        stage: instruments.registry.get_sample_value("entente_job_errors_total", {"stage": stage}) for stage in Stage
    }
    assert counted == {Stage.OBSERVE: 1, Stage.DECIDE: 0, Stage.ACT: 0}


@contextmanager
def _broken(monkeypatch: pytest.MonkeyPatch, owner: object, name: str, key: str) -> Iterator[list[int]]:
    """A function of a module or class that fails for one job; how often it did."""
    whole, failed = getattr(owner, name), [0]

    def fails(*given: object) -> object:
        for each in given:
            if getattr(each, "key", None) == key:
                failed[0] += 1
                raise UnforeseenError
        return whole(*given)

    with monkeypatch.context() as patched:
        patched.setattr(owner, name, fails)
        yield failed


@pytest.fixture
async def cluster() -> AsyncIterator[Miniature]:
    async with ApiServer.running() as server:
        small = Miniature(server)
        async with small.kubelet():
            yield small


def _errors(core: Core) -> dict[str, float]:
    registry = core.loop._instruments.registry
    found = {stage.value: registry.get_sample_value("entente_job_errors_total", {"stage": stage}) for stage in Stage}
    return {stage: count for stage, count in found.items() if count}


PLACES: dict[str, tuple[object, str, Stage]] = {
    "in a step": (stepping, "advance", Stage.OBSERVE),
    "in taking over a decision": (decided, "start", Stage.DECIDE),
    "in working out what is due": (Actor, "schedule", Stage.ACT),
    "in a request": (Actions, "write_status", Stage.ACT),
}


@pytest.mark.parametrize(("owner", "name", "stage"), PLACES.values(), ids=PLACES.keys())
async def test_an_error_stops_one_job_until_it_is_over_and_no_other(
    cluster: Miniature,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    owner: object,
    name: str,
    stage: Stage,
) -> None:
    await cluster.furnish(2, anthropic=16)
    async with cluster.operator() as core:
        bad = cluster.submit("anthropic", "bad", 2, 4)
        with _broken(monkeypatch, owner, name, bad) as failed:
            good = cluster.submit("anthropic", "good", 2, 4)
            await cluster.until(lambda: cluster.phase(good) == "Running")
            await cluster.until(lambda: failed[0] > 1)
            ended, cycles = core.loop.ended_at, core.loop.cycles
            await cluster.until(lambda: core.loop.cycles > cycles)
            assert core.loop.ended_at != ended, "a cycle with an error in one job is no failed cycle"
            assert cluster.phase(bad) in {"", "Pending"}
            assert set(_errors(core)) == {stage.value}
        await cluster.until(lambda: cluster.phase(bad) == "Running")
    assert WRITTEN not in caplog.text


def test_nobody_is_evicted_for_a_job_whose_hold_could_not_be_taken_over(monkeypatch: pytest.MonkeyPatch) -> None:
    jobs, instruments = JobStore(), Instruments("test")
    applier = Applier(jobs, instruments, 15.0, Setbacks(instruments.count_job_error))
    for name, fields in (("claimant", None), ("victim", status("Running")), ("other", status("Running"))):
        jobs.see(job(fields, name=name, meta={"uid": name}).model_dump(mode="json", by_alias=True), NOW)
    claimant, victim, other = (f"{NAMESPACE}/{name}" for name in ("claimant", "victim", "other"))
    plan = Plan(
        (
            Hold(claimant, "h100", {"a": 1}, AllocationClass.ENTITLED, until=NOW + 60),
            Evict(victim, claimant, 8, 0.0, EvictionCause.GUARANTEE, grace_s=30.0),
            Evict(other, "gone/gone", 8, 0.0, EvictionCause.GUARANTEE, grace_s=30.0),
        ),
        {},
        {},
    )
    seen = {tracked.key: tracked.job for tracked in jobs}
    with _broken(monkeypatch, decided, "hold", claimant):
        applier.apply(plan, seen, {NAMESPACE: "anthropic"}, NOW)
    phases = {tracked.key: tracked.assumed.phase for tracked in jobs}
    assert phases == {claimant: Phase.PENDING, victim: Phase.RUNNING, other: Phase.STOPPING}
