"""What was decided. Who waits why, who runs by what right, and the books are worked out when they are asked for."""

from collections.abc import Iterable, Mapping
from functools import cached_property

from entente.api.reasons import Reason
from entente.engine.books import books, carried_out
from entente.engine.cycle import Cycle, begin, claim_of, walk_all
from entente.engine.decisions import Action, Decision, Evict, Grow, Hold, Plan, PoolBook, Shrink, Standing, Start, Wait
from entente.engine.explain import Explanation, explain
from entente.engine.holding import take_in_holds
from entente.engine.queues import Pending
from entente.engine.screening import Refusal
from entente.engine.serving import Unplaced
from entente.engine.telling import held
from entente.engine.walk import ENTITLED, Walk

_ORDER = (Start, Hold, Evict, Shrink, Grow)


class Verdict:
    """One decision about a state. All of it must be asked for before the state changes.

    Everything is as in a `Plan`, which it gives as a whole.
    """

    def __init__(self, cycle: Cycle, unplaced: Unplaced) -> None:
        self._cycle, self._unplaced = cycle, unplaced
        self._known: dict[object, Explanation] = {}
        self._open = True
        self.actions: tuple[Action, ...] = _sorted(cycle.decisions)
        """What is to be done: by action, then by job."""

    def close(self) -> None:
        """Take back what the decision did to the state, which is about to change."""
        if self._open:
            self._open = False
            self._cycle.estate.undo()

    @property
    def decisions(self) -> tuple[Decision, ...]:
        """What is to be done, and who waits why."""
        return (*self.actions, *self.waits)

    @cached_property
    def noticed(self) -> frozenset[str]:
        """Waiting entitled jobs for which the pool's notice runs."""
        cycle = self._ask()
        found = {key for key, hold in cycle.estate.holds.items() if cycle.class_of(hold) is ENTITLED}
        for tenant, walk in cycle.walks.items():
            for key in walk.homes:
                entry = cycle.state.queues[tenant].get(key)
                if entry is not None and key not in cycle.out and self._explain(entry).owed:
                    found.add(key)
        return frozenset(found)

    @cached_property
    def lapsed(self) -> frozenset[str]:
        """Pending jobs that were told to have a hold and lost it: its GPUs are no longer being freed in time."""
        cycle = self._ask()
        placed = {d.job for d in self.actions if isinstance(d, Start | Hold)}
        kept = cycle.estate.holds.keys() | placed
        return frozenset(k for k in cycle.state.holding if k not in kept and cycle.snapshot.jobs[k].is_pending)

    @cached_property
    def waits(self) -> tuple[Wait, ...]:
        cycle = self._ask()
        found = [self._wait_for_hold(key) for key in cycle.estate.holds if self._waits_for_hold(key)]
        for tenant in cycle.state.tenants:
            for position, entry in enumerate(cycle.pending(tenant), start=1):
                found.append(self._wait(entry, position))
        found += [self._wait_in_vain(key, refusal) for key, refusal in cycle.refused().items()]
        return tuple(sorted(found, key=lambda w: w.job))

    def wait_of(self, key: str) -> Wait | None:
        """Why one job waits, if it does: that costs less than to ask for all."""
        cycle = self._ask()
        if key in cycle.estate.holds:
            return self._wait_for_hold(key) if self._waits_for_hold(key) else None
        if refusal := cycle.refusal_of(key):
            return self._wait_in_vain(key, refusal)
        job = cycle.snapshot.jobs[key]
        queue = cycle.state.queues.get(job.tenant or "")
        entry = queue.get(key) if queue else None
        if queue is None or entry is None or key in cycle.out:
            return None
        gone = cycle.out | cycle.spent.get(job.tenant or "", set())
        before = sum(other.rank < entry.rank for k in gone if (other := queue.get(k)))
        return self._wait(entry, queue.place(entry) - before)

    @cached_property
    def standings(self) -> Mapping[str, Standing]:
        """By what right each job runs, or would; by job."""
        cycle, found = self._ask(), dict[str, Standing]()
        for tenant in cycle.state.tenants:
            walk = cycle.walks[tenant]
            keys = {*walk.classes, *(e.job.key for e in cycle.state.queues[tenant])}
            keys -= cycle.spent.get(tenant, set())
            found.update((key, self._standing(walk, key)) for key in keys)
        return dict(sorted(found.items()))

    def on_call(self, keys: Iterable[str]) -> frozenset[str]:
        """Those of these jobs that run on GPUs that are reserved for another."""
        self._ask()
        return frozenset(key for key in keys if self._on_call(key))

    @cached_property
    def books(self) -> Mapping[str, PoolBook]:
        """The figures of every pool after `Start`, `Grow` and `Shrink` and before any `Hold`."""
        cycle = self._ask()
        again = cycle.estate.undo()
        cycle.estate.watch()
        before = opened(begin(cycle.state, cycle.now))
        carried_out(before, self._cycle.decisions)
        found = books(before)
        cycle.estate.undo()
        cycle.estate.redo(again)
        return found

    def plan(self) -> Plan:
        return Plan(self.decisions, self.standings, self.books)

    def _ask(self) -> Cycle:
        if not self._open:
            message = "what a verdict does not say yet must be asked for before the planner is told more"
            raise RuntimeError(message)
        return self._cycle

    def _standing(self, walk: Walk, key: str) -> Standing:
        workers = walk.entitled_workers.get(key, 0)
        return Standing(walk.class_of(key), workers, key in self.noticed, self._on_call(key))

    def _wait(self, entry: Pending, position: int) -> Wait:
        why = self._explain(entry)
        return Wait(entry.job.key, why.reason, why.message, why.eta, position)

    def _wait_for_hold(self, key: str) -> Wait:
        hold = self._cycle.estate.holds[key]
        until = max(self._cycle.now, hold.job.hold_until or 0.0)
        return Wait(key, Reason.HELD, held(hold.job, hold.pool, hold.workers), until)

    def _wait_in_vain(self, key: str, refusal: Refusal) -> Wait:
        eta = self._cycle.snapshot.jobs[key].backoff_until if refusal.reason is Reason.BACKOFF else None
        return Wait(key, refusal.reason, refusal.message, eta)

    def _waits_for_hold(self, key: str) -> bool:
        """Whether a job waits for a hold of an earlier decision: the others have a decision of their own."""
        job = self._cycle.snapshot.jobs[key]
        return job.is_pending and not any(isinstance(d, Hold) and d.job == key for d in self.actions)

    def _explain(self, entry: Pending) -> Explanation:
        cycle, unplaced, key = self._cycle, self._unplaced, entry.job.key
        tenant, reservation = entry.job.tenant or "", self._unplaced.reserved.get(entry.job.key)
        claim = unplaced.claims.get(key) or claim_of(cycle, entry, cycle.walks[tenant].counts_in(entry), first=False)
        if reservation and reservation.pool is not claim.pool:
            claim = claim_of(cycle, entry, reservation.pool.name, first=claim.first)
        like = cycle.state.queues[tenant].group_of(key).like
        alike = (tenant, like, claim.class_, claim.pool.name, key if reservation else "")
        if alike not in self._known:
            self._known[alike] = explain(cycle, claim, reservation)
        return self._known[alike]

    def _on_call(self, key: str) -> bool:
        """Whether a job that was started on call still is: until nothing is reserved on its nodes any more."""
        running = self._cycle.estate.running.get(key)
        if running is None or not running.on_call:
            return False
        return any(not running.nodes.keys().isdisjoint(r.gpus) for r in self._cycle.reservations[running.pool])


def opened(cycle: Cycle) -> Cycle:
    """A decision at its beginning: with the holds of earlier ones, and everybody's class."""
    take_in_holds(cycle)
    walk_all(cycle)
    return cycle


def _sorted(actions: list[Action]) -> tuple[Action, ...]:
    def rank(action: Action) -> tuple[int, str, int]:
        workers = -action.workers if isinstance(action, Shrink) else 0
        return (_ORDER.index(type(action)), action.job, workers)

    return tuple(sorted(actions, key=rank))
