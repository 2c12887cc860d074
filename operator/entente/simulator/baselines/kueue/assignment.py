"""What Kueue can do for a workload: admit it, evict others for it, or neither (K8, K9, with topology K19).

Quota alone chooses the flavor; then hosts are looked for in that one. Flavor fungibility has its defaults
(`whenCanBorrow: MayStopSearch`, `whenCanPreempt: TryNextFlavor`). Written from the rules, after kubernetes-sigs/kueue
`pkg/scheduler/flavorassigner/flavorassigner.go` (`findFlavorForPodSets`, `fitsResourceQuota`, `isPreferred`),
`pkg/scheduler/flavorassigner/podset_reducer.go`, `pkg/scheduler/preemption/preemption_oracle.go` and
`pkg/scheduler/scheduler.go` (`getInitialAssignments`, `updateAssignmentForTAS`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from entente.simulator.baselines.kueue.ceiling import Ceiling
from entente.simulator.baselines.kueue.cohort import Cohort
from entente.simulator.baselines.kueue.preemption import Preemption, Reason, Request, Target, has_lower
from entente.simulator.baselines.kueue.workloads import Workload
from entente.simulator.hosts import Gang


class Mode(IntEnum):
    NO_FIT = 0
    """More than it can ever get, or quota that it may not take back."""
    PREEMPT = 1
    """Evictions; without targets there is nobody to evict."""
    DEFERRED = 2
    """Evictions that are under way for another workload."""
    FIT = 3
    """Nothing."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """A flavor for a workload, and what it takes."""

    mode: Mode
    gang: Gang
    """All workers, or those of a partial admission."""
    flavor: str = ""
    height: int = 0
    """How far up the tree it borrows; 0: not at all (K11)."""
    workers_on: Mapping[str, int] | None = None
    """Workers on each host, once the targets are gone."""
    targets: tuple[Target, ...] = ()


class _Way(IntEnum):
    """How quota of one flavor can be had; a greater one is preferred (K9)."""

    NONE = 0
    NO_CANDIDATES = 1
    PREEMPT = 2
    RECLAIM = 3
    FIT = 4


class _Quota(NamedTuple):
    way: _Way
    height: int
    flavor: str

    @property
    def worth(self) -> tuple[int, int]:
        return (self.way, -self.height)


class Assigner:
    """Finds assignments in the pools as they stand.

    Args:
        cohorts: By pool.
    """

    def __init__(self, cohorts: Mapping[str, Cohort]) -> None:
        self._cohorts = cohorts
        self.generation = 0
        """Counts the times when something was freed: flavors are then tried from the first again."""

    def assign(self, workload: Workload, only: str | None = None) -> Assignment:
        """The assignment of a pending workload; `only`: in this flavor, with the books projected in a cycle."""
        shape = workload.shape
        flavors = shape.flavors if only is None else (only,)
        start = workload.tried[0] if only is None and workload.tried[1] == self.generation else 0
        found, last = self._assign(self._request(workload, shape.gang), flavors, start, projected=only is not None)
        if only is None:
            workload.tried = (0 if last + 1 >= len(flavors) else last + 1, self.generation)
        if found.mode is Mode.FIT or found.targets or shape.least >= shape.gang.workers:
            return found
        return self._partial(workload, flavors, start, projected=only is not None) or found

    def _request(self, workload: Workload, gang: Gang) -> Request:
        return Request(workload.queue, workload.shape.priority, gang)

    def _partial(self, workload: Workload, flavors: Sequence[str], start: int, *, projected: bool) -> Assignment | None:
        """The most workers that can be had, by bisection as if fewer were always easier."""
        gang, best = workload.shape.gang, None
        low, high = workload.shape.least, gang.workers - 1
        while low <= high:
            workers = (low + high + 1) // 2
            found, _ = self._assign(
                self._request(workload, Gang(workers, gang.gpus)), flavors, start, projected=projected
            )
            if found.mode is Mode.FIT or found.targets:
                best, low = found, workers + 1
            else:
                high = workers - 1
        return best

    def _assign(
        self, request: Request, flavors: Sequence[str], start: int, *, projected: bool = False
    ) -> tuple[Assignment, int]:
        """The assignment, and the number of the flavor that was looked at last."""
        best, last = None, start - 1
        for last in range(start, len(flavors)):
            quota = self._quota(self._cohorts[flavors[last]], request, choice=len(flavors) > 1)
            if best is None or quota.worth > best.worth:
                best = quota
            if quota.way is _Way.FIT:
                break
        if best is None or best.way is _Way.NONE:
            return Assignment(Mode.NO_FIT, request.gang), last
        return self._topology(self._cohorts[best.flavor], request, best, projected=projected), last

    def _quota(self, cohort: Cohort, request: Request, *, choice: bool) -> _Quota:
        """How the request gets quota of a flavor (K8). `choice`: there are others to compare it with."""
        node, asked = cohort.queues[request.queue].quotas[cohort.flavor], request.gang.total
        if asked > node.potential():
            return _Quota(_Way.NONE, 0, cohort.flavor)
        reach = node.reach(asked)
        if asked <= node.available():
            return _Quota(_Way.FIT, reach.height, cohort.flavor)
        if asked > node.nominal and not reach.proper:
            return _Quota(_Way.NONE, reach.height, cohort.flavor)
        if not reach.proper and not has_lower(cohort, request):
            return _Quota(_Way.NO_CANDIDATES, reach.height, cohort.flavor)  # none of others for one that borrows
        if not choice and not reach.height:
            return _Quota(_Way.RECLAIM, 0, cohort.flavor)  # whatever its victims are, it does not borrow
        return _simulated(cohort, request, reach.height)

    def _topology(self, cohort: Cohort, request: Request, quota: _Quota, *, projected: bool) -> Assignment:
        """Hosts for a request that may have the quota, or victims until quota and hosts are enough (K19)."""
        gang, found = request.gang, Assignment(Mode.PREEMPT, request.gang, cohort.flavor, quota.height)
        if quota.way is _Way.FIT:
            workers_on = cohort.hosts.find(request.queue, gang)
            if workers_on is not None:
                return Assignment(Mode.FIT, gang, cohort.flavor, quota.height, workers_on)
        if not cohort.could_hold(gang):
            return Assignment(Mode.NO_FIT, gang)
        if quota.way is _Way.NO_CANDIDATES:
            return found  # hosts make no candidates where quota finds none
        bounded = not projected and not quota.height and _bounded(cohort, request)
        if bounded and cohort.ceiling is not None and cohort.ceiling.slots(gang.gpus) < gang.workers:
            return found
        search = Preemption(cohort, request, placed=True)
        targets = tuple(search.targets())
        if targets:
            where = _hosts_without(cohort, request, targets)
            return Assignment(Mode.PREEMPT, gang, cohort.flavor, quota.height, where, targets)
        if bounded and search.freed_in_vain is not None:
            cohort.ceiling = Ceiling(search.freed_in_vain)
        return found


def _bounded(cohort: Cohort, request: Request) -> bool:
    """Whether a `Ceiling` says something of the request, if that stays within its quota."""
    return cohort.quota.height == 1 and not cohort.hosts.exclusive and not has_lower(cohort, request)


def _simulated(cohort: Cohort, request: Request, height: int) -> _Quota:
    """Which victims quota alone would ask for, to compare flavors."""
    targets = Preemption(cohort, request, placed=False).targets()
    if not targets:
        return _Quota(_Way.NO_CANDIDATES, height, cohort.flavor)
    own = any(target.reason is Reason.IN_CLUSTER_QUEUE for target in targets)
    return _Quota(_Way.PREEMPT if own else _Way.RECLAIM, _height_without(cohort, request, targets), cohort.flavor)


def _height_without(cohort: Cohort, request: Request, targets: Sequence[Target]) -> int:
    """How far up the request borrows once the targets are gone."""
    for target in targets:
        cohort.queues[target.workload.queue].quotas[cohort.flavor].remove(target.workload.gpus)
    height = cohort.queues[request.queue].quotas[cohort.flavor].reach(request.gang.total).height
    for target in targets:
        cohort.queues[target.workload.queue].quotas[cohort.flavor].add(target.workload.gpus)
    return height


def _hosts_without(cohort: Cohort, request: Request, targets: Sequence[Target]) -> Mapping[str, int] | None:
    """Where the gang goes once the targets are gone."""
    hosts = cohort.hosts
    off = {target.workload.key: hosts.release(target.workload.key) for target in targets}
    workers_on = hosts.find(request.queue, request.gang)
    for key, placed in off.items():
        hosts.restore(key, placed)
    return workers_on
