from collections.abc import Sequence

import pytest

from entente.api.job import EvictionCause
from entente.simulator.outcome import Outcome
from entente.simulator.policy import Action, Place, Stop
from entente.simulator.replay import Replay
from entente.simulator.report import figures
from tests.support.replays import Eager, Told, a_sim_job, a_site

HOUR = 3600.0
SITE = a_site({"x": 8, "y": 8})
BOTH = {"h100-0": 1, "h100-1": 1}
GUEST = a_sim_job("y/guest", workers=2, gpus_per_worker=8)
OWNER = a_sim_job("x/owner", gpus_per_worker=8, submitted=HOUR)


def reclaimed() -> Outcome:
    """The guest takes all; the owner gets its host back after half a minute; the guest goes on when that is done."""
    script: dict[float, Sequence[Action]] = {
        0.0: [Place("y/guest", BOTH)],
        HOUR: [Stop("y/guest", EvictionCause.GUARANTEE, for_key="x/owner")],
        HOUR + 30: [Place("x/owner", {"h100-0": 1})],
        2 * HOUR + 30: [Place("y/guest", BOTH)],
    }
    return Replay(SITE, [(GUEST, 2 * HOUR), (OWNER, HOUR)], Told(script), name="told", window_s=2 * HOUR).run()


def test_the_figures_of_all_and_of_each_tenant() -> None:
    found = figures(SITE, reclaimed())
    whole, owner, guest = found["all"], found["tenants"]["x"], found["tenants"]["y"]
    assert (whole["jobs"], whole["done"], whole["evictions"]) == (2, 2, 1)
    assert owner["mean_jct_h"] == pytest.approx(1 + 30 / HOUR, abs=1e-5)
    assert owner["mean_queue_h"] == pytest.approx(30 / HOUR, abs=1e-5)
    assert guest["wasted_gpu_h"] == pytest.approx(16 * 300 / HOUR, abs=1e-5)  # it saved right then: only the restart
    assert guest["wasted_by"] == {"evictions": guest["wasted_gpu_h"], "failures": 0.0, "growth": 0.0}
    assert whole["wasted_gpu_h"] == guest["wasted_gpu_h"]
    assert (guest["borrowed_gpu_h"], owner["lent_gpu_h"]) == pytest.approx((8 + 8 * (1 + 300 / HOUR),) * 2, abs=1e-5)
    assert whole["reclaim_s"] == {"count": 1, "p50": 30.0, "p99": 30.0, "max": 30.0, "within_notice": 1.0}
    assert owner["deficit"] == pytest.approx(30 / (HOUR + 30), abs=1e-6)
    held_in_window = 16 * HOUR + 16 * 30 + 8 * (HOUR - 30)
    assert whole["utilisation"] == pytest.approx(held_in_window / (16 * 2 * HOUR), abs=1e-6)
    assert whole["goodput"] == pytest.approx((32 + 8) / (32 + 8 + 16 * 330 / HOUR), abs=1e-6)


def test_shares_of_what_was_due_are_equal_where_all_have_what_is_due() -> None:
    jobs = [(a_sim_job(f"{tenant}/a", gpus_per_worker=8), HOUR) for tenant in "xy"]
    found = figures(SITE, Replay(SITE, jobs, Eager(SITE)).run())
    assert found["all"]["jain"] == 1.0
    assert [row["used_of_due"] for row in found["tenants"].values()] == [1.0, 1.0]


def test_the_comparison_is_over_the_jobs_that_are_done_in_both() -> None:
    jobs = [(a_sim_job(f"x/{n}", gpus_per_worker=8), HOUR) for n in range(3)]
    slow = Told({0.0: [Place("x/0", {"h100-0": 1})], HOUR: [Place("x/1", {"h100-0": 1})]})
    fast = Told({0.0: [Place(f"x/{n}", {f"h100-{n}": 1}) for n in range(2)]})
    found = figures(SITE, Replay(SITE, jobs, slow).run(), Replay(SITE, jobs, fast).run())
    assert found["all"]["worst_tenant_vs_static"] == 1.5
    assert found["all"]["jobs_10pct_later_than_static"] == 0.5
    assert (found["tenants"]["x"]["jct_vs_static"], found["tenants"]["y"]["jct_vs_static"]) == (1.5, None)


def test_without_the_baseline_nothing_is_compared() -> None:
    whole = figures(SITE, reclaimed())["all"]
    assert (whole["worst_tenant_vs_static"], whole["jobs_10pct_later_than_static"]) == (None, None)
