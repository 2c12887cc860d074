"""KAI's cycle over one pool: allocate, consolidation, reclaim, preempt (rule N11).

After pkg/scheduler/actions/{allocate,consolidation,reclaim,preempt} of kai-scheduler/KAI-Scheduler. KAI has a cycle
each second; here there is one whenever something happened, which is when it would come to something else. A place found
where others are still stopping is kept until they are gone (KAI finds it anew in each cycle, in the same order).
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from random import Random

from entente.api.job import EvictionCause
from entente.simulator.baselines.kai import minruntime
from entente.simulator.baselines.kai.backlog import Backlog, Kind, Turns
from entente.simulator.baselines.kai.cluster import Cluster
from entente.simulator.baselines.kai.consolidation import consolidate
from entente.simulator.baselines.kai.ordering import Failures, JobRank
from entente.simulator.baselines.kai.queues import Queue, may_have, non_preemptible_over_quota
from entente.simulator.baselines.kai.reclaim import Claim, may_be_victim, may_reclaim, valid
from entente.simulator.baselines.kai.search import Outcome, Search
from entente.simulator.baselines.kai.victims import in_order
from entente.simulator.baselines.kai.work import State, Unit, Work
from entente.simulator.policy import Action, Place, SimJob, Site, Stop

_SEED = 20_260_807
"""Of the draw of candidates for consolidation."""


class Scheduler:
    """The scheduler of one pool."""

    def __init__(self, site: Site, pool: str) -> None:
        self.cluster = Cluster(site, pool)
        self.backlog = Backlog(self.cluster.leaves.values())
        self._works: dict[str, Work] = {}
        self._kept: dict[str, Work] = {}
        """Jobs with a place that they are not in yet, in the order in which they got it."""
        self._chance = Random(_SEED)  # noqa: S311  # nothing secret: any candidates would do
        self._changed = False
        self._stops: list[Stop] = []

    def arrived(self, job: SimJob) -> None:
        """A job was submitted; one of a tenant without a queue here waits for ever."""
        if (queue := self.cluster.leaves.get(job.tenant)) is None:
            return
        work = self._works[job.key] = Work(job, queue)
        queue.request(job.gpus)
        self.backlog.add(work.core)
        self._changed = True

    def finished(self, key: str) -> None:
        work = self._works.pop(key)
        self.cluster.ended(work)
        self.cluster.vacate(work)
        self._kept.pop(key, None)
        work.queue.request(-work.job.gpus)
        self._changed = True

    def stopped(self, key: str) -> None:
        """A job's pods are gone: it goes to the place that is kept for it, or waits for one."""
        work = self._works[key]
        lost = work.state is State.RUNNING
        self.cluster.ended(work)
        if lost:
            self.cluster.vacate(work)
        if work.places:
            work.state = State.KEPT
        else:
            self._wait(work)
        self._changed = True

    def host_lost(self, host: str) -> None:
        """A host is gone; places kept on it are, too."""
        self.cluster.lost(host)
        for work in [work for work in self._kept.values() if host in work.workers_on()]:
            self.cluster.vacate(work)
            del self._kept[work.job.key]
            if work.state is State.KEPT:
                self._wait(work)
        self._changed = True

    def host_back(self, host: str) -> None:
        self.cluster.back(host)
        self._changed = True

    def keeps(self, key: str) -> bool:
        """Whether a place is kept for a job that it is not in yet."""
        return key in self._kept

    def decide(self, now: float) -> list[Action]:
        if self._changed:
            self._changed = False
            if len(self.backlog) > 1:
                self.cluster.share()
            self._allocate()
            if len(self.backlog):
                self.cluster.share()
                self._consolidate()
                self._reclaim(now)
                self._preempt(now)
        actions: list[Action] = [*self._stops]
        self._stops = []
        for key, work in list(self._kept.items()):
            if work.state is State.KEPT and self.cluster.may_start(work):
                del self._kept[key]
                actions.append(Place(key, self.cluster.start(work, now)))
        return actions

    def _allocate(self) -> None:
        """Whatever fits gets its place, queue by queue and job by job (N8, N10)."""
        fits: dict[tuple[str, Kind], bool] = {}
        hosts = self.cluster.hosts

        def worth(queue: Queue, kind: Kind) -> bool:
            known = fits.get((queue.name, kind))
            if known is None:
                known = fits[queue.name, kind] = hosts.fits(queue.name, kind.gang) and may_have(
                    queue, kind.gang.total, non_preemptible=not kind.preemptible
                )
            return known

        if not hosts.free or not (hosts.exclusive or any(hosts.fits("", kind.gang) for kind in self.backlog.kinds())):
            return
        grown: list[Unit] = []
        turns = Turns(self.backlog, self.cluster.total, worth)
        while (unit := turns.next()) is not None:
            workers_on = hosts.find(unit.queue.name, unit.gang)
            if workers_on is None:
                msg = f"{unit.id}: has room, but no place"
                raise AssertionError(msg)
            turns.settle()
            self._give(unit, workers_on)
            # what did not fit does not fit now either, until the next cycle
            fits = {entry: False for entry, fit in fits.items() if not fit}
            after = unit.work.surplus[unit.rank.number :]
            if after:
                self.backlog.add(after[0])
                grown.append(after[0])
        for unit in grown:
            if unit.id not in unit.work.places:
                self.backlog.remove(unit)

    def _consolidate(self) -> None:
        """Make room by moving jobs (N12)."""
        failures = Failures()
        free = self.cluster.hosts.free

        def worth(_: Queue, kind: Kind) -> bool:
            return kind.preemptible and kind.gang.total <= free and not failures.blocks(kind.gang)

        if not any(kind.preemptible and kind.gang.total <= free for kind in self.backlog.kinds()):
            return
        turns = Turns(self.backlog, self.cluster.total, worth)
        while (unit := turns.next()) is not None:
            outcome = consolidate(self.cluster, unit, self._chance)
            if outcome is None:
                failures.add(unit.gang)
            else:
                turns.settle()
                self._carry_out(unit, outcome, EvictionCause.MOVE)
                free = self.cluster.hosts.free

    def _reclaim(self, now: float) -> None:
        """Take from queues that are above what is theirs (N13-N19)."""
        failures = {name: Failures() for name in self.cluster.leaves}

        def worth(queue: Queue, kind: Kind) -> bool:
            claim = Claim(queue, kind.gang.total, non_preemptible=not kind.preemptible)
            return may_reclaim(claim) and not failures[queue.name].blocks(kind.gang)

        turns = Turns(self.backlog, self.cluster.total, worth)
        while (unit := turns.next()) is not None:
            cause = EvictionCause.FAIR_SHARE
            if unit.queue.within_quota(unit.gang.total):
                cause = EvictionCause.GUARANTEE
            outcome = self._reclaim_for(unit, now)
            if outcome is None:
                failures[unit.queue.name].add(unit.gang)
            else:
                turns.settle()
                self._carry_out(unit, outcome, cause)

    def _reclaim_for(self, unit: Unit, now: float) -> Outcome | None:
        cluster, queue, certain = self.cluster, unit.queue, not unit.work.preemptible
        claim = Claim(queue, unit.gang.total, non_preemptible=certain)
        candidates = {
            name: self._unprotected(cluster.running[name], minruntime.for_reclaim(queue, leaf), now)
            for name, leaf in cluster.leaves.items()
            if leaf is not queue and cluster.running[name] and may_be_victim(claim, leaf)
        }
        if not candidates:
            return None

        def accept(outcome: Outcome) -> bool:
            taken: dict[str, list[int]] = {}
            for victim in outcome.gone:
                taken.setdefault(victim.queue.name, []).append(victim.gang.total)
            return valid(Claim(queue, outcome.workers * unit.gang.gpus, non_preemptible=certain), taken, cluster.leaves)

        return Search(cluster, unit, lambda: in_order(cluster, candidates), accept, cluster.reach(candidates)).solve()

    def _preempt(self, now: float) -> None:
        """Take from lower jobs of the same queue (N20)."""
        failures = {name: Failures() for name in self.cluster.leaves}
        running = self.cluster.running
        # jobs of lower priority are at the end of the ranks
        if not any(
            ranks and ranks[-1].minus_priority > min(of_kind[0] for of_kind in pending.values()).minus_priority
            for name, ranks in running.items()
            if (pending := self.backlog.kinds_of(name))
        ):
            return

        def worth(queue: Queue, kind: Kind) -> bool:
            if not kind.preemptible and non_preemptible_over_quota(queue, kind.gang.total):
                return False
            return bool(running[queue.name]) and not failures[queue.name].blocks(kind.gang)

        turns = Turns(self.backlog, self.cluster.total, worth)
        while (unit := turns.next()) is not None:
            outcome = self._preempt_for(unit, now)
            if outcome is None:
                failures[unit.queue.name].add(unit.gang)
            else:
                turns.settle()
                self._carry_out(unit, outcome, EvictionCause.PRIORITY)

    def _preempt_for(self, unit: Unit, now: float) -> Outcome | None:
        name, cluster = unit.queue.name, self.cluster
        ranks = cluster.running[name]
        lower = bisect_right(ranks, unit.rank.minus_priority, key=_minus_priority)
        candidates = {name: self._unprotected(ranks[lower:], minruntime.for_preempt(unit.queue), now)}
        if not candidates[name]:
            return None
        accept, reach = (lambda _: True), cluster.reach(candidates)
        return Search(cluster, unit, lambda: in_order(cluster, candidates), accept, reach).solve()

    def _unprotected(self, ranks: Sequence[JobRank], seconds: float, now: float) -> Sequence[JobRank]:
        """The units that ran long enough."""
        if seconds <= 0:
            return ranks
        return [rank for rank in ranks if not minruntime.safe(self.cluster.unit(rank), seconds, now)]

    def _carry_out(self, unit: Unit, outcome: Outcome, cause: EvictionCause) -> None:
        """Stop the victims, and keep its place for the job that they make room for, and for those that are moved."""
        touched = {victim.work.job.key: victim.work for victim in outcome.victims}
        smaller = {victim.work.job.key for victim in outcome.gone}
        for victim in outcome.victims:
            self.cluster.lift(victim)
            del victim.work.places[victim.id]
        for victim in outcome.victims:
            # workers beyond the least do not run without the others
            if victim.id in outcome.moved and victim.work.core_stays(outcome.moved):
                self.cluster.put(victim, outcome.moved[victim.id])
                victim.work.places[victim.id] = outcome.moved[victim.id]
        for key, work in touched.items():
            why = EvictionCause.SHRINK if key in smaller else EvictionCause.MOVE
            if work.core.id in work.places:
                self._kept[key] = work
            else:
                self.cluster.vacate(work)
                why = cause
            self.cluster.stop(work)
            self._stops.append(Stop(key, why, for_key=unit.work.job.key))
        self._give(unit, outcome.workers_on)

    def _give(self, unit: Unit, workers_on: Mapping[str, int]) -> None:
        """A pending unit gets this place; it goes there as soon as nobody is there any more."""
        self.backlog.remove(unit)
        self.cluster.put(unit, workers_on)
        unit.work.places[unit.id] = workers_on
        unit.work.state = State.KEPT
        self._kept[unit.work.job.key] = unit.work

    def _wait(self, work: Work) -> None:
        work.state = State.PENDING
        self.backlog.add(work.core)


def _minus_priority(rank: JobRank) -> int:
    return rank.minus_priority
