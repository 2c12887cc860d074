"""A look at the estate of the simulator: the same picture as of the cluster, from what the engine saw and decided."""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from demo import estate
from demo.picture import Host, Picture, Share, Step, Waiting
from entente.api.amounts import count
from entente.api.job import Phase
from entente.engine.decisions import Evict, Hold, Plan, Start
from entente.engine.model import Job, Snapshot

_MIDNIGHT = datetime(2000, 1, 1)  # noqa: DTZ001 - steps are shown by the clock of the trace, which begins at 0:00


class Looks:
    """Takes a picture of each decision: `Looks.see` is a `demo.virtual.Watch`."""

    def __init__(self) -> None:
        self.pictures: list[tuple[float, Picture]] = []
        """With their times, in seconds of the trace."""
        self._steps: tuple[Step, ...] = ()
        self._evictions = 0

    def see(self, snapshot: Snapshot, plan: Plan) -> None:
        """One decision: the picture is of the moment right after it."""
        new = tuple(_steps(snapshot, plan))
        self._steps = (*reversed(new), *self._steps)[:STEPS_KEPT]
        self._evictions += sum(isinstance(action, Evict) for action in plan.actions)
        self.pictures.append((snapshot.now, _picture(snapshot, plan, self._steps, self._evictions)))

    def at(self, now: float) -> Picture | None:
        """The last picture up to a time; None before the first."""
        found = None
        for when, picture in self.pictures:
            if when > now:
                break
            found = picture
        return found


STEPS_KEPT = 20


def _picture(snapshot: Snapshot, plan: Plan, steps: tuple[Step, ...], evictions: int) -> Picture:
    starts = {action.job: action for action in plan.actions if isinstance(action, Start)}
    evicted = {action.job for action in plan.actions if isinstance(action, Evict)}
    hosts = _hosts(snapshot, starts, evicted)
    waiting = [job for job in snapshot.jobs.values() if job.is_pending and job.key not in starts]
    shares = {}
    for name, book in plan.books[estate.POOL].tenants.items():
        mine = [job for job in waiting if job.tenant == name]
        shares[name] = Share(
            tenant=name,
            guaranteed=book.guaranteed,
            entitled=book.entitled,
            borrowed=book.borrowed,
            lent=book.lent,
            using=sum(host.used.get(name, 0) for host in hosts),
            charged=sum(host.gpus for host in hosts if name in host.used),
            waiting=sum(job.workers * job.gpus_per_worker for job in mine),
            waiting_jobs=len(mine),
        )
    return Picture(
        capacity=plan.books[estate.POOL].capacity,
        shares=shares,
        hosts=hosts,
        queue=_queue(snapshot, plan),
        steps=steps,
        phases=_phases(snapshot, starts, evicted),
        evictions=evictions,
    )


def _hosts(snapshot: Snapshot, starts: Mapping[str, Start], evicted: set[str]) -> tuple[Host, ...]:
    used: dict[str, Counter[str]] = {name: Counter() for name in snapshot.nodes}
    stopping = set()
    for key, job in snapshot.jobs.items():
        placed = starts[key].nodes if key in starts else job.placement.nodes if job.placement else {}
        for host, workers in placed.items():
            used[host][job.tenant or "?"] += workers * job.gpus_per_worker
            if key in evicted or job.phase is Phase.STOPPING:
                stopping.add(host)
    return tuple(
        Host(
            node.name,
            node.domains[:2],
            node.gpus,
            used[name],
            name in stopping,
        )
        for name, node in snapshot.nodes.items()
    )


def _queue(snapshot: Snapshot, plan: Plan) -> tuple[Waiting, ...]:
    held = {action.job for action in plan.actions if isinstance(action, Hold)}
    rows = []
    for wait in plan.waits:
        job = snapshot.jobs[wait.job]
        if wait.job not in held:
            rows.append(_waiting(job, wait.position, wait.reason.value, str(wait.message)))
    rows += [_waiting(snapshot.jobs[key], 0, "Reclaiming", "GPUs are being freed for it") for key in sorted(held)]
    return tuple(sorted(rows, key=lambda row: (row.position, row.tenant, row.name)))


def _waiting(job: Job, position: int, reason: str, message: str) -> Waiting:
    name = job.key.split("/")[1]
    return Waiting(job.tenant or "?", name, job.workers * job.gpus_per_worker, position, reason, message)


def _phases(snapshot: Snapshot, starts: Mapping[str, Start], evicted: set[str]) -> dict[str, int]:
    phases = dict.fromkeys((phase.value for phase in Phase), 0)
    for key, job in snapshot.jobs.items():
        phase = Phase.RUNNING if key in starts else Phase.STOPPING if key in evicted else job.phase
        phases[phase.value] += 1
    return phases


def _steps(snapshot: Snapshot, plan: Plan) -> Iterator[Step]:
    at = _MIDNIGHT + timedelta(seconds=snapshot.now)
    for action in plan.actions:
        job = snapshot.jobs[action.job]
        match action:
            case Start():
                gpus = count(action.workers * job.gpus_per_worker, "GPU")
                what, note = "Started", f"on {gpus}, {action.class_.value.lower()}"
            case Evict():
                what, note = "Evicted", f"told to save and make room: {action.cause.value}"
            case Hold():
                what, note = "Held", "GPUs are being freed for it"
            case _:
                continue
        yield Step(at, job.tenant or "?", job.key.split("/")[1], what, note, 1)
