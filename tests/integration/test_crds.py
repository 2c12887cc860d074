"""What the API server makes of the CustomResourceDefinitions."""

import json
from collections.abc import Iterator

import pytest

from localplane import ApiFailure, LocalPlane, PlaneError
from tests.support import crds
from tests.support.manifests import Manifest, changed, job, pool, template, tenant
from tests.support.refusals import REFUSALS, Refusal

NAMESPACE = "crd-tests"
ROOT = "/apis/entente.dev/v1alpha1"
JOBS = f"{ROOT}/namespaces/{NAMESPACE}/trainingjobs"
COLLECTIONS = {"GPUPool": f"{ROOT}/gpupools", "Tenant": f"{ROOT}/tenants", "TrainingJob": JOBS}
RUNNING = {"phase": "Running", "allocation": {"pool": "h100", "workers": 8, "gpus": 64, "class": "Entitled"}}


@pytest.fixture(scope="module", autouse=True)
def namespace(plane: LocalPlane) -> Iterator[None]:
    crds.install(plane)
    plane.api.create("/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
    yield
    plane.api.delete(f"/api/v1/namespaces/{NAMESPACE}")


def _create(plane: LocalPlane, manifest: Manifest, query: str = "fieldValidation=Strict") -> Manifest:
    if manifest["kind"] == "TrainingJob":
        manifest = changed(manifest, metadata__namespace=NAMESPACE)
    return plane.api.create(f"{COLLECTIONS[manifest['kind']]}?{query}", manifest)


@pytest.fixture
def running_job(plane: LocalPlane) -> Iterator[str]:
    """The path of an elastic job that says it is running with 8 workers."""
    elastic, topology = {"minWorkers": 4, "maxWorkers": 16}, {"level": "rack"}
    _create(plane, job("running", workers=8, elastic=elastic, topology=topology))
    path = f"{JOBS}/running"
    plane.api.patch(f"{path}/status", {"status": RUNNING})
    yield path
    plane.api.delete(path)


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.case)
def test_a_wrong_manifest_is_refused_with_its_message(plane: LocalPlane, refusal: Refusal) -> None:
    with pytest.raises(ApiFailure) as refused:
        _create(plane, refusal.manifest, "fieldValidation=Strict&dryRun=All")
    assert refusal.api in refused.value.message


def test_kubectl_refuses_an_unknown_field(plane: LocalPlane) -> None:
    with pytest.raises(PlaneError, match=r'unknown field "spec\.gpus"'):
        plane.kubectl("apply", "-f", "-", stdin=json.dumps(pool(gpus=3)))


def test_defaults_are_filled_in(plane: LocalPlane) -> None:
    made = _create(plane, pool(handover={"image": "wipe:1"}), "dryRun=All")["spec"]
    assert made["noticeSeconds"] == 300
    assert made["usage"] == {"halfLifeSeconds": 604800}
    assert made["handover"]["timeoutSeconds"] == 120
    assert _create(plane, job(), "dryRun=All")["spec"]["retry"] == {"limit": 3, "backoffSeconds": 30}


def test_what_is_not_checked_of_a_template_is_kept(plane: LocalPlane) -> None:
    wanted = changed(template(), spec__volumes=[{"name": "data", "emptyDir": {"sizeLimit": "1Gi"}}])
    assert _create(plane, job(template=wanted), "dryRun=All&fieldValidation=Strict")["spec"]["template"] == wanted


@pytest.mark.parametrize("amount", [8, "8"])
def test_the_template_may_repeat_the_number_of_gpus(plane: LocalPlane, amount: int | str) -> None:
    resources = {"limits": {"nvidia.com/gpu": amount, "cpu": "4"}}
    _create(plane, job(template=changed(template(), spec__containers__0__resources=resources)), "dryRun=All")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("workers", 9),
        ("gpusPerWorker", 4),
        ("pools", ["other"]),
        ("topology", None),
        ("template", {"spec": {"hostNetwork": True}}),
    ],
)
def test_what_workers_were_made_from_cannot_change_while_they_run(
    plane: LocalPlane, running_job: str, field: str, value: object
) -> None:
    with pytest.raises(ApiFailure) as refused:
        plane.api.patch(running_job, {"spec": {field: value}})
    assert f"spec.{field}: cannot change while the job is Running; set spec.suspend" in refused.value.message


@pytest.mark.parametrize("elastic", [None, {"minWorkers": 8, "maxWorkers": 8}])
@pytest.mark.parametrize("field", ["workers", "gpusPerWorker"])
def test_a_suspended_job_can_be_edited(
    plane: LocalPlane, running_job: str, field: str, elastic: dict[str, int] | None
) -> None:
    plane.api.patch(f"{running_job}/status", {"status": {"phase": "Suspended", "allocation": None}})
    edited = plane.api.patch(running_job, {"spec": {field: 2, "elastic": None}})
    assert edited["spec"][field] == 2
    plane.api.patch(running_job, {"spec": {"workers": 8, "elastic": elastic}})


def test_how_a_running_job_is_treated_can_change(plane: LocalPlane, running_job: str) -> None:
    treatment = {"priority": "high", "maxSeconds": 3600, "expectedSeconds": 60, "retry": {"limit": 9}, "suspend": True}
    assert plane.api.patch(running_job, {"spec": treatment})["spec"]["suspend"] is True


@pytest.mark.parametrize(
    ("case", "elastic", "refused"),
    [
        ("more at least than it has", {"minWorkers": 8, "maxWorkers": 16}, False),
        ("room to shrink and grow", {"minWorkers": 1, "maxWorkers": 32}, False),
        ("no longer elastic", None, True),
    ],
)
def test_a_running_job_stays_within_its_elastic_bounds(
    plane: LocalPlane, running_job: str, case: str, elastic: dict[str, int] | None, *, refused: bool
) -> None:
    if not refused:
        assert plane.api.patch(running_job, {"spec": {"elastic": elastic}})["spec"]["elastic"] == elastic, case
        return
    with pytest.raises(ApiFailure, match=r"spec\.elastic: must allow the number of workers that the job runs with"):
        plane.api.patch(running_job, {"spec": {"elastic": elastic}})


def test_the_operator_can_clear_parts_of_a_status(plane: LocalPlane, running_job: str) -> None:
    cleared = {"phase": "Pending", "allocation": None, "queue": {"reason": "", "message": "", "eta": None}}
    status = plane.api.patch(f"{running_job}/status", {"status": cleared})["status"]
    assert "allocation" not in status


def test_a_pools_resource_cannot_change(plane: LocalPlane) -> None:
    _create(plane, pool("crd-pool"))
    try:
        with pytest.raises(ApiFailure, match=r"spec\.resource: cannot change"):
            plane.api.patch(f"{ROOT}/gpupools/crd-pool", {"spec": {"resource": "amd.com/gpu"}})
        assert plane.api.patch(f"{ROOT}/gpupools/crd-pool", {"spec": {"noticeSeconds": 60}})
    finally:
        plane.api.delete(f"{ROOT}/gpupools/crd-pool")


def test_tables_read_well(plane: LocalPlane, running_job: str) -> None:
    _create(plane, pool("table-pool"))
    _create(plane, tenant("table-tenant"))
    try:
        plane.api.patch(f"{ROOT}/gpupools/table-pool/status", {"status": {"nodes": 4, "capacity": 32, "free": 8}})
        total = {"guaranteed": 64, "entitled": 60, "borrowed": 0, "lent": 4}
        plane.api.patch(f"{ROOT}/tenants/table-tenant/status", {"status": {"total": total}})
        shown = plane.kubectl("get", "gpools,ten,tj", "-A")
        rows = {line.split()[0]: line.split() for line in shown.splitlines() if "/table-" in line}
        assert rows["gpupool.entente.dev/table-pool"][1:4] == ["4", "32", "8"]
        assert rows["tenant.entente.dev/table-tenant"][1:5] == ["64", "60", "0", "4"]
        (line,) = [line.split() for line in shown.splitlines() if "/running" in line]
        assert line[2:8] == ["Running", "8", "8", "64", "Entitled", "h100"]
        assert "entente.dev/table-pool" in plane.kubectl("get", "entente", "-o", "name").replace("gpupool.", "")
    finally:
        plane.api.delete(f"{ROOT}/gpupools/table-pool")
        plane.api.delete(f"{ROOT}/tenants/table-tenant")
    assert running_job
