"""The life of a job on a real control plane."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from localplane import ApiFailure, LocalPlane
from tests.support.estate import Estate
from tests.support.operators import OperatorProcess, running
from tests.support.plane import eventually


@pytest.fixture(scope="module")
def operator(plane: LocalPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OperatorProcess]:
    """One operator for the tests of this module; gangs get 20 seconds to be ready."""
    with running(plane, tmp_path_factory.mktemp("operator"), "--start-timeout-seconds", "20") as process:
        yield process


def test_a_gang_starts_with_everything_its_workers_need(estate: Estate) -> None:
    nodes = estate.make_pool(2)
    lab = estate.tenant("lab", 16, priorities=[{"name": "frontier", "value": 10}])
    job = estate.job(lab, "llm", 3, 4, priority="frontier")
    status = estate.await_phase(job, "Running")
    assert status["allocation"]["workers"] == 3
    assert status["allocation"]["gpus"] == 12
    assert status["allocation"]["class"] == "Entitled"
    assert sum(status["allocation"]["nodes"].values()) == 3
    assert set(status["allocation"]["nodes"]) <= set(nodes)
    pods = estate.pods(lab, "llm")
    assert sorted(pod["metadata"]["name"] for pod in pods) == ["llm-0-0", "llm-0-1", "llm-0-2"]
    for pod in pods:
        spec = pod["spec"]
        terms = spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
        assert [field["values"] for field in terms[0]["matchFields"]] == [[spec["nodeName"]]]
        assert spec["priorityClassName"].endswith("frontier")
        assert spec["preemptionPolicy"] == "Never"
        assert {"key": "nvidia.com/gpu", "operator": "Exists"} in spec["tolerations"]
        assert spec["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == "4"
        assert spec["restartPolicy"] == "Never"
        assert pod["metadata"]["ownerReferences"][0]["kind"] == "TrainingJob"
    environment = {entry["name"]: entry["value"] for entry in pods[0]["spec"]["containers"][0]["env"]}
    rank = pods[0]["metadata"]["labels"]["entente.dev/rank"]
    service = pods[0]["spec"]["subdomain"]
    assert environment["MASTER_ADDR"] == f"llm-0-0.{service}"
    assert (environment["RANK"], environment["WORLD_SIZE"]) == (rank, "3")
    made = estate.plane.api.get(f"/api/v1/namespaces/{lab}/services/{service}")
    assert made["spec"]["clusterIP"] == "None"
    assert made["spec"]["publishNotReadyAddresses"] is True
    eventually(lambda: "Started" in estate.events(lab, "llm"), what="the event of the start")


def test_a_gang_gets_all_its_workers_or_none(estate: Estate) -> None:
    estate.make_pool(2)
    lab = estate.tenant("lab", 16)
    first = estate.job(lab, "first", 1, 4)
    estate.await_phase(first, "Running")
    gang = estate.job(lab, "gang", 2, 8)
    queue = estate.await_reason(gang, "NoFreeGPUs")
    assert "16" in queue["message"]
    assert queue["position"] == 1
    assert estate.pods(lab, "gang") == []
    estate.plane.api.delete(first)
    estate.await_phase(gang, "Running")
    assert len(estate.pods(lab, "gang")) == 2


def test_a_job_whose_workers_end_well_has_succeeded_and_is_deleted_after_its_time(estate: Estate) -> None:
    estate.make_pool(1)
    lab = estate.tenant("lab", 8)
    job = estate.job(lab, "short", 2, 4, {"run_seconds": 2}, ttlSecondsAfterFinished=5)
    status = estate.await_phase(job, "Succeeded")
    assert status["gpuSeconds"] >= 8 * 2
    assert status["wastedGpuSeconds"] == 0
    assert "allocation" not in status
    assert {"Succeeded"} <= {condition["type"] for condition in status["conditions"]}
    estate.corner.await_gone(job)


def test_a_worker_that_fails_restarts_its_gang_until_the_retry_limit(estate: Estate) -> None:
    estate.make_pool(1)
    lab = estate.tenant("lab", 8)
    job = estate.job(
        lab, "flaky", 2, 2, {"fail_after_seconds": 1, "exit_code": 3}, retry={"limit": 1, "backoffSeconds": 1}
    )
    status = estate.await_phase(job, "Failed")
    assert status["failures"] == 2
    assert status["restarts"] == 1
    failed = next(condition for condition in status["conditions"] if condition["type"] == "Failed")
    assert failed["reason"] == "RetryLimitExceeded"
    assert "exit code 3" in failed["message"]
    starts = {pod["metadata"]["labels"]["entente.dev/attempt"] for pod in estate.pods(lab, "flaky")}
    assert starts == {"0", "1"}
    eventually(lambda: estate.gpus_in_use() == {}, what="no GPU in use")


def test_a_lost_node_restarts_the_gang_elsewhere_and_does_not_count(estate: Estate) -> None:
    estate.make_pool(2)
    lab = estate.tenant("lab", 16)
    job = estate.job(lab, "moved", 1, 8, retry={"limit": 0})
    before = estate.await_phase(job, "Running")
    lost = next(iter(before["allocation"]["nodes"]))
    estate.plane.set_node_ready(lost, ready=False)

    def elsewhere() -> bool:
        status = estate.status(job)
        return status["phase"] == "Running" and lost not in status["allocation"]["nodes"]

    eventually(elsewhere, what="the gang on another node")
    status = estate.status(job)
    assert status["failures"] == 0
    assert status["restarts"] == 1


def test_a_suspended_job_gives_its_gpus_back_and_resumes(estate: Estate) -> None:
    estate.make_pool(1)
    lab = estate.tenant("lab", 8)
    job = estate.job(lab, "paused", 2, 4, {"stop_seconds": 5}, checkpoint={"graceSeconds": 10})
    estate.await_phase(job, "Running")
    estate.patch(job, {"spec": {"suspend": True}})
    estate.await_phase(job, "Stopping")
    status = estate.await_phase(job, "Suspended")
    assert status["queue"]["reason"] == "Suspended"
    assert estate.gpus_in_use() == {}
    estate.patch(job, {"spec": {"suspend": False}})
    status = estate.await_phase(job, "Running")
    assert status["restarts"] == 1


def test_a_job_over_its_time_has_failed(estate: Estate) -> None:
    estate.make_pool(1)
    lab = estate.tenant("lab", 8)
    job = estate.job(lab, "endless", 1, 8, maxSeconds=3)
    status = estate.await_phase(job, "Failed")
    failed = next(condition for condition in status["conditions"] if condition["type"] == "Failed")
    assert failed["reason"] == "MaxSecondsExceeded"
    eventually(lambda: estate.gpus_in_use() == {}, what="no GPU in use")


def test_a_deleted_running_job_frees_its_gpus_for_the_next(estate: Estate) -> None:
    estate.make_pool(1)
    lab = estate.tenant("lab", 8)
    first = estate.job(lab, "first", 1, 8, {"stop_seconds": 2})
    estate.await_phase(first, "Running")
    second = estate.job(lab, "second", 1, 8)
    estate.await_reason(second, "NoFreeGPUs")
    estate.plane.api.delete(first)
    estate.await_phase(second, "Running")
    assert sum(estate.gpus_in_use().values()) == 8


def test_a_job_deleted_and_made_again_under_the_same_name_starts(estate: Estate) -> None:
    estate.make_pool(1)
    lab = estate.tenant("lab", 8)
    path = estate.job(lab, "again", 2, 4, {"stop_seconds": 2})
    before = estate.await_phase(path, "Running")
    estate.plane.api.delete(path)
    estate.corner.await_gone(path)
    estate.job(lab, "again", 2, 4)
    after = estate.await_phase(path, "Running")
    assert after["starts"] == 1
    assert after["allocation"]["placed"] >= before["allocation"]["placed"]


def test_a_worker_deleted_by_hand_restarts_its_gang_without_counting(estate: Estate) -> None:
    estate.make_pool(1)
    lab = estate.tenant("lab", 8)
    job = estate.job(lab, "disturbed", 2, 4, retry={"limit": 0})
    estate.await_phase(job, "Running")
    estate.plane.api.delete(f"/api/v1/namespaces/{lab}/pods/disturbed-0-1")
    eventually(lambda: estate.status(job).get("restarts") == 1, what="a restart")
    status = estate.await_phase(job, "Running")
    assert status["failures"] == 0
    assert sorted(pod["metadata"]["name"] for pod in estate.pods(lab, "disturbed")) == [
        "disturbed-1-0",
        "disturbed-1-1",
    ]


def test_a_template_that_is_refused_fails_the_job_with_the_servers_words(estate: Estate) -> None:
    estate.make_pool(1)
    lab = estate.tenant("lab", 8)
    body = {"spec": {"containers": [{"name": "worker", "image": "registry.example/trainer:1"}]}}
    job = estate.job(lab, "insecure", 1, 8, retry={"limit": 0}, template=body)
    status = estate.await_phase(job, "Failed")
    failed = next(condition for condition in status["conditions"] if condition["type"] == "Failed")
    assert "PodSecurity" in failed["message"]


def test_a_gang_that_is_not_ready_in_time_gives_its_gpus_back(estate: Estate) -> None:
    estate.make_pool(1)
    lab = estate.tenant("lab", 8)
    job = estate.job(lab, "slow", 1, 8, {"start_seconds": 60}, retry={"limit": 0})
    status = estate.await_phase(job, "Failed")
    failed = next(condition for condition in status["conditions"] if condition["type"] == "Failed")
    assert "ready workers 20 s after the start: 0 of 1" in failed["message"]
    eventually(lambda: estate.gpus_in_use() == {}, what="no GPU in use")


def test_an_edit_that_a_running_gang_cannot_follow_is_refused(estate: Estate) -> None:
    estate.make_pool(1)
    lab = estate.tenant("lab", 8)
    job = estate.job(lab, "edited", 1, 4)
    estate.await_phase(job, "Running")
    with pytest.raises(ApiFailure, match="gpusPerWorker"):
        estate.patch(job, {"spec": {"gpusPerWorker": 8}})
    estate.patch(job, {"spec": {"maxSeconds": 3600}})


def test_pods_made_by_hand_are_counted_as_used(estate: Estate) -> None:
    nodes = estate.make_pool(1)
    lab = estate.tenant("lab", 8)
    other = estate.corner.namespace("elsewhere")
    path = estate.corner.create_pod(other, "squatter", gpus=4)
    estate.corner.await_phase(path, "Running")
    job = estate.job(lab, "honest", 1, 8)
    queue = estate.await_reason(job, "NoFreeGPUs")
    assert "4 free GPUs" in queue["message"]
    estate.plane.api.delete(path)
    status = estate.await_phase(job, "Running")
    assert status["allocation"]["nodes"] == {nodes[0]: 1}


def test_a_reported_checkpoint_is_taken_over(estate: Estate) -> None:
    estate.make_pool(1)
    lab = estate.tenant("lab", 8)
    job = estate.job(lab, "saver", 1, 8)
    status = estate.await_phase(job, "Running")
    estate.patch(job, {"metadata": {"annotations": {"entente.dev/last-checkpoint": status["startTime"]}}})
    eventually(lambda: estate.status(job).get("lastCheckpoint") == status["startTime"], what="the checkpoint")
