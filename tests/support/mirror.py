"""The engine's records as the resources that they come from: what people read is written about these."""

from __future__ import annotations

from datetime import UTC, datetime

from entente.api.job import TrainingJob
from entente.api.pool import GPUPool
from entente.api.tenant import Tenant
from entente.engine.model import Job, Placement, Pool
from entente.engine.model import Tenant as TenantRecord
from tests.support import manifests
from tests.support.manifests import Manifest


def moment(seconds: float | None) -> str | None:
    """A time on the wire."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat()


def _given(fields: Manifest) -> Manifest:
    return {name: value for name, value in fields.items() if value is not None}


def job_resource(job: Job) -> TrainingJob:
    namespace, _, name = job.key.partition("/")
    spec = {
        "workers": job.workers,
        "gpusPerWorker": job.gpus_per_worker,
        "elastic": {"minWorkers": job.min_workers, "maxWorkers": job.max_workers} if job.elastic else None,
        "pools": job.pools,
        "priority": job.priority,
        "topology": {"level": job.level, "mode": "Required" if job.required else "Preferred"} if job.level else None,
        "checkpoint": _given({"intervalSeconds": _whole(job.interval_s), "graceSeconds": _whole(job.grace_s)}),
        "expectedSeconds": _whole(job.expected_s),
        "maxSeconds": _whole(job.max_s),
        "suspend": job.suspend,
    }
    made = manifests.job(name, namespace, **_given(spec))
    made["metadata"]["creationTimestamp"] = moment(job.submitted)
    made["status"] = _status(job)
    return TrainingJob.model_validate(made)


def _whole(seconds: float | None) -> int | None:
    return None if seconds is None else max(1, round(seconds))


def _status(job: Job) -> Manifest:
    queue = {"since": moment(job.pending_since), "entitledSince": moment(job.entitled_since)}
    return _given(
        {
            "phase": job.phase.value,
            "allocation": _allocation(job, job.placement) if job.placement else None,
            "queue": _given(queue),
            "hold": _hold(job, job.hold) if job.hold else None,
            "startTime": moment(job.started),
            "lastCheckpoint": moment(job.last_checkpoint),
            "runSeconds": job.run_s,
            "restartSeconds": job.restart_s,
            "evictions": [{"at": moment(past.at), "pool": "h100", "cause": past.cause.value} for past in job.evictions],
            "backoffUntil": moment(job.backoff_until),
        }
    )


def _allocation(job: Job, placement: Placement) -> Manifest:
    return _given(
        {
            "pool": placement.pool,
            "workers": placement.workers,
            "gpus": job.gpus,
            "class": "Borrowed",
            "nodes": dict(placement.nodes),
            "since": moment(job.since),
            "onCall": job.on_call,
        }
    )


def _hold(job: Job, hold: Placement) -> Manifest:
    since = job.pending_since if job.pending_since is not None else job.submitted
    until = job.hold_until if job.hold_until is not None else since
    return {"pool": hold.pool, "nodes": dict(hold.nodes), "since": moment(since), "until": moment(until)}


def pool_resource(pool: Pool) -> GPUPool:
    promises = {"noticeSeconds": round(pool.notice_s), "minRuntimeSeconds": round(pool.min_runtime_s)}
    return GPUPool.model_validate(manifests.pool(pool.name, topology=list(pool.levels), **promises))


def tenant_resource(tenant: TenantRecord) -> Tenant:
    """The Tenant of a tenant, whose one namespace has its name."""
    pools = [{"name": pool, "guaranteed": terms.guaranteed} for pool, terms in tenant.terms.items()]
    return Tenant.model_validate(manifests.tenant(tenant.name, namespaces=[tenant.name], pools=pools))
