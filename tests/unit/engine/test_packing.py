"""Where running jobs are whose status names no nodes."""

from entente.api.core import PodRecord
from entente.api.job import Phase
from entente.engine.model import BarePods, Job, Node, Placement, Pool
from entente.engine.packing import SOMEWHERE, packed, seen

SHARED = Pool("h", ("host",), 300, 600, 3600, exclusive=False, handover_s=None, half_life_s=0)
EXCLUSIVE = Pool("h", ("host",), 300, 600, 3600, exclusive=True, handover_s=None, half_life_s=0)
HOSTS = {name: Node(name, "h", 8, (name,)) for name in ("n0", "n1")}


def running(name: str, workers: int, gpus: int, tenant: str = "a", submitted: float = 0.0) -> Job:
    place = Placement("h", {SOMEWHERE: workers})
    return Job(
        f"{tenant}/{name}", tenant, workers, gpus, submitted, workers, workers, phase=Phase.RUNNING, placement=place
    )


def pod(name: str, node: str, of: str, **meta: str) -> PodRecord:
    owner = {"apiVersion": "entente.dev/v1alpha1", "kind": "TrainingJob", "name": of}
    return PodRecord.from_object(
        {"metadata": {"name": name, "namespace": "a", "ownerReferences": [owner], **meta}, "spec": {"nodeName": node}}
    )


def nodes_of(jobs: dict[str, Job], key: str) -> dict[str, int]:
    placement = jobs[key].placement
    assert placement is not None
    return dict(placement.nodes)


def test_a_job_is_where_its_pods_are() -> None:
    found = seen({"a/x": running("x", 2, 4)}, [pod("x-0", "n1", "x"), pod("x-1", "n0", "x")])
    assert nodes_of(found, "a/x") == {"n0": 1, "n1": 1}


def test_a_gang_of_which_a_pod_is_missing_or_on_its_way_out_is_not_there_yet() -> None:
    jobs = {"a/x": running("x", 2, 4)}
    assert seen(jobs, [pod("x-0", "n1", "x")]) == jobs
    assert seen(jobs, [pod("x-0", "n1", "x"), pod("x-1", "n1", "x", deletionTimestamp="2027-03-01T09:00:00Z")]) == jobs


def test_jobs_are_packed_in_the_order_of_submission() -> None:
    jobs = {"a/late": running("late", 1, 8, submitted=2.0), "a/soon": running("soon", 1, 4, submitted=1.0)}
    found = packed(jobs, HOSTS, {"h": SHARED}, [])
    assert (nodes_of(found, "a/soon"), nodes_of(found, "a/late")) == ({"n0": 1}, {"n1": 1})


def test_no_job_is_packed_beside_another_tenant_where_hosts_are_exclusive() -> None:
    jobs = {"a/x": running("x", 1, 4), "b/y": running("y", 1, 4, "b", submitted=1.0)}
    found = packed(jobs, HOSTS, {"h": EXCLUSIVE}, [])
    assert (nodes_of(found, "a/x"), nodes_of(found, "b/y")) == ({"n0": 1}, {"n1": 1})


def test_pods_without_a_job_take_room() -> None:
    found = packed({"a/x": running("x", 1, 8)}, HOSTS, {"h": SHARED}, [BarePods("n0", "b", 1)])
    assert nodes_of(found, "a/x") == {"n1": 1}


def test_a_job_that_fits_nowhere_is_nowhere() -> None:
    found = packed({"a/x": running("x", 3, 8)}, HOSTS, {"h": SHARED}, [])
    assert nodes_of(found, "a/x") == {}
