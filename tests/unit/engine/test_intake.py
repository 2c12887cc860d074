"""From Kubernetes objects to a snapshot."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from entente.api.core import NodeRecord, PodRecord
from entente.api.job import Phase, TrainingJob
from entente.api.pool import GPUPool
from entente.api.tenant import Tenant, WhenSpent
from entente.engine.intake import snapshot
from entente.engine.model import BarePods, Job, Placement, Snapshot
from tests.support import manifests, objects
from tests.support.manifests import Manifest, changed

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
RACK = "topology.entente.dev/rack"
HOST = "kubernetes.io/hostname"


def ago(seconds: float) -> str:
    return (NOW - timedelta(seconds=seconds)).isoformat()


def taken(*given: Manifest) -> Snapshot:
    by_kind: dict[str, list[Any]] = {k: [] for k in ("GPUPool", "Tenant", "TrainingJob", "Node", "Pod")}
    for each in given:
        by_kind[each["kind"]].append(each)
    return snapshot(
        NOW,
        [GPUPool.model_validate(o) for o in by_kind["GPUPool"]],
        [Tenant.model_validate(o) for o in by_kind["Tenant"]],
        [TrainingJob.model_validate(o) for o in by_kind["TrainingJob"]],
        [NodeRecord.from_object(o) for o in by_kind["Node"]],
        [PodRecord.from_object(o) for o in by_kind["Pod"]],
    )


POOL = manifests.pool(topology=[RACK, HOST])
TENANT = manifests.tenant()
ESTATE = (POOL, TENANT, objects.node("n0", labels={RACK: "r0"}), objects.node("n1", labels={RACK: "r1"}))


def running(name: str = "train", *, nodes: dict[str, int] | None = None, **status: Any) -> Manifest:  # noqa: ANN401 - any field of the status
    nodes = {"n0": 1} if nodes is None else nodes
    allocation = {"pool": "h100", "workers": sum(nodes.values()) or 1, "gpus": 8, "class": "Entitled", "nodes": nodes}
    return {
        **manifests.job(name),
        "status": {"phase": "Running", "allocation": allocation, "startTime": ago(600), **status},
    }


def only(*given: Manifest) -> Job:
    (job,) = taken(*ESTATE, *given).jobs.values()
    return job


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        pytest.param(objects.node("x"), (8, True, False), id="ready"),
        pytest.param(
            objects.node("x", ready=False), (8, False, True), id="not ready: no capacity, and its pods are lost"
        ),
        pytest.param(objects.node("x", unschedulable=True), (8, False, False), id="cordoned: its pods go on"),
        pytest.param(objects.node("x", taints=("entente.dev/suspect",)), (8, False, False), id="set aside by taint"),
        pytest.param(objects.node("x", labels={"entente.dev/suspect": ""}), (8, False, False), id="set aside by label"),
        pytest.param(objects.node("x", taints=("nvidia.com/gpu",)), (8, True, False), id="the pool's own taint"),
        pytest.param(objects.node("x", gpus=0), (0, True, False), id="its GPUs have not been found yet"),
        pytest.param(changed(objects.node("x"), status__conditions=[]), (8, False, True), id="nothing is known of it"),
    ],
)
def test_what_a_node_offers(node: Manifest, expected: tuple[int, bool, bool]) -> None:
    made = taken(POOL, node).nodes["x"]
    assert (made.gpus, made.usable, made.lost) == expected


def test_a_node_belongs_to_the_first_pool_whose_selector_it_meets() -> None:
    other = manifests.pool("a-pool", nodeSelector={"zone": "a"})
    made = taken(POOL, other, objects.node("both", labels={"zone": "a"}), objects.node("one")).nodes
    assert {name: node.pool for name, node in made.items()} == {"both": "a-pool", "one": "h100"}
    stranger = changed(objects.node("x"), metadata__labels={})
    assert taken(POOL, stranger).nodes == {}


def test_a_domain_is_the_value_of_its_label_and_of_all_wider_ones() -> None:
    made = taken(*ESTATE, objects.node("n2")).nodes
    assert made["n0"].domains == ("r0", "r0/n0")
    assert made["n2"].domains == ("", "/n2"), "in no rack"


def test_handover_labels_are_read() -> None:
    labels = {"entente.dev/last-tenant": "xai", "entente.dev/handover": "Failed"}
    made = taken(POOL, objects.node("x", labels=labels)).nodes["x"]
    assert (made.last_tenant, made.handover_failed) == ("xai", True)


def test_pools_make_their_own_hosts_where_there_are_no_nodes() -> None:
    block = {"nodes": 4, "gpusPerNode": 4, "domains": [2]}
    simulated = manifests.pool(topology=["block", RACK, HOST], simulated=block)
    made = taken(simulated).nodes
    assert {n: node.domains for n, node in made.items()} == {
        "h100-0000": ("0", "", "0/h100-0000"),
        "h100-0001": ("0", "", "0/h100-0001"),
        "h100-0002": ("1", "", "1/h100-0002"),
        "h100-0003": ("1", "", "1/h100-0003"),
    }
    assert list(taken(simulated, objects.node("real")).nodes) == ["real"], "never beside real ones"


def test_a_running_job_is_where_its_status_says() -> None:
    job = only(running(nodes={"n1": 1}, lastCheckpoint=ago(60), runSeconds=5, restartSeconds=20))
    assert (job.phase, job.placement) == (Phase.RUNNING, Placement("h100", {"n1": 1}))
    assert job.started == (NOW - timedelta(seconds=600)).timestamp()
    assert job.last_checkpoint == (NOW - timedelta(seconds=60)).timestamp()
    assert (job.run_s, job.restart_s) == (5, 20)


def test_the_later_of_two_reported_checkpoints_counts() -> None:
    annotated = changed(running(lastCheckpoint=ago(60)), metadata__annotations={"entente.dev/last-checkpoint": ago(9)})
    assert only(annotated).last_checkpoint == (NOW - timedelta(seconds=9)).timestamp()


def test_running_jobs_without_nodes_are_packed_in_the_order_of_submission() -> None:
    first = changed(running("first", nodes={}), metadata__creationTimestamp=ago(900))
    second = changed(running("second", nodes={}), metadata__creationTimestamp=ago(800))
    jobs = taken(*ESTATE, second, first).jobs
    places = {key: job.placement.nodes for key, job in jobs.items() if job.placement}
    assert places == {"anthropic-research/first": {"n0": 1}, "anthropic-research/second": {"n1": 1}}


@pytest.mark.parametrize(
    ("job", "phase"),
    [
        pytest.param(manifests.job(), Phase.PENDING, id="new"),
        pytest.param({**manifests.job(), "status": {"phase": "Succeeded"}}, None, id="it has ended"),
        pytest.param({**manifests.job(), "status": {"phase": "Failed"}}, None, id="it has failed"),
        pytest.param(changed(manifests.job(), metadata__deletionTimestamp=ago(1)), None, id="deleted while pending"),
        pytest.param(
            changed(running(), metadata__deletionTimestamp=ago(1)), Phase.STOPPING, id="deleted while running"
        ),
    ],
)
def test_phases(job: Manifest, phase: Phase | None) -> None:
    assert [j.phase for j in taken(*ESTATE, job).jobs.values()] == ([phase] if phase else [])


HELD = {"pool": "h100", "nodes": {"n1": 1}, "since": ago(10), "until": ago(-20)}


@pytest.mark.parametrize(
    ("job", "held"),
    [
        pytest.param({**manifests.job(), "status": {"hold": HELD}}, True, id="a claimant"),
        pytest.param(running(phase="Stopping", hold=HELD), True, id="a job that is moved"),
        pytest.param(
            changed(running(phase="Stopping", hold=HELD), spec__suspend=True), False, id="suspended meanwhile"
        ),
        pytest.param(
            changed(running(phase="Stopping", hold=HELD), metadata__deletionTimestamp=ago(1)),
            False,
            id="deleted meanwhile",
        ),
    ],
)
def test_a_hold_lapses_when_its_claimant_is_gone_or_suspended(job: Manifest, *, held: bool) -> None:
    assert only(job).hold == (Placement("h100", {"n1": 1}) if held else None)


def test_what_a_job_asks_for_is_read() -> None:
    asked = manifests.job(
        workers=4,
        gpusPerWorker=2,
        elastic={"minWorkers": 2, "maxWorkers": 8},
        topology={"level": RACK, "mode": "Required"},
        checkpoint={"intervalSeconds": 60, "graceSeconds": 20},
        expectedSeconds=100,
        maxSeconds=200,
        pools=["h100"],
    )
    job = only(asked)
    assert (job.workers, job.min_workers, job.max_workers, job.gpus_per_worker, job.elastic) == (4, 2, 8, 2, True)
    assert (job.level, job.required, job.interval_s, job.grace_s) == (RACK, True, 60, 20)
    assert (job.expected_s, job.max_s, job.pools, job.tenant) == (100, 200, ("h100",), "anthropic")


def test_a_namespace_that_two_tenants_name_belongs_to_the_one_created_first() -> None:
    shared = ["anthropic-research"]
    older = changed(manifests.tenant("zeta", namespaces=shared), metadata__creationTimestamp=ago(100))
    younger = changed(manifests.tenant("alpha", namespaces=shared), metadata__creationTimestamp=ago(50))
    (job,) = taken(POOL, younger, older, *ESTATE[2:], manifests.job()).jobs.values()
    assert job.tenant == "zeta"


@pytest.mark.parametrize(
    ("spent", "started_ago_s", "expected"),
    [
        pytest.param(99, 0, None, id="something is left"),
        pytest.param(100, 0, WhenSpent.BLOCK, id="spent"),
        pytest.param(100, 86_400, None, id="the period is over"),
    ],
)
def test_a_spent_budget_holds_for_its_period(spent: int, started_ago_s: int, expected: WhenSpent | None) -> None:
    tenant = manifests.tenant(budget={"gpuHours": 100, "periodDays": 1, "whenSpent": "Block"})
    tenant["status"] = {"budget": {"periodStart": ago(started_ago_s), "spentGpuHours": spent}}
    assert taken(POOL, tenant).tenants["anthropic"].spent is expected


MY_NAMESPACE = "anthropic-research"


@pytest.mark.parametrize(
    ("extra", "capacity", "bare"),
    [
        pytest.param((objects.pod("p", "kube-system", "n0", 3),), 13, (), id="others lower the capacity"),
        pytest.param(
            (objects.pod("p", MY_NAMESPACE, "n0", 3),),
            16,
            (BarePods("n0", "anthropic", 3),),
            id="a tenant's own are its use",
        ),
        pytest.param((objects.pod("p", MY_NAMESPACE, "n0", 3, phase="Succeeded"),), 16, (), id="a pod that has ended"),
        pytest.param((objects.pod("p", "kube-system", "n0", 0),), 16, (), id="without GPUs"),
        pytest.param((objects.pod("p", "kube-system", "elsewhere", 3),), 16, (), id="on a node of no pool"),
        pytest.param(
            (objects.pod("p", MY_NAMESPACE, "n0", 3, job="gone"),),
            16,
            (BarePods("n0", "anthropic", 3, going=True),),
            id="the rest of a gang that is gone is on its way out",
        ),
        pytest.param(
            (running(), objects.pod("p", MY_NAMESPACE, "n0", 8, job="train")), 16, (), id="a job accounts for it"
        ),
        pytest.param(
            (running(), objects.pod("p", MY_NAMESPACE, "n1", 8, job="train")),
            16,
            (BarePods("n1", "anthropic", 8, going=True),),
            id="a worker where its job is not any more",
        ),
    ],
)
def test_pods_without_a_job_count(extra: tuple[Manifest, ...], capacity: int, bare: tuple[BarePods, ...]) -> None:
    made = taken(*ESTATE, *extra)
    assert (sum(n.capacity for n in made.nodes.values()), made.bare) == (capacity, bare)


@pytest.mark.parametrize(
    ("sharing", "left"),
    [pytest.param("Shared", 4, id="its GPUs"), pytest.param("Exclusive", 0, id="whole hosts: nobody is put beside it")],
)
def test_what_runs_for_a_tenant_that_is_gone_is_nobodys_capacity(sharing: str, left: int) -> None:
    orphan = changed(running(), metadata__namespace="gone", spec__gpusPerWorker=4)
    pool = changed(POOL, spec__nodeSharing=sharing)
    made = taken(pool, *ESTATE[1:], orphan, objects.pod("p", "gone", "n0", 4, job="train"))
    assert made.nodes["n0"].capacity == left
    assert made.bare == ()


def test_the_order_of_the_objects_does_not_matter() -> None:
    given = [
        *ESTATE,
        manifests.tenant("xai"),
        objects.pod("a", "kube-system", "n0", 1),
        objects.pod("b", MY_NAMESPACE, "n1", 1),
        objects.pod("c", MY_NAMESPACE, "n1", 2),
        running("one", nodes={}),
        running("two", nodes={}),
        *(
            manifests.job(f"p{i}", namespace)
            for i in range(3)
            for namespace in (MY_NAMESPACE, "xai-research", "nobody")
        ),
    ]
    expected, order = repr(taken(*given)), random.Random(7)  # noqa: S311 - an order for a test, no secret
    for _ in range(20):
        order.shuffle(given)
        assert repr(taken(*given)) == expected
