"""Pods by job, nodes that are ready, pools and tenants."""

from __future__ import annotations

from dataclasses import replace

import pytest

from entente.api.core import NodeRecord
from entente.api.pool import GPUPool
from entente.operator.estate import NodeView, PodIndex, ResourceStore, gpu_pod
from entente.operator.jobs import JobStore
from tests.support import manifests
from tests.support.workloads import NOW, job, status, worker

RUNNING = job(status("Running", {"a": 1}))
KEY = RUNNING.key


@pytest.fixture
def store() -> JobStore:
    made = JobStore()
    body = manifests.job("train", RUNNING.metadata.namespace or "")
    body["metadata"].update({"uid": RUNNING.metadata.uid, "resourceVersion": "7", "generation": 1})
    body["status"] = RUNNING.status.to_wire()
    made.see(body, NOW)
    made.touched.clear()
    made.news = False
    return made


def node(name: str = "a", *, ready: bool = True, gpus: int = 8) -> NodeRecord:
    return NodeRecord(
        name=name, labels={}, ready=ready, unschedulable=False, taints=(), allocatable={"nvidia.com/gpu": gpus}
    )


def test_a_pod_is_found_by_its_job_and_the_job_is_looked_at(store: JobStore) -> None:
    index, pod = PodIndex(store), worker(RUNNING, 0)
    tracked = store.get(KEY)
    assert tracked is not None
    tracked.made[pod.name] = NOW
    index.changed(None, pod)
    assert index.of(RUNNING.metadata.uid) == (pod,)
    assert store.touched == {KEY}
    assert tracked.made == {}
    assert not store.news


def test_a_pod_that_is_gone_frees_gpus_which_is_news(store: JobStore) -> None:
    index, pod = PodIndex(store), worker(RUNNING, 0)
    index.changed(None, pod)
    index.changed(pod, None)
    assert index.of(RUNNING.metadata.uid) == ()
    assert store.news


def test_a_pod_of_no_job_is_news(store: JobStore) -> None:
    PodIndex(store).changed(None, replace(worker(RUNNING, 0), job=None, job_uid=None))
    assert store.news


def test_pods_without_gpus_are_of_no_interest() -> None:
    plain = {"metadata": {"name": "web", "namespace": "x"}, "spec": {"containers": [{"name": "web"}]}}
    assert gpu_pod(plain) is None
    asking = {"resources": {"limits": {"nvidia.com/gpu": "1"}}}
    record = gpu_pod({**plain, "spec": {"containers": [asking]}})
    assert record is not None
    assert record.gpus == {"nvidia.com/gpu": 1}


def test_a_node_that_is_lost_concerns_the_jobs_on_it(store: JobStore) -> None:
    view = NodeView(store)
    view.changed(None, node())
    assert view.ready == {"a"}
    store.touched.clear()
    store.news = False
    view.changed(node(), node(ready=False))
    assert view.ready == set()
    assert store.touched == {KEY}
    assert store.news


def test_a_heartbeat_of_a_node_is_no_news(store: JobStore) -> None:
    view = NodeView(store)
    view.changed(None, node())
    store.news = False
    view.changed(node(), replace(node(), resource_version="99"))
    assert not store.news


def test_a_resource_that_cannot_be_read_keeps_its_last_good_form() -> None:
    told: list[bool] = []
    store = ResourceStore(GPUPool, lambda: told.append(True))
    store.see(manifests.pool(noticeSeconds=60))
    store.see(manifests.pool(noticeSeconds="soon"))
    found = store.get("h100")
    assert found is not None
    assert found.spec.notice_seconds == 60
    assert told == [True]


def test_only_changes_of_the_spec_are_news() -> None:
    told: list[bool] = []
    store = ResourceStore(GPUPool, lambda: told.append(True))
    store.see(manifests.pool())
    store.see({**manifests.pool(), "status": {"capacity": 8}})
    assert told == [True]
    store.see(manifests.pool(noticeSeconds=60))
    store.keep_only(set(), version=1)
    assert told == [True, True, True]
    assert len(store) == 0
