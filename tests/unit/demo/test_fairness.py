"""Who gains and who loses is told by paired differences over drawn jobs."""

from collections import Counter

import pytest

from demo import fairness, trace
from demo.trace import GUEST, OWNER
from demo.virtual import Rules


def test_a_draw_keeps_times_and_tenants_and_takes_each_tenant_s_own_jobs() -> None:
    jobs = trace.read()
    drawn = fairness.drawn(jobs, 7)
    assert [(job.job_id, job.submit_s, job.tenant) for job in drawn] == [
        (job.job_id, job.submit_s, job.tenant) for job in jobs
    ]
    for tenant in (OWNER, GUEST):
        known = Counter((job.gpus, job.duration_s) for job in jobs if job.tenant == tenant)
        assert {(job.gpus, job.duration_s) for job in drawn if job.tenant == tenant} <= known.keys()
    assert drawn == fairness.drawn(jobs, 7) != fairness.drawn(jobs, 8)
    assert fairness.drawn(jobs, 0) == jobs


def test_differences_are_paired() -> None:
    pairs = [({OWNER: 1.0, GUEST: 5.0}, {OWNER: 1.5, GUEST: 2.0}), ({OWNER: 3.0, GUEST: 5.0}, {OWNER: 3.5, GUEST: 6.0})]
    found = fairness.rows(pairs)
    assert (found[OWNER].difference_h, found[OWNER].margin_h, found[OWNER].worse) == (0.5, 0.0, 2)
    assert (found[GUEST].alone_h, found[GUEST].shared_h, found[GUEST].median_h, found[GUEST].worse) == (
        5.0,
        4.0,
        -1.0,
        1,
    )


@pytest.mark.parametrize(("freedom", "quantile"), [(5, 2.571), (9, 2.262), (19, 2.093), (39, 2.023), (1000, 1.962)])
def test_quantiles_of_student_are_those_of_the_tables(freedom: int, quantile: float) -> None:
    assert fairness.student_t(freedom) == pytest.approx(quantile, abs=0.01)


def test_a_single_seed_has_no_interval() -> None:
    assert fairness.interval([3.0]) == 0.0


def test_alone_nobody_lends() -> None:
    assert (fairness.alone(Rules()).owner_lends, fairness.alone(Rules()).guest_lends) == (0, 0)
