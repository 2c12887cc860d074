"""Rule 4: taking from others must not leave GPUs idle: what it frees beyond the claim, waiting jobs start on."""

import heapq
import math
from collections import Counter
from collections.abc import Mapping, Sequence

from entente.engine.candidates import covered
from entente.engine.caps import cap_of
from entente.engine.cycle import Claim, Cycle
from entente.engine.ground import Ground
from entente.engine.model import Job, Pool
from entente.engine.option import Option
from entente.engine.outlook import NOTHING, Freed
from entente.engine.placement import Shape, Spot, place
from entente.engine.queues import Rank
from entente.engine.victims import freed_by

_GROUPS_FOR_A_SET = 1_000
"""Groups of waiting jobs that are looked at, for who would start, in the time of a set of victims."""


def keeps_busy(cycle: Cycle, claim: Claim, ground: Ground, options: Sequence[Option]) -> bool:
    """Whether the GPUs in use do not fall, where that is asked for.

    For borrowed claims on others, and for what the full guarantee covers while guarantees are shrunken.
    """
    from_others = [o for o in options if o.tenant != claim.tenant.name and not o.moves]
    asked = [
        o
        for o in from_others
        if not cycle.estate.running[o.job].on_call and (not claim.entitled or covered(cycle, o.job))
    ]
    if not asked:
        return True
    freed = sum(o.gpus for o in options if not o.moves)
    used = claim.least_gpus
    if freed <= used:
        return True
    taken = frozenset((o.job, o.gpus, o.moves) for o in options)
    if taken not in ground.started:  # a large job is a candidate on each of its hosts
        ground.started[taken] = _would_start(cycle, claim, ground, options, freed - used)
    return freed <= used + ground.started[taken]


class Idle:
    """Whether a set of victims frees more than the claim and waiting jobs within their due could use.

    So does every larger set then: what a further victim frees is at least the room that it gives its tenant within its
    due.
    """

    def __init__(self, cycle: Cycle, claim: Claim, ground: Ground) -> None:
        self._cycle, self._claim = cycle, claim
        self._rooms: dict[str, int] = {}
        self._asked: dict[str, int] = {}
        """GPUs that all waiting jobs of a tenant ask for."""
        self.asking = sum(len(queue.groups) for queue in cycle.state.queues.values()) // _GROUPS_FOR_A_SET
        """Sets of victims that could be looked at while it is worked out who would start beside one."""
        self.usable = math.inf
        """GPUs that any set may free: the claim's, and what jobs could start on as it is, at the most."""
        self.on_a_host = math.inf
        """GPUs that others may have on a host that the claim takes, where hosts are not shared: its tenant's waiting
        jobs alone could start there. What others could start on elsewhere is no reason to take it."""
        if claim.entitled:
            return
        pool = claim.pool.name
        if claim.pool.exclusive:
            self.on_a_host = _usable_alone(cycle, claim, ground)
        else:
            self._rooms = _rooms(cycle, claim, ground.charges(NOTHING))
            self._asked = {tenant: queue.waiting(pool) for tenant, queue in cycle.state.queues.items()}
            self.usable = claim.least_gpus + sum(self._startable(tenant, 0) for tenant in self._rooms)

    def left_by(self, options: Sequence[Option]) -> bool:
        """Whether this set surely leaves GPUs idle."""
        given = dict[str, int]()
        for option in options:
            if not option.moves:
                given[option.tenant] = given.get(option.tenant, 0) + option.gpus
        return self.left(given) and any(self.counts(option) for option in options)

    def left(self, given: Mapping[str, int]) -> bool:
        """Whether more is given than is used, by tenant: that is no matter if none of it `counts`."""
        total = sum(given.values())
        if total <= self.usable:
            return False
        more = sum(self._startable(t, gpus) - self._startable(t, 0) for t, gpus in given.items() if t in self._rooms)
        return total > self.usable + more

    def counts(self, option: Option) -> bool:
        """Whether it is one for which the GPUs in use must not fall."""
        running = self._cycle.estate.running
        return option.tenant != self._claim.tenant.name and not option.moves and not running[option.job].on_call

    def _startable(self, tenant: str, given: int) -> int:
        return max(0, min(self._rooms[tenant] + given, self._asked[tenant]))


def _usable_alone(cycle: Cycle, claim: Claim, ground: Ground) -> int:
    """GPUs that the claim, and jobs of its tenant that wait beside it, could start on within its due, at the most."""
    tenant, pool = claim.tenant.name, claim.pool.name
    charged = 0 if cycle.yielding_to(claim) else ground.charges(NOTHING)[tenant]
    room, asked = cycle.due(tenant, pool) - charged, cycle.state.queues[tenant].waiting(pool)
    return max(claim.least_gpus, min(room, asked))


def _would_start(cycle: Cycle, claim: Claim, ground: Ground, options: Sequence[Option], wanted: int) -> int:
    """GPUs that waiting jobs within their due would start on, beside the claim, once these are freed.

    Less than wanted is said as soon as that is certain.
    """
    pool, freed, queues = claim.pool, freed_by(options), cycle.state.queues
    rooms = _rooms(cycle, claim, ground.charges(freed_by(o for o in options if not o.moves)))
    most = {tenant: queues[tenant].starting(pool.name, room) for tenant, room in rooms.items()}
    total, still = 0, sum(most.values())
    if still < wanted:
        return still
    nodes = ground.stand(freed, cap=cap_of(cycle, claim, options)) or {}
    beside = _Beside(cycle, claim, ground, freed, nodes)
    for tenant, room in rooms.items():
        still -= most[tenant]
        if most[tenant]:
            total += _starting(cycle, claim, tenant, beside.left_for(tenant), room, wanted - total)
        if total >= wanted or total + still < wanted:
            break
    return total


def _starting(cycle: Cycle, claim: Claim, tenant: str, left: "_Left", room: int, wanted: int) -> int:
    """GPUs of so much room that a tenant's jobs would start on, in its order; it ends when they are as many as wanted.

    A job that does not fit speaks for all that are alike: ever less is left.
    """
    queue, pool, beyond = cycle.state.queues[tenant], claim.pool, cycle.spent.get(tenant, ())
    groups, again, used, fresh = queue.by_first(pool.name), list[tuple[Rank, int, int]](), 0, 0
    while used < wanted:
        if again and (fresh == len(groups) or again[0][0] < groups[fresh].entries[0].rank):
            _, index, at = heapq.heappop(again)
        elif fresh < len(groups):
            index, at, fresh = fresh, 0, fresh + 1
        else:
            break
        entries, asked = groups[index].entries, groups[index].like.least_gpus
        job = entries[at].job
        if asked > room - used:
            continue
        if not (job.key in cycle.out or job.key in beyond or job.key == claim.job.key):
            if not left.start(job, pool):
                continue
            used += asked
        if at + 1 < len(entries):
            heapq.heappush(again, (entries[at + 1].rank, index, at + 1))
    return used


def _rooms(cycle: Cycle, claim: Claim, charges: Mapping[str, int]) -> dict[str, int]:
    """By tenant: GPUs that its waiting jobs may start on within its due, by these charges and with the claim."""
    pool = claim.pool.name
    rooms = {tenant: cycle.due(tenant, pool) - charges.get(tenant, 0) for tenant in cycle.state.queues}
    rooms[claim.tenant.name] -= claim.least_gpus
    return rooms


class _Beside:
    """What is left for the waiting jobs of each tenant once the claim stands on these nodes."""

    def __init__(self, cycle: Cycle, claim: Claim, ground: Ground, freed: Freed, nodes: Mapping[str, int]) -> None:
        self._cycle, self._claim, self._outlook, self._freed, self._nodes = cycle, claim, ground.outlook, freed, nodes
        self._before: dict[str, _Left] = {}
        """By tenant that was asked for already; where hosts are shared, one for all."""

    def left_for(self, tenant: str) -> "_Left":
        """The hosts that a tenant's jobs may start on: none that the claim or another tenant took in the meantime."""
        exclusive = self._claim.pool.exclusive
        key = tenant if exclusive else ""
        if key not in self._before:
            own = tenant == self._claim.tenant.name or not exclusive
            taken = set[str]() if own else set(self._nodes)
            for before in self._before.values():
                taken |= before.taken
            spots = self._outlook.spots(tenant if exclusive else self._claim.tenant.name, freed=self._freed)
            left = self._before[key] = _Left({s.name: s.free for s in spots if s.name not in taken}, self._cycle)
            if own:
                left.take(self._nodes, self._claim.job.gpus_per_worker)
        return self._before[key]


class _Left:
    """GPUs of hosts that are left for waiting jobs."""

    def __init__(self, free: dict[str, int], cycle: Cycle) -> None:
        self._free, self._hosts = free, cycle.estate.hosts
        self.taken: set[str] = set()
        """Hosts that workers were put on."""
        self._with: dict[int, list[str]] = {}
        """Hosts that have so many left, or had; a heap once one is taken from it."""
        self._heaps: set[int] = set()
        self._counts = Counter(free.values())
        for name, gpus in free.items():
            self._with.setdefault(gpus, []).append(name)

    def start(self, job: Job, pool: Pool) -> bool:
        """Put the least workers of a job on hosts, if they fit."""
        per, least = job.gpus_per_worker, job.min_workers
        if sum(gpus // per * count for gpus, count in self._counts.items()) < least:
            return False
        if not job.required or job.level is None or least == 1:
            self._start_anywhere(least, per)
            return True
        spots = [Spot(n, self._hosts[n].node.domains, gpus, own=False) for n, gpus in self._free.items()]
        found = place(pool, spots, Shape(least, least, per, job.level, required=True))
        self.take(found or {}, per)
        return found is not None

    def _start_anywhere(self, workers: int, per: int) -> None:
        """Put workers that fit on the roomiest hosts, the last on the tightest: as they are placed, but for ties."""
        while workers:
            counts = [count for count, hosts in self._counts.items() if hosts]
            roomiest = min(counts, key=lambda c: (-(c // per), c))
            here = min(workers, roomiest // per)
            count = roomiest if here < workers else min(c for c in counts if c >= workers * per)
            self.take({self._first(count): here}, per)
            workers -= here

    def _first(self, count: int) -> str:
        """The first by name of the hosts that have so many left."""
        names = self._with[count]
        if count not in self._heaps:
            heapq.heapify(names)
            self._heaps.add(count)
        while self._free.get(names[0]) != count:
            heapq.heappop(names)
        return names[0]

    def take(self, nodes: Mapping[str, int], per_worker: int) -> None:
        self.taken.update(nodes)
        for name, workers in nodes.items():
            before = self._free.pop(name)
            left = before - workers * per_worker
            self._counts[before] -= 1
            if left > 0:
                self._free[name] = left
                self._counts[left] += 1
                heapq.heappush(self._with.setdefault(left, []), name)
