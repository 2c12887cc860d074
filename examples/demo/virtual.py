"""The demo's jobs on virtual time: the production engine, or another scheduler, on the simulator.

The same estate, jobs and rules as on the cluster. Time is the trace's: the pool's seconds of notice and of protection,
the seconds to save and to start are multiplied by the demo's speed, as the cluster's own seconds are.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from demo import estate, trace
from demo.objects import Object
from entente.api.base import MAX_SECONDS
from entente.api.pool import GPUPool
from entente.api.tenant import Tenant
from entente.engine.decisions import Plan
from entente.engine.intake import snapshot
from entente.engine.model import Snapshot
from entente.simulator.entente import EntentePolicy
from entente.simulator.policies import policy_of
from entente.simulator.policy import Policy, SimJob, Site
from entente.simulator.replay import Conditions, Replay, Row

ENTENTE = "entente"

START_S = 1.5
"""Seconds of the cluster from being placed to running, about what it takes."""

Watch = Callable[[Snapshot, Plan], None]


@dataclass(frozen=True, slots=True)
class Rules:
    """What the demo can be run with; the defaults are what it does. All seconds are the cluster's."""

    notice_s: float = estate.NOTICE_S
    min_runtime_s: float = estate.MIN_RUNTIME_S
    owner_lends: int | None = None
    """GPUs that the owner lends at most; by default all of its guarantee."""
    guest_lends: int | None = None
    start_s: float = 0.0
    """From being placed to running."""
    save_s: float = estate.GRACE_S
    """What a job needs to save when it is told to stop, where it does that."""
    all_save: bool = False
    """Small jobs save when told to stop, too."""


@dataclass(slots=True)
class Course:
    """What happened to one job, in seconds of the trace."""

    submitted: float
    gpus: int
    runs: list[tuple[float, float]] = field(default_factory=list)
    """Placed, and done or told to stop."""
    ended: float | None = None
    evictions: int = 0
    lost_gpu_s: float = 0.0

    def waited(self, horizon_s: float, start_s: float) -> float:
        """Seconds of its life up to the horizon that it did not run; `start_s` of each run are none."""
        end = horizon_s if self.ended is None else min(self.ended, horizon_s)
        ran = sum(max(0.0, min(stop, end) - placed - start_s) for placed, stop in self.runs)
        return max(0.0, end - self.submitted - ran)


class _Log:
    """Listens to a replay's events."""

    def __init__(self) -> None:
        self.courses: dict[str, Course] = {}
        self._placed: dict[str, float] = {}

    def __call__(self, row: Row) -> None:
        at, key = float(str(row["t"])), str(row["job"])
        match row["event"]:
            case "Submit":
                self.courses[key] = Course(at, int(str(row["gpus"])))
            case "Start":
                self._placed[key] = at
            case "Stop":
                course = self.courses[key]
                course.runs.append((self._placed.pop(key), at))
                course.evictions += "cause" in row
                course.lost_gpu_s += float(str(row["lostGpuSeconds"]))
            case "Finish":
                course = self.courses[key]
                course.ended = at
                if (placed := self._placed.pop(key, None)) is not None:
                    course.runs.append((placed, at))
            case _:  # its pods are gone, which its course does not have
                pass


def replay(
    jobs: Sequence[trace.TraceJob], rules: Rules, *, policy: str = ENTENTE, watch: Watch | None = None
) -> dict[str, Course]:
    """Replay all jobs to their ends; what happened to each, by job id of the trace.

    Args:
        jobs: in the order of submission.
        rules: what holds.
        policy: of `entente.simulator.policies.NAMES`.
        watch: told of each decision of the production engine before it is carried out.
    """
    site = _site(rules)
    log = _Log()
    decides: Policy = EntentePolicy(site, watch) if policy == ENTENTE else policy_of(policy, site)
    start_s = rules.start_s * trace.SPEED
    Replay(
        site,
        # a start is a time on its hosts in which nothing is achieved
        [(_job(job, rules), job.duration_s + start_s) for job in jobs],
        decides,
        conditions=Conditions(stop_s=0.0, restart_s=start_s),
        log=log,
    ).run()
    return {key.split("/")[1]: course for key, course in log.courses.items()}


def manifests(rules: Rules) -> tuple[Object, list[Object]]:
    """The pool and the tenants under these rules, in seconds of the trace."""
    (_, pool), *tenants = estate.manifests(estate.GPUS // 2)
    pool["spec"] |= {
        "noticeSeconds": round(rules.notice_s * trace.SPEED),
        "minRuntimeSeconds": round(rules.min_runtime_s * trace.SPEED),
        # a week of the cluster's: no part of it goes by in the demo
        "usage": {"halfLifeSeconds": MAX_SECONDS},
        "simulated": {
            "nodes": estate.HOSTS,
            "gpusPerNode": estate.GPUS_PER_HOST,
            "domains": [estate.BLOCKS, estate.RACKS_PER_BLOCK],
        },
    }
    limits = {trace.OWNER: rules.owner_lends, trace.GUEST: rules.guest_lends}
    for _, tenant in tenants:
        (terms,) = tenant["spec"]["pools"]
        if (limit := limits[tenant["metadata"]["name"]]) is not None:
            terms["lendLimit"] = limit
    return pool, [tenant for _, tenant in tenants]


def _site(rules: Rules) -> Site:
    pool, tenants = manifests(rules)
    taken = snapshot(
        datetime.fromtimestamp(0, tz=UTC),
        [GPUPool.model_validate(pool)],
        [Tenant.model_validate(tenant) for tenant in tenants],
        [],
        [],
        [],
    )
    return Site(taken.pools, taken.nodes, taken.tenants)


def _job(job: trace.TraceJob, rules: Rules) -> SimJob:
    workers, gpus = trace.shape(job.gpus, estate.GPUS_PER_WORKER)
    saves = rules.all_save or estate.saves_when_told(job)
    return SimJob(
        key=estate.key(job),
        tenant=job.tenant,
        workers=workers,
        gpus_per_worker=gpus,
        submitted=job.submit_s,
        pools=(estate.POOL,),
        interval_s=estate.CHECKPOINT_S * trace.SPEED,
        grace_s=rules.save_s * trace.SPEED if saves else None,
    )
