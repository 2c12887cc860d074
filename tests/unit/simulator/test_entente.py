import random
from collections.abc import Sequence
from functools import partial

import pytest

from entente.engine.decisions import Plan
from entente.engine.invariants import check_invariants
from entente.engine.model import Snapshot, Terms
from entente.simulator.entente import EntentePolicy
from entente.simulator.failures import failures
from entente.simulator.outcome import Outcome
from entente.simulator.policy import SimJob, Site
from entente.simulator.replay import Conditions, Replay, Row
from tests.support.replays import SimFields, a_sim_job, a_site


def sound(snapshot: Snapshot, plan: Plan) -> None:
    assert check_invariants(snapshot, plan) == []


def replayed(
    site: Site, *jobs: tuple[SimJob, float], conditions: Conditions | None = None
) -> tuple[Outcome, list[Row]]:
    rows: list[Row] = []
    policy = EntentePolicy(site, sound)
    outcome = Replay(site, jobs, policy, conditions=conditions or Conditions(), log=rows.append).run()
    return outcome, rows


def events(rows: Sequence[Row], kind: str) -> list[tuple[object, object]]:
    return [(row["t"], row["job"]) for row in rows if row["event"] == kind]


def test_an_entitled_job_gets_borrowed_gpus_back_after_a_grace() -> None:
    borrowing = a_sim_job("y/a", workers=2, gpus_per_worker=8)
    claim = a_sim_job("x/b", gpus_per_worker=8, submitted=1000.0)
    outcome, rows = replayed(a_site({"x": 8, "y": 8}), (borrowing, 5000.0), (claim, 600.0))
    stops = [row for row in rows if row["event"] == "Stop"]
    assert [(row["t"], row["job"], row["cause"], row["for"]) for row in stops] == [(1000.0, "y/a", "Guarantee", "x/b")]
    assert outcome.jobs["x/b"].first_start == 1030.0
    assert [reclaim.seconds for reclaim in outcome.reclaims] == [30.0]
    assert outcome.jobs["y/a"].end is not None
    assert outcome.tallies["y", "h100"].borrowed > 0


def test_a_shortest_first_tenant_learns_from_its_own_finished_jobs() -> None:
    site = a_site({"x": 8}, hosts=1)
    tenant = site.tenants["x"]
    for shortest_first in (False, True):
        learning = Site(site.pools, site.nodes, {"x": type(tenant)("x", tenant.terms, shortest_first=shortest_first)})
        jobs = [
            (a_sim_job("x/long-1", gpus_per_worker=8), 4000.0),
            (a_sim_job("x/short-1", gpus_per_worker=7, submitted=1.0), 100.0),
            (a_sim_job("x/long-2", gpus_per_worker=8, submitted=5000.0), 4000.0),
            (a_sim_job("x/long-3", gpus_per_worker=8, submitted=5001.0), 4000.0),
            (a_sim_job("x/short-2", gpus_per_worker=7, submitted=5002.0), 100.0),
        ]
        outcome, _ = replayed(learning, *jobs)
        starts = {key: job.first_start or 0.0 for key, job in outcome.jobs.items()}
        assert (starts["x/short-2"] < starts["x/long-3"]) is shortest_first


def test_an_elastic_job_starts_small_and_grows_into_what_nobody_wants() -> None:
    rigid = a_sim_job("y/a", gpus_per_worker=8)
    elastic = a_sim_job("x/e", workers=2, min_workers=1, max_workers=2, gpus_per_worker=8, submitted=10.0)
    outcome, rows = replayed(a_site({"x": 8, "y": 8}), (rigid, 2000.0), (elastic, 20_000.0))
    stops = [row for row in rows if row["event"] == "Stop"]
    assert [("cause" in row, row["job"]) for row in stops] == [(False, "x/e")]
    assert outcome.jobs["x/e"].evictions == 0
    sizes = [sum(row["nodes"].values()) for row in rows if row["event"] == "Start" and row["job"] == "x/e"]  # type: ignore[attr-defined]
    assert sizes == [1, 2]


def test_a_handover_delays_the_start_on_a_host_of_another_tenant() -> None:
    site = a_site({"x": 8, "y": 8}, hosts=1, exclusive=True, handover_s=60.0)
    first, second = a_sim_job("x/a", gpus_per_worker=8), a_sim_job("y/b", gpus_per_worker=8, submitted=10.0)
    outcome, _ = replayed(site, (first, 100.0), (second, 100.0))
    assert outcome.jobs["y/b"].first_start == 160.0


def test_a_lost_host_puts_its_gang_elsewhere() -> None:
    site = a_site({"x": 16}, hosts=2)
    conditions = Conditions(host_down_s=5000.0, failures=partial(failures, site.nodes, 3000.0, 2))
    outcome, rows = replayed(site, (a_sim_job("x/a", gpus_per_worker=8), 8000.0), conditions=conditions)
    assert outcome.jobs["x/a"].end is not None
    assert any(row["event"] == "HostLost" for row in rows)


def drawn(seed: int, count: int, *, elastic: bool) -> list[tuple[SimJob, float]]:
    draws = random.Random(seed)  # noqa: S311 - a sample for a test
    at, jobs = 0.0, list[tuple[SimJob, float]]()
    for number in range(count):
        at += draws.choice((0.0, 20.0, 120.0, 600.0))
        fields: SimFields = {"gpus_per_worker": draws.choice((1, 2, 4, 8)), "submitted": at}
        workers = draws.choice((1, 1, 1, 2, 3))
        fields["workers"] = workers
        if elastic and workers > 1:
            fields |= {"min_workers": 1, "max_workers": workers + 1}
        if draws.random() < 0.3:
            fields["grace_s"] = draws.choice((10.0, 90.0))
        job = a_sim_job(f"{draws.choice('xyz')}/{number}", **fields)
        jobs.append((job, float(draws.choice((30, 500, 2500, 9000)))))
    return jobs


@pytest.mark.parametrize("exclusive", [False, True], ids=["shared", "exclusive"])
@pytest.mark.parametrize("elastic", [False, True], ids=["rigid", "elastic"])
def test_what_it_decides_is_sound_and_everything_is_done_in_the_end(*, exclusive: bool, elastic: bool) -> None:
    terms: dict[str, int | Terms] = {"x": 16, "y": Terms(8, lend_limit=4), "z": Terms(0, borrow_limit=24)}
    site = a_site(terms, hosts=4, exclusive=exclusive, half_life_s=10_000.0, handover_s=20.0 if exclusive else None)
    conditions = Conditions(failures=partial(failures, site.nodes, 300.0, 1))
    jobs = drawn(5, 40, elastic=elastic)
    outcome, rows = replayed(site, *jobs, conditions=conditions)
    assert all(job.end is not None for job in outcome.jobs.values())
    assert outcome.pools["h100"].held == pytest.approx(sum(job.held_gpu_s for job in outcome.jobs.values()))
    again, rows_again = replayed(site, *jobs, conditions=conditions)
    assert rows_again == rows
    assert events(rows, "Stop")
    assert again.ended == outcome.ended
