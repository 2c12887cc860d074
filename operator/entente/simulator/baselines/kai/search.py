"""The search for a scenario: whom to evict, so that a job finds a place (rules N19, N24).

After pkg/scheduler/actions/common/solvers/{job_solver,by_pod_solver,pod_scenario_builder,sub_scenario_emitter}.go,
pkg/scheduler/plugins/{nodelocalgreedy,multinodegang}/generator.go and pkg/scheduler/actions/common/action.go of
kai-scheduler/KAI-Scheduler: victims are added one by one in a given order; scenarios are formed of those on one node,
then (all over again) of those on several; each is simulated by evicting all its victims and placing the job and them
anew, in the order of queues. Victims that find their own place again are not touched, others that find one are moved.
The first scenario that a rule accepts is taken. A gang is tried with 1, 2, 4, ... of its workers first, each time
beside the victims of the last success.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from entente.simulator.baselines.kai.cluster import Cluster, freed_by, slots
from entente.simulator.baselines.kai.ordering import queue_rank
from entente.simulator.baselines.kai.queues import Queue
from entente.simulator.baselines.kai.work import Unit

MAX_SIMULATED = 64
"""Scenarios simulated for one job. KAI stops after minutes of its own time, which a replay does not know; those that
succeed in replays of real traces do so within half as many.
"""

MAX_FORMED = 512
"""Scenarios formed for one job, those included that are seen to make too little room."""


@dataclass(frozen=True, slots=True)
class Outcome:
    workers: int
    """Of the job, as many as were tried."""
    workers_on: Mapping[str, int]
    """Its place."""
    gone: Sequence[Unit] = ()
    """Victims without a place, in the order in which they were added."""
    moved: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Victims with another place, by their ids."""
    victims: Sequence[Unit] = ()
    """Both."""


class Search:
    """A search for one job.

    Args:
        cluster: As it is; it is changed on trial, and is as before when a method returns.
        unit: What needs a place, and finds none among the free GPUs.
        victims: Makes the running units that may be evicted, in order, each time anew.
        accept: Whether a scenario keeps the rules of the action.
        reach: GPUs on each host that all victims together would free, or more.
        all_placed: Whether no scenario is accepted in which a victim finds no place.
    """

    def __init__(
        self,
        cluster: Cluster,
        unit: Unit,
        victims: Callable[[], Iterator[Unit]],
        accept: Callable[[Outcome], bool],
        reach: Mapping[str, int],
        *,
        all_placed: bool = False,
    ) -> None:
        self._cluster = cluster
        self._unit = unit
        self._victims = victims
        self._accept = accept
        self._base = cluster.hosts.slots(unit.queue.name, unit.gang.gpus)
        self._reach = reach
        self._all_placed = all_placed
        self._left = MAX_SIMULATED
        self._formed = 0
        self._failed: set[tuple[int, frozenset[str]]] = set()

    def solve(self) -> Outcome | None:
        """The first scenario that holds for the whole gang; none if none does, or the search is too long."""
        # all victims at once make the most room there can be
        if slots(self._cluster, self._unit.gang.gpus, self._reach, self._base) < self._unit.gang.workers:
            return None
        for scenarios in (self._by_host, self._by_hosts):
            recorded: Sequence[Unit] = ()
            low, high, workers = 0, self._unit.gang.workers + 1, 1
            while high - low > 1:
                outcome = self._probe(scenarios, workers, recorded)
                if outcome is None:
                    high = workers
                    workers = (low + high) // 2
                else:
                    low, recorded = workers, outcome.victims
                    doubled = min(2 * workers, self._unit.gang.workers)
                    workers = doubled if high > self._unit.gang.workers else (low + high) // 2
            if low and (outcome := self._probe(scenarios, self._unit.gang.workers, recorded)) is not None:
                return outcome
        return None

    def _probe(
        self,
        scenarios: Callable[[int, Sequence[Unit]], Iterator[Sequence[Unit]]],
        workers: int,
        recorded: Sequence[Unit],
    ) -> Outcome | None:
        for units in scenarios(workers, recorded):
            self._formed += 1
            if not self._left or self._formed > MAX_FORMED:
                return None
            if (outcome := self._tried(workers, units)) is not None:
                return outcome
        return None

    def _by_host(self, _: int, recorded: Sequence[Unit]) -> Iterator[Sequence[Unit]]:
        """The victims so far on each host of the last one."""
        if recorded:
            yield recorded
        known = {unit.id for unit in recorded}
        on_host: dict[str, list[Unit]] = {}
        freed = freed_by(recorded)
        for victim in self._victims():
            if victim.id in known:
                continue
            mine, roomy = victim.work.places[victim.id], False
            for host in mine:
                on_host.setdefault(host, []).append(victim)
                freed[host] = freed.get(host, 0) + mine[host] * victim.gang.gpus
                if self._cluster.hosts.free_on(host) + freed[host] >= self._unit.gang.gpus:
                    roomy = True
            if roomy:
                for host in sorted(mine):
                    yield [*recorded, *on_host[host]]

    def _by_hosts(self, workers: int, recorded: Sequence[Unit]) -> Iterator[Sequence[Unit]]:
        """All victims so far on the hosts that are freest with them, of the fewest such hosts on."""
        if recorded:
            yield recorded
        if self._unit.gang.workers == 1:
            # one host is enough for it: these scenarios were all tried
            return
        known = {unit.id for unit in recorded}
        added: list[Unit] = []
        hosts, gpus = self._cluster.hosts, self._unit.gang.gpus
        freed = freed_by(recorded)
        room = slots(self._cluster, gpus, freed, self._base)
        for victim in self._victims():
            if victim.id in known:
                continue
            added.append(victim)
            for host, count in victim.work.places[victim.id].items():
                before = hosts.free_on(host) + freed.get(host, 0)
                freed[host] = freed.get(host, 0) + count * victim.gang.gpus
                room += (hosts.free_on(host) + freed[host]) // gpus - before // gpus
            if room >= workers:
                yield from self._prefixes(workers, recorded, added)

    def _prefixes(self, workers: int, recorded: Sequence[Unit], added: Sequence[Unit]) -> Iterator[Sequence[Unit]]:
        hosts, gpus = self._cluster.hosts, self._unit.gang.gpus
        freed = freed_by(recorded)
        room: dict[str, int] = {}
        on_host: dict[str, list[Unit]] = {}
        for unit in added:
            for host, count in unit.work.places[unit.id].items():
                if host not in room:
                    room[host] = hosts.free_on(host) + freed.get(host, 0)
                room[host] += count * unit.gang.gpus
                on_host.setdefault(host, []).append(unit)
        # a stable sort: hosts with equal room in the order in which they were met
        roomy = sorted((host for host in room if room[host] >= gpus), key=room.__getitem__)
        elsewhere = hosts.free + sum(freed.values()) - sum(hosts.free_on(host) + freed.get(host, 0) for host in room)
        missing = workers * gpus - elsewhere
        count = 0
        while missing > 0 and count < len(roomy):
            missing -= room[roomy[count]]
            count += 1
        step = 1
        while missing <= 0:
            picked = {unit.id for host in roomy[:count] for unit in on_host[host]}
            yield [*recorded, *(unit for unit in added if unit.id in picked)]
            if count >= len(roomy):
                return
            count, step = min(count + step, len(roomy)), 2 * step

    def _tried(self, workers: int, units: Sequence[Unit]) -> Outcome | None:
        """Simulate the scenario, unless it cannot hold or was tried."""
        scenario = (workers, frozenset(unit.id for unit in units))
        if scenario in self._failed:
            return None
        if slots(self._cluster, self._unit.gang.gpus, freed_by(units), self._base) < workers:
            self._failed.add(scenario)
            return None
        self._left -= 1
        outcome = self._simulated(workers, units)
        if outcome is None or not self._accept(outcome):
            self._failed.add(scenario)
            return None
        return outcome

    def _simulated(self, workers: int, units: Sequence[Unit]) -> Outcome | None:
        """Evict the victims, place all anew, and put everything back."""
        claimant = self._unit if workers == self._unit.gang.workers else self._unit.part(workers)
        before = [(unit, self._cluster.lift(unit)) for unit in units]
        after: dict[str, Mapping[str, int]] = {}
        for unit in self._in_turn([claimant, *units]):
            place = self._cluster.place_of(unit)
            if place is not None:
                self._cluster.put(unit, place)
                after[unit.id] = place
            elif unit is claimant or self._all_placed:
                break
        for unit in (claimant, *units):
            if unit.id in after:
                self._cluster.lift(unit)
        for unit, workers_on in before:
            self._cluster.put(unit, workers_on)
        if claimant.id not in after or (self._all_placed and len(after) <= len(units)):
            return None
        touched = [unit for unit, workers_on in before if after.get(unit.id) != workers_on]
        return Outcome(
            workers,
            after[claimant.id],
            gone=[unit for unit in touched if unit.id not in after],
            moved={unit.id: after[unit.id] for unit in touched if unit.id in after},
            victims=touched,
        )

    def _in_turn(self, units: Sequence[Unit]) -> Iterator[Unit]:
        """The units as queues and jobs have their turn, by what the queues have at each moment."""
        waiting: dict[str, list[Unit]] = {}
        queues: dict[str, Queue] = {}
        for unit in sorted(units, key=lambda unit: unit.rank, reverse=True):
            waiting.setdefault(unit.queue.name, []).append(unit)
            queues[unit.queue.name] = unit.queue
        while waiting:
            name = min(
                waiting,
                key=lambda name: queue_rank(queues[name], self._cluster.total, waiting[name][-1].gang.total),
            )
            yield waiting[name].pop()
            if not waiting[name]:
                del waiting[name]
