from typing import Any

import pytest

from entente.api.pool import GPUPool
from entente.api.tenant import Tenant
from entente.simulator.scenario import ScenarioSpec
from entente.simulator.setting import Setting, SettingError, build
from entente.simulator.trace import TraceError, TraceJob

DAY = 86_400.0


def a_gpu_pool(name: str = "h100", nodes: int | None = 4, gpus: int = 8, **spec: Any) -> GPUPool:  # noqa: ANN401 - a manifest
    simulated = {} if nodes is None else {"simulated": {"nodes": nodes, "gpusPerNode": gpus}}
    body = {"nodeSelector": {"gpu": name.upper()}, "nodeSharing": "Shared", **simulated, **spec}
    return GPUPool.model_validate({"metadata": {"name": name}, "spec": body})


def a_tenant(name: str, **guaranteed: int) -> Tenant:
    pools = [{"name": pool, "guaranteed": gpus} for pool, gpus in guaranteed.items()]
    return Tenant.model_validate({"metadata": {"name": name}, "spec": {"namespaces": [f"{name}-ns"], "pools": pools}})


def a_trace(*jobs: tuple[str, float, float, int], gpu_type: str = "") -> list[TraceJob]:
    """Tenant, submission and duration in seconds, GPUs."""
    return [TraceJob(f"j{n}", *job, gpu_type=gpu_type, line=n + 2) for n, job in enumerate(jobs)]


def made(trace: list[TraceJob], *tenants: Tenant, pools: list[GPUPool] | None = None, **spec: Any) -> Setting:  # noqa: ANN401
    return build(pools or [a_gpu_pool()], tenants, ScenarioSpec.model_validate(spec), trace, "t.csv")


def test_pools_and_tenants_alone_make_a_setting() -> None:
    setting = made(a_trace(("x", 10.0, 60.0, 16), ("y", 40.0, 30.0, 3)), a_tenant("x", h100=16), a_tenant("y", h100=8))
    first, second = (job for job, _ in setting.jobs)
    assert (first.key, first.workers, first.gpus_per_worker, first.submitted) == ("x/j0", 2, 8, 0.0)
    assert (second.workers, second.gpus_per_worker, second.submitted, second.pools) == (1, 3, 30.0, ("h100",))
    assert setting.site.capacity("h100") == 32
    assert (setting.conditions.stop_s, setting.conditions.restart_s, setting.conditions.failures) == (30.0, 300.0, None)
    assert setting.window_s == 30.0


def test_guarantees_in_proportion_to_gpu_hours_are_all_of_the_capacity() -> None:
    trace = a_trace(("x", 0.0, 300.0, 8), ("y", 0.0, 100.0, 8), ("z", 0.0, 1.0, 8))
    setting = made(trace, quotas="ProportionalToGPUHours", tenants={"order": "ShortestFirst", "weight": 2})
    assert {n: t.terms["h100"].guaranteed for n, t in setting.site.tenants.items()} == {"x": 16, "y": 8, "z": 8}
    assert all(t.shortest_first and t.terms["h100"].weight == 2 for t in setting.site.tenants.values())


def test_each_tenants_largest_gang_that_fits_is_known() -> None:
    trace = a_trace(("x", 0.0, 1.0, 12), ("x", 0.0, 1.0, 16), ("x", 0.0, 1.0, 40), ("y", 0.0, 1.0, 3))
    setting = made(trace, a_tenant("x", h100=16), a_tenant("y", h100=8), a_tenant("z", h100=8))
    assert setting.site.largest == {"x": 16, "y": 3}


def test_a_window_is_counted_from_its_begin_and_load_is_what_is_asked_for() -> None:
    trace = a_trace(("x", 0.5 * DAY, 1.0, 8), ("x", DAY, DAY, 16), ("x", 2.5 * DAY, 1.0, 8))
    setting = made(trace, a_tenant("x", h100=32), window={"fromDay": 1, "toDay": 2})
    assert [(job.key, job.submitted) for job, _ in setting.jobs] == [("x/j1", 0.0)]
    assert (setting.window_s, setting.load) == (DAY, 0.5)


def test_a_target_load_changes_when_jobs_are_submitted_and_nothing_else() -> None:
    trace = a_trace(("x", 0.0, 1000.0, 16), ("x", 2000.0, 1000.0, 16))
    setting = made(trace, a_tenant("x", h100=32), targetLoad=1)
    assert setting.load == pytest.approx(1.0)
    assert [(job.submitted, duration) for job, duration in setting.jobs] == [(0.0, 1000.0), (1000.0, 1000.0)]


def test_what_no_pool_can_ever_hold_is_left_out_and_counted() -> None:
    setting = made(a_trace(("x", 0.0, 9.0, 40), ("x", 1.0, 9.0, 32)), a_tenant("x", h100=8))
    assert (len(setting.jobs), setting.too_large) == (1, 1)


def test_the_type_of_gpu_chooses_the_pool_where_one_is_of_that_type() -> None:
    pools = [a_gpu_pool("h100"), a_gpu_pool("a100")]
    tenant = a_tenant("x", h100=8, a100=8)
    chosen = {
        kind: made(a_trace(("x", 0.0, 1.0, 1), gpu_type=kind), tenant, pools=pools).jobs[0][0].pools
        for kind in ("A100", "h100", "", "V100")
    }
    both = ("h100", "a100")
    assert chosen == {"A100": ("a100",), "h100": ("h100",), "": both, "V100": both}


def test_failures_and_exact_estimates_are_taken_over() -> None:
    setting = made(
        a_trace(("x", 0.0, 77.0, 8)),
        a_tenant("x", h100=8),
        estimates="Exact",
        failures={"perThousandGPUsPerDay": 0.5, "restartSeconds": 60},
    )
    assert setting.jobs[0][0].expected_s == 77.0
    assert setting.conditions.failure_restart_s == 60
    assert setting.conditions.failures is not None
    assert next(setting.conditions.failures()).at > 0


@pytest.mark.parametrize(
    ("pools", "tenants", "spec", "message"),
    [
        pytest.param([], [], {}, "GPUPool: none is given", id="no pool"),
        pytest.param([a_gpu_pool(nodes=None)], [], {}, "GPUPool h100: spec.simulated: missing", id="no hosts"),
        pytest.param([a_gpu_pool()], [], {}, "Tenant: none is given", id="no tenant"),
        pytest.param(
            [a_gpu_pool()],
            [a_tenant("x", h100=8)],
            {"quotas": "ProportionalToGPUHours"},
            "Tenant x: the scenario makes its tenants from the trace",
            id="tenants twice",
        ),
        pytest.param(
            [a_gpu_pool(), a_gpu_pool("a100")],
            [],
            {"quotas": "ProportionalToGPUHours"},
            "quotas: need one GPUPool, and there are 2",
            id="two pools",
        ),
        pytest.param(
            [a_gpu_pool(nodes=1)],
            [],
            {"quotas": "ProportionalToGPUHours"},
            "quotas: the largest gangs of all tenants need 9 GPUs, and the pools have 8",
            id="gangs too large",
        ),
        pytest.param(
            [a_gpu_pool()],
            [a_tenant("x", h100=8)],
            {"window": {"fromDay": 5}},
            "t.csv: no job of the trace is in the window",
            id="empty window",
        ),
    ],
)
def test_what_does_not_go_together_is_refused(
    pools: list[GPUPool], tenants: list[Tenant], spec: dict[str, Any], message: str
) -> None:
    with pytest.raises(SettingError, match=message):
        build(
            pools, tenants, ScenarioSpec.model_validate(spec), a_trace(("x", 0.0, 9.0, 8), ("y", 0.0, 1.0, 1)), "t.csv"
        )


def test_a_job_of_an_unknown_tenant_is_refused_with_its_line() -> None:
    with pytest.raises(TraceError, match=r"t.csv:3: tenant: 'z' is no Tenant of the scenario \(x, y\)"):
        made(a_trace(("x", 0.0, 9.0, 1), ("z", 0.0, 9.0, 1)), a_tenant("x", h100=8), a_tenant("y", h100=8))
