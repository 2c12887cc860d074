from typing import Any

import pytest

from bench.replay.verdicts import Verdict, large_and_others, verdicts


def row(**figures: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    plain = {
        "mean_jct_h": 2.0,
        "mean_queue_h": 1.0,
        "p99_queue_h": 10.0,
        "wasted_gpu_h": 100.0,
        "deficit": 0.001,
        "worst_tenant_vs_static": 0.9,
        "jobs_10pct_later_than_static": 0.01,
        "reclaim_s": {"p50": 30.0, "p99": 30.0, "max": 31.0},
    }
    return plain | figures


def test_ratios_are_those_of_the_figures() -> None:
    rows = {
        "static": row(mean_queue_h=50.0),
        "fair": row(p99_queue_h=5.0),
        "kueue": row(mean_jct_h=2.5, wasted_gpu_h=400.0),
        "kai": row(mean_jct_h=1.6),
        "entente": row(),
    }
    found = {one.figure: one for one in verdicts({"philly": {"rows": rows, "notice_s": 300.0, "grace_s": 30.0}})}
    assert {figure: round(one.reached, 4) for figure, one in found.items()} == {
        "mean delay / `static`": 0.02,
        "mean completion time / `kueue`": 0.8,
        "mean completion time / `kai`": 1.25,
        "p99 delay / `fair`": 2.0,
        "wasted GPU-hours / `kueue`": 0.25,
        "deficit": 0.001,
        "worst tenant's mean completion time / its own under `static`": 0.9,
        "jobs more than 10 % later than under `static`": 0.01,
        "time to reclaim, max": 31.0,
    }
    assert [figure for figure, one in found.items() if not one.meets(one.required)] == [
        "mean completion time / `kai`",
        "p99 delay / `fair`",
    ]
    assert found["time to reclaim, max"].meets(32.0)


@pytest.mark.parametrize(
    ("sections", "figures"),
    [
        pytest.param({}, [], id="nothing was run"),
        pytest.param({"philly": {"rows": {"static": row()}, "notice_s": 300, "grace_s": 30}}, [], id="not entente"),
        pytest.param({"openb": {"rows": {"entente": {"unallocated": [0, 0]}, "backfill": {"unallocated": [0, 0]}}}}, [],
                     id="nothing to be better than"),
        pytest.param({"gpus": {"mean_queue_h": 0.6, "rows": {"entente": {"gpus": 80}, "static": {"gpus": 160}}}}, [0.5],
                     id="half the GPUs"),
        pytest.param({"saturation": {"rows": {"entente": {"utilisation_while_waiting": 0.965}}}}, [0.965],
                     id="no other is needed"),
    ],
)  # fmt: skip
def test_what_was_not_measured_has_no_verdict(sections: dict[str, Any], figures: list[float]) -> None:
    assert [one.reached for one in verdicts(sections)] == figures


def test_some_figures_are_to_be_large() -> None:
    one = Verdict("GPUs allocated", 0.96, 0.965, 0.97, at_least=True)
    assert one.meets(one.required)
    assert not one.meets(one.stretch)
    assert not one.meets(None)


def test_the_others_are_weighed_by_their_jobs() -> None:
    sizes = {"1": (30, 1.0), "2-4": (10, 5.0), "128+": (2, 7.0)}
    by_gpus = {size: {"jobs": jobs, "mean_queue_h": delay} for size, (jobs, delay) in sizes.items()}
    assert large_and_others({"by_gpus": by_gpus}) == (7.0, 2.0)
    assert large_and_others({"by_gpus": {}}) == (None, None)
