"""Pending jobs in their tenant's order, and in groups of those that are alike: what fits one of these fits all.

A tenant's order: priority, then first come, or the shortest expected first. A second of waiting counts as a second less
of length there, so that nobody starves behind a stream of shorter jobs.
"""

import heapq
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate

from entente.engine.model import DAY_S, Job, Tenant
from entente.engine.risk import known_length

UNKNOWN_LENGTH_S = DAY_S
"""What a job of which no length is known counts as where the shortest goes first."""

Rank = tuple[float, float, float, str]
"""Place in the tenant's order: the lower goes first."""


@dataclass(frozen=True, slots=True)
class Pending:
    job: Job
    pools: tuple[str, ...]
    """Those that may take it, best first."""
    priority: int
    rank: Rank = field(default=(0.0, 0.0, 0.0, ""), compare=False)


@dataclass(frozen=True, slots=True)
class Likeness:
    """What pending jobs of one tenant have in common that are tried once."""

    priority: int
    pools: tuple[str, ...]
    workers: int
    min_workers: int
    gpus_per_worker: int
    level: str | None
    required: bool
    length: float | None
    entitled_since: float | None
    old: bool
    """It has waited the least runtime of its first pool."""

    @property
    def least_gpus(self) -> int:
        """GPUs of the workers that must start together."""
        return self.min_workers * self.gpus_per_worker

    @property
    def ask(self) -> "Ask":
        """What they have in common with more of the tenant's jobs."""
        return Ask(self.priority, self.pools, self.required, self.level, self.min_workers, self.gpus_per_worker)


@dataclass(frozen=True, slots=True)
class Ask:
    """What pending jobs of one tenant have in common that come to nothing together."""

    priority: int
    pools: tuple[str, ...]
    required: bool
    level: str | None
    workers: int
    """Those that must start together."""
    gpus_per_worker: int

    @property
    def gpus(self) -> int:
        """GPUs of the workers that must start together."""
        return self.workers * self.gpus_per_worker

    @property
    def kind(self) -> tuple[int, tuple[str, ...], bool]:
        """What decides, beside the number of GPUs, whether they are out of reach."""
        return (self.priority, self.pools, self.required)


@dataclass(slots=True, eq=False)
class Group:
    """Pending jobs that are alike, in their tenant's order."""

    like: Likeness
    entries: list[Pending] = field(default_factory=list)


class Queue:
    """The pending jobs of one tenant that ask for GPUs.

    Args:
        tenant: whose they are.
        least_runtimes: by pool, seconds after which a waiting job is old.
        now: the moment up to which jobs have aged.
    """

    def __init__(self, tenant: Tenant, least_runtimes: dict[str, float], now: float) -> None:
        self._tenant, self._least_runtimes, self._now = tenant, least_runtimes, now
        self._entries: dict[str, Pending] = {}
        self._ordered: list[Pending] = []
        self.groups: dict[Likeness, Group] = {}
        self.by_ask: dict[Ask, dict[Likeness, Group]] = {}
        """The groups by what they ask for."""
        self._group_of: dict[str, Group] = {}
        self._young: list[tuple[float, str]] = []
        self.changed = 0
        """How often they changed, or aged."""
        self._sizes: dict[str, tuple[int, list[int], list[int]]] = {}
        """By pool, as of a change: what gangs ask for at the least, in order, and all that those up to each ask for."""
        self._firsts: dict[str, tuple[int, list[Group]]] = {}
        """By pool, as of a change: the groups by their first jobs."""
        self.asked: dict[str, int] = {}
        """GPUs that they ask for, by their first pool."""

    def __len__(self) -> int:
        return len(self._ordered)

    def __iter__(self) -> Iterator[Pending]:
        return iter(self._ordered)

    def get(self, key: str) -> Pending | None:
        return self._entries.get(key)

    def place(self, entry: Pending) -> int:
        """Its place among them, from 1."""
        return bisect_left(self._ordered, entry.rank, key=_rank) + 1

    def starting(self, pool: str, room: int) -> int:
        """GPUs of so much room that jobs which accept a pool could start on, each with its least, at the most."""
        if room <= 0:
            return 0
        sizes, sums = self._by_size(pool)
        fitting = bisect_right(sizes, room)
        return min(room, sums[fitting - 1]) if fitting else 0

    def waiting(self, pool: str) -> int:
        """GPUs that all jobs that accept a pool ask for, each with its least."""
        _, sums = self._by_size(pool)
        return sums[-1] if sums else 0

    def _by_size(self, pool: str) -> tuple[list[int], list[int]]:
        """What jobs ask for at the least, in order, and the sums of all that ask for no more."""
        known = self._sizes.get(pool)
        if known is None or known[0] != self.changed:
            asked: dict[int, int] = {}
            for like, group in self.groups.items():
                if pool in like.pools:
                    asked[like.least_gpus] = asked.get(like.least_gpus, 0) + like.least_gpus * len(group.entries)
            sizes = sorted(asked)
            known = self._sizes[pool] = (self.changed, sizes, list(accumulate(asked[size] for size in sizes)))
        return known[1:]

    def by_first(self, pool: str) -> list[Group]:
        """The groups of jobs that accept a pool, in the order of their first jobs."""
        known = self._firsts.get(pool)
        if known is None or known[0] != self.changed:
            groups = (group for like, group in self.groups.items() if pool in like.pools)
            known = self._firsts[pool] = (self.changed, sorted(groups, key=lambda g: g.entries[0].rank))
        return known[1]

    def group_of(self, key: str) -> Group:
        """Those that are like it. Raises KeyError."""
        return self._group_of[key]

    def put(self, job: Job, pools: tuple[str, ...], priority: int) -> None:
        entry = Pending(job, pools, priority, rank_of(job, priority, self._tenant))
        self._entries[job.key] = entry
        insort(self._ordered, entry, key=_rank)
        self.asked[pools[0]] = self.asked.get(pools[0], 0) + job.workers * job.gpus_per_worker
        self._file(entry)

    def drop(self, key: str) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            _remove(self._ordered, entry)
            self.asked[entry.pools[0]] -= entry.job.workers * entry.job.gpus_per_worker
            self._unfile(entry)

    def age(self, now: float) -> None:
        """Time has passed: what has waited long enough is old from now on."""
        if now < self._now:
            self._now = now
            for entry in list(self._entries.values()):
                self._unfile(entry)
                self._file(entry)
            return
        self._now = now
        young = []
        while self._young and self._young[0][0] <= now + 1.0:  # a second more than rounding could make of it
            _, key = heapq.heappop(self._young)
            waiting = self._entries.get(key)
            if waiting is None or self._group_of[key].like.old:
                continue
            if self._is_old(waiting):
                self._unfile(waiting)
                self._file(waiting)
            else:
                young.append((self._old_at(waiting), key))
        for item in young:
            heapq.heappush(self._young, item)

    def _file(self, entry: Pending) -> None:
        old = self._is_old(entry)
        if not old:
            heapq.heappush(self._young, (self._old_at(entry), entry.job.key))
        like = _likeness(entry, old=old)
        group = self.groups.get(like)
        if group is None:
            group = self.groups[like] = self.by_ask.setdefault(like.ask, {})[like] = Group(like)
        insort(group.entries, entry, key=_rank)
        self._group_of[entry.job.key] = group
        self.changed += 1

    def _unfile(self, entry: Pending) -> None:
        self.changed += 1
        group = self._group_of.pop(entry.job.key)
        _remove(group.entries, entry)
        if not group.entries:
            alike = self.by_ask[group.like.ask]
            del self.groups[group.like], alike[group.like]
            if not alike:
                del self.by_ask[group.like.ask]

    def _is_old(self, entry: Pending) -> bool:
        return waited(entry.job, self._now) >= self._least_runtimes[entry.pools[0]]

    def _old_at(self, entry: Pending) -> float:
        return _pending_since(entry.job) + self._least_runtimes[entry.pools[0]]


def rank_of(job: Job, priority: int, tenant: Tenant) -> Rank:
    """A job's place in its tenant's order."""
    known = (s for s in (job.expected_s, job.learnt_s, job.max_s) if s is not None)
    aged = job.submitted + next(known, UNKNOWN_LENGTH_S) if tenant.shortest_first else 0.0
    return (-priority, aged, job.submitted, job.key)


def waited(job: Job, now: float) -> float:
    """Seconds that a job has been pending."""
    return max(0.0, now - _pending_since(job))


def _pending_since(job: Job) -> float:
    return job.submitted if job.pending_since is None else job.pending_since


def _likeness(entry: Pending, *, old: bool) -> Likeness:
    job = entry.job
    return Likeness(
        entry.priority,
        entry.pools,
        job.workers,
        job.min_workers,
        job.gpus_per_worker,
        job.level,
        job.required,
        known_length(job),
        job.entitled_since,
        old,
    )


def _rank(entry: Pending) -> Rank:
    return entry.rank


def _remove(entries: list[Pending], entry: Pending) -> None:
    del entries[bisect_left(entries, entry.rank, key=_rank)]
