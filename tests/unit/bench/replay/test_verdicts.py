from typing import Any

import pytest

from bench.replay.verdicts import Kind, Verdict, large_and_others, verdicts


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
        "mean delay, of that in partitions (`static`)": 0.02,
        "mean completion time, of that with `kueue`": 0.8,
        "mean completion time, of that with `kai`": 1.25,
        "delay of the unluckiest 1 %, of that with `fair`": 2.0,
        "work lost to evictions, of that with `kueue`": 0.25,
        "guaranteed GPU time asked for and not had": 0.001,
        "worst-off tenant: mean completion time, of that alone": 0.9,
        "jobs that end over 10 % later than in partitions": 0.01,
        "longest wait of an owner for its GPUs": 31.0,
    }
    assert [figure for figure, one in found.items() if not one.met] == [
        "mean completion time, of that with `kai`",
        "delay of the unluckiest 1 %, of that with `fair`",
    ]


@pytest.mark.parametrize(
    ("delay_h", "kinds"),
    [
        pytest.param(1.0 / 0.0699, None, id="reached"),
        pytest.param(1.0 / 0.0715, [Kind.METHOD], id="as near as one draw goes"),
        pytest.param(1.0 / 0.1, [], id="further off than that, for no known reason"),
    ],
)
def test_only_a_near_miss_is_laid_to_chance(delay_h: float, kinds: list[Kind] | None) -> None:
    rows = {"static": row(mean_queue_h=delay_h), "entente": row()}
    first = verdicts({"philly": {"rows": rows, "notice_s": 300, "grace_s": 30}})[0]
    assert (None if first.met else [cause.kind for cause in first.causes]) == kinds


@pytest.mark.parametrize(
    ("best", "kinds"),
    [
        pytest.param("fair", [Kind.PRICE], id="one that keeps no guarantee"),
        pytest.param("kueue", [], id="one that keeps them, too"),
    ],
)
def test_a_shorter_delay_is_the_price_of_guarantees_only_beside_who_keeps_none(best: str, kinds: list[Kind]) -> None:
    rows = {name: row(mean_queue_h=0.5 if name == best else 2.0) for name in ("fair", "kueue")} | {"entente": row()}
    found = verdicts({"itp": {"rows": rows, "notice_s": 300, "grace_s": 30}})
    delay = next(one for one in found if one.figure == f"ITP: mean delay, of that of the best other (`{best}`)")
    assert not delay.met
    assert [cause.kind for cause in delay.causes] == kinds


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


@pytest.mark.parametrize(
    ("goal", "at_least", "met"),
    [(0.96, True, True), (0.97, True, False), (0.96, False, False), (0.965, False, True), (0.965, True, True)],
)
def test_a_figure_is_to_be_at_most_or_at_least_its_goal(goal: float, *, at_least: bool, met: bool) -> None:
    assert Verdict("GPUs in use", goal, 0.965, at_least=at_least).met is met


def test_the_others_are_weighed_by_their_jobs() -> None:
    sizes = {"1": (30, 1.0), "2-4": (10, 5.0), "128+": (2, 7.0)}
    by_gpus = {size: {"jobs": jobs, "mean_queue_h": delay} for size, (jobs, delay) in sizes.items()}
    assert large_and_others({"by_gpus": by_gpus}) == (7.0, 2.0)
    assert large_and_others({"by_gpus": {}}) == (None, None)
