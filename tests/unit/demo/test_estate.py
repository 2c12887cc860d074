"""What the demo gives to the API server is what the resources' models take."""

import sys
from pathlib import Path

import pytest

from demo import estate
from demo.cluster import Cluster
from demo.fake_pods import FakePods
from demo.ground import Ground
from demo.kind_cluster import KindCluster, KindError
from demo.real_pods import RealPods
from demo.trace import GUEST, OWNER, TraceJob, read
from entente.api.job import TrainingJob
from entente.api.pool import GPUPool
from entente.api.tenant import Tenant

BIN = Path(sys.executable).parent
NO_CLUSTER: Cluster = None  # type: ignore[assignment] # templates ask no cluster


def test_pool_and_tenants_are_valid_and_share_the_estate_in_halves() -> None:
    (_, pool), *tenants = estate.manifests(80)
    assert GPUPool.model_validate(pool).spec.notice_seconds == estate.NOTICE_S
    parsed = {tenant.metadata.name: tenant for tenant in (Tenant.model_validate(body) for _, body in tenants)}
    assert {name: tenant.spec.namespaces for name, tenant in parsed.items()} == {
        name: (namespace,) for name, namespace in estate.NAMESPACES.items()
    }
    assert [terms.guaranteed for tenant in parsed.values() for terms in tenant.spec.pools] == [80, 80]
    assert set(parsed) == {OWNER, GUEST}


@pytest.mark.parametrize("pods", [FakePods(NO_CLUSTER), RealPods(NO_CLUSTER, "image")], ids=["fake", "real"])
def test_every_job_of_the_slice_becomes_a_valid_training_job_of_its_size(pods: FakePods | RealPods) -> None:
    for job in read():
        made = TrainingJob.model_validate(estate.training_job(job, pods.template(job)))
        assert made.key == estate.key(job)
        assert made.spec.workers * made.spec.gpus_per_worker == job.gpus
        assert made.spec.gpus_per_worker <= 8
        assert made.spec.expected_seconds is None


def test_large_jobs_save_when_told_and_small_ones_do_not() -> None:
    small, large = TraceJob("a", "cluster02", 0, 400, 4), TraceJob("b", "cluster02", 0, 400, 8)
    grace = [
        TrainingJob.model_validate(estate.training_job(job, FakePods(NO_CLUSTER).template(job))).spec.checkpoint
        for job in (small, large)
    ]
    assert [checkpoint and checkpoint.grace_seconds for checkpoint in grace] == [None, estate.GRACE_S]
    assert [estate.training(job).saves_when_told for job in (small, large)] == [False, True]
    assert estate.training(small).total_s == 1


def test_without_kind_it_is_said_what_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(KindError, match="docker is not on PATH"), KindCluster(tmp_path / "kubeconfig"):
        pytest.fail("there is no docker")


@pytest.mark.parametrize(
    ("kubectl", "line"),
    [
        (None, f"export KUBECONFIG=/k PATH={BIN}:$PATH"),
        (Path("/cache/bin/kubectl"), f"export KUBECONFIG=/k PATH={BIN}:/cache/bin:$PATH"),
    ],
    ids=["kubectl of the user", "kubectl of the demo"],
)
def test_another_terminal_is_told_how_to_find_the_cluster(kubectl: Path | None, line: str) -> None:
    assert Ground(Path("/k"), Path("/d"), 4, 8, 1, FakePods, kubectl).export == line
