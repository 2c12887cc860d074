"""The live planner is told of jobs, nodes, tenants and pools, and its verdicts are read in time."""

from dataclasses import replace

import pytest

from entente.api.job import Phase
from entente.api.reasons import Reason
from entente.engine.decisions import Start
from entente.engine.live import LivePlanner, Successive
from entente.engine.model import BarePods
from entente.engine.planner import decide
from entente.engine.state import State
from tests.support.estates import NOW, a_job, a_node, a_tenant, estate

PLAIN = estate().pool(hosts=1).tenant("anthropic", 8)


def _starts(planner: LivePlanner, now: float = NOW) -> list[str]:
    return [d.job for d in planner.decide(now).actions if isinstance(d, Start)]


def test_a_job_that_comes_starts_and_one_that_went_does_not() -> None:
    planner = LivePlanner(PLAIN.snapshot())
    assert _starts(planner) == []
    planner.put_job(a_job("anthropic/a"))
    assert _starts(planner) == ["anthropic/a"]
    planner.drop_job("anthropic/a")
    assert _starts(planner) == []


def test_a_decision_changes_nothing_until_it_is_carried_out() -> None:
    planner = LivePlanner(PLAIN.pending("anthropic/a", workers=8).snapshot())
    assert _starts(planner) == _starts(planner) == ["anthropic/a"]


def test_hosts_that_come_and_go_are_capacity_as_long_as_they_are_there() -> None:
    planner = LivePlanner(PLAIN.pending("anthropic/a", gpus_per_worker=8, workers=2).snapshot())
    (wait,) = planner.decide(NOW).waits
    assert wait.reason is Reason.NEVER_FITS
    planner.put_node(a_node("h100-1"))
    assert _starts(planner) == ["anthropic/a"]
    planner.drop_node("h100-1")
    assert _starts(planner) == []


def test_a_tenant_that_comes_or_goes_takes_its_jobs_along() -> None:
    planner = LivePlanner(PLAIN.pending("xai/a").snapshot())
    assert planner.decide(NOW).waits[0].reason is Reason.NO_TENANT
    planner.put_tenant(a_tenant("xai", 0))
    assert _starts(planner) == ["xai/a"]
    planner.drop_tenant("xai")
    assert planner.decide(NOW).waits[0].reason is Reason.NO_TENANT


def test_what_runs_of_a_tenant_that_is_gone_borrows_until_somebody_needs_it() -> None:
    draft = PLAIN.tenant("xai", 8).running("xai/x", {"h100-0": 2}, elastic=(1, 8))
    planner = LivePlanner(draft.pending("anthropic/a", workers=7, submitted=NOW).snapshot())
    planner.drop_tenant("xai")
    verdict = planner.decide(NOW)
    assert [(type(d).__name__, d.job) for d in verdict.actions] == [("Hold", "anthropic/a"), ("Shrink", "xai/x")]
    assert set(verdict.standings) == {"anthropic/a"}


def test_a_pool_that_is_edited_is_looked_at_anew() -> None:
    planner = LivePlanner(PLAIN.pending("anthropic/a", level="block", required=True).snapshot())
    assert planner.decide(NOW).waits[0].reason is Reason.NEVER_FITS
    pool = planner.snapshot(NOW).pools["h100"]
    planner.put_pool(replace(pool, levels=("block", "host")))
    assert _starts(planner) == ["anthropic/a"]


def test_pods_without_a_job_take_their_gpus() -> None:
    planner = LivePlanner(PLAIN.pending("anthropic/a", workers=8).snapshot())
    planner.set_bare([BarePods("h100-0", "anthropic", 1)])
    assert _starts(planner) == []
    planner.set_bare([])
    assert _starts(planner) == ["anthropic/a"]


def test_a_backoff_ends_without_anything_else_happening() -> None:
    planner = LivePlanner(PLAIN.pending("anthropic/a", backoff_until=NOW + 60).snapshot())
    (wait,) = planner.decide(NOW).waits
    assert (wait.reason, wait.eta) == (Reason.BACKOFF, NOW + 60)
    assert _starts(planner, NOW + 61) == ["anthropic/a"]


def test_time_may_be_asked_about_in_any_order() -> None:
    draft = PLAIN.tenant("xai", 0).running("xai/x", {"h100-0": 8}, ran_s=10).pending("anthropic/a", workers=8)
    planner = LivePlanner(draft.snapshot())
    for now in (NOW, NOW + 5000, NOW + 300, NOW):
        assert planner.decide(now).plan() == decide(replace(draft.snapshot(), now=now))


def test_what_is_gone_twice_is_an_error() -> None:
    planner = LivePlanner(PLAIN.snapshot())
    for drop in (planner.drop_job, planner.drop_node, planner.drop_tenant):
        with pytest.raises(KeyError):
            drop("nobody")


def test_a_verdict_that_is_read_too_late_says_so() -> None:
    planner = LivePlanner(PLAIN.pending("anthropic/a").snapshot())
    verdict = planner.decide(NOW)
    planner.put_job(replace(planner.job("anthropic/a"), phase=Phase.SUSPENDED))
    with pytest.raises(RuntimeError, match="before the planner is told more"):
        _ = verdict.waits


def test_snapshots_that_follow_each_other_are_decided_about_as_each_by_itself() -> None:
    draft = PLAIN.pending("anthropic/a", workers=4)
    snapshots = [
        draft.snapshot(),
        draft.running("xai/x", {"h100-0": 8}).tenant("xai", 0).snapshot(),
        draft.bare_pods("h100-0", "anthropic", 6).snapshot(),
        draft.pool(hosts=1, exclusive=True).snapshot(),
        draft.pool("b200", hosts=1).snapshot(),
        draft.snapshot(),
    ]
    successive = Successive()
    assert [successive.decide(snapshot) for snapshot in snapshots] == [decide(snapshot) for snapshot in snapshots]


def test_after_an_error_all_is_looked_at_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    before, after = PLAIN.running("anthropic/a", {"h100-0": 8}).snapshot(), PLAIN.pending("anthropic/b").snapshot()
    successive = Successive()
    successive.decide(before)
    with monkeypatch.context() as broken:
        broken.setattr(State, "put_job", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            successive.decide(after)
    assert successive.decide(after) == decide(after)
