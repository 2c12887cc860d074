"""One scheduling cycle of Kueue: the heads of all ClusterQueues are looked at, then admitted one by one (K10, K11).

All heads are looked at before any is admitted, so a later one may find its quota, its hosts or its victims taken by an
earlier one: then it is assigned anew, or skipped until the next cycle (K24). Written from the rules, after
kubernetes-sigs/kueue `pkg/scheduler/scheduler.go` (`schedule`, `processEntry`, `updateAssignmentIfNeeded`,
`makeClassicalIterator`). With `reclaimWithinCohort: Any` a workload without candidates reserves nothing (K24).
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace

from entente.api.job import EvictionCause
from entente.simulator.baselines.kueue.assignment import Assigner, Assignment, Mode
from entente.simulator.baselines.kueue.cohort import Cohort
from entente.simulator.baselines.kueue.preemption import Reason, Target
from entente.simulator.baselines.kueue.quota import QuotaNode
from entente.simulator.baselines.kueue.workloads import ClusterQueue, Workload
from entente.simulator.hosts import Gang, Placed
from entente.simulator.policy import Action, Place, Stop

_CAUSES = {Reason.IN_COHORT_RECLAMATION: EvictionCause.GUARANTEE, Reason.IN_CLUSTER_QUEUE: EvictionCause.PRIORITY}


@dataclass(slots=True)
class _Entry:
    workload: Workload
    assignment: Assignment


@dataclass(slots=True)
class Cycle:
    """A cycle at one moment.

    Args:
        cohorts: By pool.
        queues: All of them, in the order in which equals are served.
        assigner: Of the same pools.
        now: Seconds.
    """

    cohorts: Mapping[str, Cohort]
    queues: Mapping[str, ClusterQueue]
    assigner: Assigner
    now: float
    actions: list[Action] = field(default_factory=list)
    _preempted: dict[str, Workload] = field(default_factory=dict)
    """Victims of this cycle, told to stop now or before."""
    _waiting: list[_Entry] = field(default_factory=list)
    """Entries of this cycle that wait for victims: what they will have is not for the entries after them."""
    _takers: dict[str, str] = field(default_factory=dict)
    """Tenants that got or will get hosts in this cycle."""
    _admitted: bool = False

    def run(self) -> bool:
        """Returns whether anything changed; if not, another cycle would do the same."""
        heads = [head for queue in self.queues.values() if (head := queue.pending.head()) is not None]
        entries = [_Entry(head, self.assigner.assign(head)) for head in heads]
        entries.sort(key=lambda entry: (entry.assignment.height, *entry.workload.rank))
        changed = False
        for entry in entries:
            changed |= self._process(entry)
        for entry in self._waiting:
            self._node(entry).remove(entry.assignment.gang.total)
        return changed

    def _process(self, entry: _Entry) -> bool:
        fits = self._refresh(entry)
        assignment, workload = entry.assignment, entry.workload
        if assignment.mode is Mode.NO_FIT or (assignment.mode is Mode.PREEMPT and not assignment.targets):
            return self._park(workload)
        if assignment.mode is Mode.DEFERRED:
            return self._wait(entry)
        if not fits or self._shared(assignment):
            return self._skip(workload)
        if assignment.mode is Mode.FIT:
            return self._admit(entry)
        told = self._evict(assignment.targets, workload)
        return self._wait(entry) or told

    def _refresh(self, entry: _Entry) -> bool:
        """Assign an entry anew where earlier ones took its victims or its hosts (K24). Returns whether it fits."""
        if not self._waiting and not self._admitted:
            return True  # it was found so, and nothing has changed since
        assignment = entry.assignment
        if not assignment.flavor:
            return False
        shared, lacks_quota = self._shared(assignment), self._lacks_quota(entry)
        if not shared and (lacks_quota or not self._lacks_hosts(entry)):
            return not lacks_quota
        with self._projected(self._preempted.values() if shared else ()):
            found = self.assigner.assign(entry.workload, only=assignment.flavor)
        if shared and found.mode is Mode.FIT:
            found = replace(found, mode=Mode.DEFERRED)
        entry.assignment = found
        return bool(found.flavor) and not self._lacks_quota(entry) and not self._lacks_hosts(entry)

    def _shared(self, assignment: Assignment) -> bool:
        return any(target.workload.key in self._preempted for target in assignment.targets)

    def _leaving(self, entry: _Entry) -> dict[str, Workload]:
        """Workloads of the entry's pool that are gone by the time that it may start."""
        own = {target.workload.key: target.workload for target in entry.assignment.targets}
        all_of_them = {**self._preempted, **own}
        return {key: workload for key, workload in all_of_them.items() if workload.flavor == entry.assignment.flavor}

    def _lacks_quota(self, entry: _Entry) -> bool:
        leaving = self._leaving(entry).values()
        for workload in leaving:
            self.queues[workload.queue].quotas[entry.assignment.flavor].remove(workload.gpus)
        lacks = self._node(entry).available() < entry.assignment.gang.total
        for workload in leaving:
            self.queues[workload.queue].quotas[entry.assignment.flavor].add(workload.gpus)
        return lacks

    def _lacks_hosts(self, entry: _Entry) -> bool:
        assignment, tenant = entry.assignment, entry.workload.queue
        if not assignment.workers_on:
            return False
        hosts = self.cohorts[assignment.flavor].hosts
        leaving = [hosts.placed[key] for key in self._leaving(entry)]
        for host, workers in assignment.workers_on.items():
            if hosts.exclusive and self._takers.get(host, tenant) != tenant:
                return True
            room = hosts.free_on(host) + sum(_gpus_on(placed.gang, placed.workers_on, host) for placed in leaving)
            room -= sum(_gpus_on(it.assignment.gang, it.assignment.workers_on or {}, host) for it in self._waiting)
            if workers * assignment.gang.gpus > room:
                return True
        return False

    @contextmanager
    def _projected(self, gone: Iterable[Workload]) -> Iterator[None]:
        """The pools as the entries before left them: without these workloads, and with GPUs kept for who waits."""
        with ExitStack() as undo:
            for workload in gone:
                cohort = self.cohorts[workload.flavor or ""]
                gang, since = workload.gang, workload.reserved
                placed = cohort.free(workload)
                undo.callback(cohort.admit, workload, gang, placed.workers_on, since)
            for number, entry in enumerate(self._waiting):
                hosts, gang = self.cohorts[entry.assignment.flavor].hosts, entry.assignment.gang
                if hosts.exclusive:
                    continue  # `_takers` says whose such a host will be
                for host, workers in (entry.assignment.workers_on or {}).items():
                    kept = min(hosts.free_on(host), workers * gang.gpus)
                    if kept:
                        key = f"{number} {host}"
                        hosts.restore(key, Placed(entry.workload.queue, Gang(1, kept), {host: 1}))
                        undo.callback(hosts.release, key)
            yield

    def _park(self, workload: Workload) -> bool:
        """It waits for something to be freed, unless it has flavors left to try."""
        if workload.tried == (0, self.assigner.generation):
            self.queues[workload.queue].pending.park(workload.shape)
        return True

    def _skip(self, workload: Workload) -> bool:
        """It stays in the queue for the next cycle, which is another one only if something else changes."""
        workload.tried = (0, self.assigner.generation)
        return False

    def _wait(self, entry: _Entry) -> bool:
        """It waits for victims, at the head of its queue; what it will have is taken as long as the cycle lasts."""
        workload = entry.workload
        workload.tried = (0, self.assigner.generation)
        self._node(entry).add(entry.assignment.gang.total)
        self._waiting.append(entry)
        for host in entry.assignment.workers_on or ():
            self._takers.setdefault(host, workload.queue)
        return self.queues[workload.queue].pending.stick(workload)

    def _evict(self, targets: Iterable[Target], preemptor: Workload) -> bool:
        """Tell victims to stop that were not told yet. Returns whether there were any."""
        told = [target for target in targets if not target.workload.evicted]
        self._preempted.update((target.workload.key, target.workload) for target in targets)
        for victim, reason in told:
            self.cohorts[victim.flavor or ""].evict(victim)
            self.actions.append(Stop(victim.key, _CAUSES[reason], for_key=preemptor.key))
        return bool(told)

    def _admit(self, entry: _Entry) -> bool:
        assignment, workload = entry.assignment, entry.workload
        cohort, workers_on = self.cohorts[assignment.flavor], assignment.workers_on or {}
        hosts = cohort.hosts
        if any(workers * assignment.gang.gpus > hosts.free_on(host) for host, workers in workers_on.items()):
            return self._skip(workload)  # Kueue admits it on GPUs of pods that still end; here it starts after them
        self.queues[workload.queue].pending.pop(workload)
        cohort.admit(workload, assignment.gang, workers_on, self.now)
        self._admitted = True
        self._takers.update(dict.fromkeys(workers_on, workload.queue))
        self.actions.append(Place(workload.key, workers_on))
        return True

    def _node(self, entry: _Entry) -> QuotaNode:
        return self.queues[entry.workload.queue].quotas[entry.assignment.flavor]


def _gpus_on(gang: Gang, workers_on: Mapping[str, int], host: str) -> int:
    return workers_on.get(host, 0) * gang.gpus
