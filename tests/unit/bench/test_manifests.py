"""An estate as manifests is read back as the same estate."""

import json
from pathlib import Path

from bench.estates import NOW, make_estate
from bench.manifests import manifests
from entente.cli.documents import read


def test_what_is_written_is_read_with_all_its_nodes_tenants_and_jobs(tmp_path: Path) -> None:
    estate = make_estate(4096).snapshot
    file = tmp_path / "estate.json"
    file.write_text(json.dumps({"kind": "List", "items": list(manifests(estate, 400))}), encoding="utf-8")
    objects = read([str(file)])
    assert {node.name for node in objects.nodes} == set(estate.nodes)
    assert {tenant.metadata.name for tenant in objects.tenants} == set(estate.tenants)
    assert len(objects.jobs) == 400
    for job in objects.jobs:
        given = estate.jobs[job.key]
        assert (job.spec.workers, job.spec.gpus_per_worker, job.spec.priority) == (
            given.workers,
            given.gpus_per_worker,
            given.priority,
        )
        where = dict(given.placement.nodes) if given.placement else None
        assert (job.status.allocation.nodes if job.status.allocation else None) == where
        assert given.submitted < NOW
