"""The examples are right by themselves, and in the order in which they can be applied."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from entente.api.job import TrainingJob
from entente.api.pool import GPUPool
from entente.api.tenant import Tenant

FOLDER = Path(__file__).resolve().parents[3] / "examples"
MODELS = {"GPUPool": GPUPool, "Tenant": Tenant, "TrainingJob": TrainingJob}
HOURS_S = 6 * 3600
ORDER = ["GPUPool", "Namespace", "Tenant", "TrainingJob"]


def _documents() -> list[tuple[str, dict[str, Any]]]:
    """All objects in the order in which README applies them: `examples/`, then `examples/borrowing/`."""
    folders = (FOLDER, FOLDER / "borrowing")
    files = [
        path for folder in folders for path in sorted(folder.iterdir()) if path.suffix in (".yaml", ".yml", ".json")
    ]
    return [(path.name, obj) for path in files for obj in yaml.safe_load_all(path.read_text())]


DOCUMENTS = _documents()


@pytest.mark.parametrize(("file", "obj"), DOCUMENTS, ids=[f"{file}-{obj['kind']}" for file, obj in DOCUMENTS])
def test_an_example_is_accepted(file: str, obj: dict[str, Any]) -> None:
    if obj["kind"] in MODELS:
        MODELS[obj["kind"]].model_validate(obj)
    else:
        assert obj["kind"] == "Namespace", file


def test_what_others_rest_on_comes_first() -> None:
    places = [ORDER.index(obj["kind"]) for _, obj in DOCUMENTS]
    assert all(one <= next_ for one, next_ in pairwise(places))


def test_names_fit_together() -> None:
    tenants = [Tenant.model_validate(obj) for _, obj in DOCUMENTS if obj["kind"] == "Tenant"]
    tenant_of = {namespace: tenant for tenant in tenants for namespace in tenant.spec.namespaces}
    assert {obj["metadata"]["name"] for _, obj in DOCUMENTS if obj["kind"] == "Namespace"} == tenant_of.keys()
    pools = {obj["metadata"]["name"] for _, obj in DOCUMENTS if obj["kind"] == "GPUPool"}
    assert {terms.name for tenant in tenants for terms in tenant.spec.pools} <= pools
    for job in (TrainingJob.model_validate(obj) for _, obj in DOCUMENTS if obj["kind"] == "TrainingJob"):
        tenant = tenant_of[job.metadata.namespace or ""]
        assert job.spec.priority in {None, *(priority.name for priority in tenant.spec.priorities)}
        assert set(job.spec.pools or ()) <= pools


def test_no_example_ends_before_its_reader() -> None:
    jobs = [TrainingJob.model_validate(obj) for _, obj in DOCUMENTS if obj["kind"] == "TrainingJob"]
    assert all(job.spec.max_seconds is None or job.spec.max_seconds >= HOURS_S for job in jobs)
    assert "sim-run-seconds" not in "".join(str(obj) for _, obj in DOCUMENTS)


def test_there_is_an_example_of_each_way_to_use_a_job() -> None:
    specs = [obj["spec"] for _, obj in DOCUMENTS if obj["kind"] == "TrainingJob"]
    for field in (
        "elastic",
        "topology",
        "checkpoint",
        "priority",
        "purpose",
        "suspend",
        "expectedSeconds",
        "maxSeconds",
    ):
        assert any(field in spec for spec in specs), field
