"""Resources with all that they may hold are read as they are written."""

from datetime import UTC, datetime
from typing import Any

import yaml

from entente.api.job import AllocationClass, EvictionCause, Phase, TrainingJob
from entente.api.pool import GPUPool, NodeSharing
from entente.api.tenant import Role, Tenant, TenantPoolStatus, TenantTotal, WhenSpent

POOL = """
apiVersion: entente.dev/v1alpha1
kind: GPUPool
metadata: {name: h100}
spec:
  nodeSelector: {nvidia.com/gpu.product: H100}
  resource: nvidia.com/gpu
  topology: [topology.entente.dev/block, topology.entente.dev/rack, kubernetes.io/hostname]
  owner: xai
  noticeSeconds: 300
  minRuntimeSeconds: 600
  maxAtRiskSeconds: 3600
  nodeSharing: Shared
  handover: {image: wipe, command: [wipe, --all], timeoutSeconds: 120}
  usage: {halfLifeSeconds: 0}
  reservations:
  - {tenant: anthropic, gpus: 64, start: "2027-03-01T09:00:00Z", end: "2027-03-01T17:00:00Z"}
  simulated: {nodes: 16, gpusPerNode: 8, domains: [2, 4]}
"""

TENANT = """
apiVersion: entente.dev/v1alpha1
kind: Tenant
metadata: {name: anthropic}
spec:
  namespaces: [anthropic-research]
  pools:
  - {name: h100, guaranteed: 64, lendLimit: 48, borrowLimit: 64, weight: 2}
  priorities:
  - {name: frontier, value: 1000}
  - {name: default, value: 100, default: true}
  members:
  - {kind: Group, name: anthropic-admins, role: Admin}
  - {kind: Group, name: "system:serviceaccounts:anthropic-ci", role: Researcher}
  isolation: {network: Strict, podSecurity: restricted}
  budget: {gpuHours: 50000, periodDays: 30, whenSpent: Block}
  order: ShortestFirst
"""

JOB = """
apiVersion: entente.dev/v1alpha1
kind: TrainingJob
metadata: {name: llm-70b, namespace: anthropic-research}
spec:
  workers: 8
  gpusPerWorker: 8
  elastic: {minWorkers: 4, maxWorkers: 16}
  pools: [h100]
  priority: frontier
  purpose: Training
  topology: {level: topology.entente.dev/rack, mode: Preferred}
  checkpoint: {intervalSeconds: 1800, graceSeconds: 120}
  expectedSeconds: 86400
  maxSeconds: 172800
  retry: {limit: 3, backoffSeconds: 30}
  suspend: false
  template: {spec: {containers: [{name: trainer, image: trainer}]}}
status:
  phase: Running
  allocation: {pool: h100, workers: 8, gpus: 64, class: Entitled}
  queue: {position: 0, reason: "", message: "", eta: null}
  lastCheckpoint: "2026-11-23T10:00:00Z"
  gpuSeconds: 0
  wastedGpuSeconds: 0
  restarts: 0
  evictions: [{at: "2026-11-23T09:00:00+01:00", pool: h100, cause: Guarantee}]
  invented: {by: a newer operator}
"""


def _read(text: str) -> dict[str, Any]:
    made: dict[str, Any] = yaml.safe_load(text)
    return made


def test_a_pool_is_read_whole() -> None:
    pool = GPUPool.model_validate(_read(POOL))
    assert pool.spec.node_sharing is NodeSharing.SHARED
    assert pool.spec.usage.half_life_seconds == 0
    assert pool.to_wire()["spec"] == _read(POOL)["spec"]


def test_a_tenant_is_read_whole() -> None:
    tenant = Tenant.model_validate(_read(TENANT))
    assert tenant.spec.budget is not None
    assert tenant.spec.budget.when_spent is WhenSpent.BLOCK
    assert [member.role for member in tenant.spec.members] == [Role.ADMIN, Role.RESEARCHER]
    assert [priority.default for priority in tenant.spec.priorities] == [False, True]


def test_a_job_is_read_whole() -> None:
    job = TrainingJob.model_validate(_read(JOB))
    assert job.to_wire()["spec"] == _read(JOB)["spec"]
    assert job.status.phase is Phase.RUNNING
    assert job.status.allocation is not None
    assert job.status.allocation.class_ is AllocationClass.ENTITLED
    assert job.status.queue.reason is None
    assert job.status.last_checkpoint == datetime(2026, 11, 23, 10, tzinfo=UTC)
    (eviction,) = job.status.evictions
    assert (eviction.cause, eviction.at) == (EvictionCause.GUARANTEE, datetime(2026, 11, 23, 8, tzinfo=UTC))


def test_the_namespaces_of_a_tenant_are_those_it_names_until_somebody_looked() -> None:
    manifest = _read(TENANT)
    assert Tenant.model_validate(manifest).held_namespaces == ("anthropic-research",)
    assert Tenant.model_validate({**manifest, "status": {"namespaces": []}}).held_namespaces == ()


def test_a_total_is_over_all_pools() -> None:
    pools = [
        TenantPoolStatus(name="a", guaranteed=8, entitled=4, borrowed=0, lent=3),
        TenantPoolStatus(name="b", guaranteed=2, entitled=2, borrowed=5, lent=0),
    ]
    assert TenantTotal.of(pools) == TenantTotal(guaranteed=10, entitled=6, borrowed=5, lent=3)
