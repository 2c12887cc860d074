"""Free GPUs of simulated hosts, and best-fit placement of gangs: what every baseline policy places its jobs by.

The engine has a placement of its own, with topology and reservations; the baselines do not use it, so that a flaw there
cannot flatter the comparison. Hosts are kept in one bucket for each number of free GPUs. A bucket is an integer with a
bit for each host: the first host of a bucket, the intersection with a tenant's hosts and a count are single operations,
and a tie always goes to the host that was given first.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple, Self


class Gang(NamedTuple):
    """The shape of a job: identical workers that start together or not at all."""

    workers: int
    gpus: int
    """GPUs of each worker, all on one host."""

    @property
    def total(self) -> int:
        """GPUs of all workers."""
        return self.workers * self.gpus


@dataclass(frozen=True, slots=True)
class Placed:
    tenant: str
    gang: Gang
    workers_on: Mapping[str, int]
    """Workers on each host."""


class Hosts:
    """Hosts with GPUs, and the gangs on them.

    Args:
        gpus: GPUs of each host; of equal candidates the one named first is taken.
        exclusive: Never two tenants on a host at once, and a host counts wholly to the tenant that has it.

    Raises:
        ValueError: A host has a negative number of GPUs.
    """

    def __init__(self, gpus: Mapping[str, int], *, exclusive: bool = False) -> None:
        for name, count in gpus.items():
            if count < 0:
                msg = f"host {name}: GPUs: {count} given, allowed are 0 and more"
                raise ValueError(msg)
        self.exclusive = exclusive
        self._names = tuple(gpus)
        self._index = MappingProxyType({name: i for i, name in enumerate(self._names)})
        self._gpus = list(gpus.values())
        self._free = list(self._gpus)
        self._usable = [True] * len(self._gpus)
        self._buckets = [0] * (max(self._gpus, default=0) + 1)
        self._counts = [0] * len(self._buckets)
        self._empty = 0
        self._own: dict[str, int] = {}
        self._gangs_on = [0] * len(self._gpus)
        self._charges: dict[str, int] = {}
        self._placed: dict[str, Placed] = {}
        self._free_total = 0
        for i in range(len(self._gpus)):
            self._enter(i)

    def copy(self) -> Self:
        """The same hosts with the same gangs, to be changed on trial."""
        twin = object.__new__(type(self))
        for name, value in vars(self).items():
            setattr(twin, name, value.copy() if isinstance(value, list | dict) else value)
        return twin

    @property
    def capacity(self) -> int:
        """GPUs of all hosts that are up."""
        return sum(gpus for gpus, usable in zip(self._gpus, self._usable, strict=True) if usable)

    @property
    def free(self) -> int:
        """GPUs that no gang has, on hosts that are up; on exclusive hosts not all of them are for everybody."""
        return self._free_total

    @property
    def largest(self) -> int:
        """GPUs of the largest host, up or not."""
        return len(self._buckets) - 1

    @property
    def placed(self) -> Mapping[str, Placed]:
        """What is where, by key, in the order of placement."""
        return self._placed

    def free_on(self, host: str) -> int:
        """GPUs of this host that no gang has, whether it is up or not."""
        return self._free[self._index[host]]

    def charge(self, tenant: str) -> int:
        """GPUs that count as the tenant's: its gangs', or all of its hosts' where these are exclusive."""
        return self._charges.get(tenant, 0)

    def extra_charge(self, tenant: str, gang: Gang, workers_on: Mapping[str, int]) -> int:
        """By how much the tenant's charge would grow if the gang went there."""
        if not self.exclusive:
            return gang.total
        own = self._own.get(tenant, 0)
        return sum(self._gpus[i] for i in map(self._index.__getitem__, workers_on) if not own >> i & 1)

    def fits(self, tenant: str, gang: Gang) -> bool:
        """Whether the whole gang can be placed now; cheap, above all where it cannot."""
        return self._free_total >= gang.total and self.slots(tenant, gang.gpus, gang.workers) >= gang.workers

    def slots(self, tenant: str, gpus: int, enough: int | None = None) -> int:
        """How many workers with so many GPUs each have room now; counts no further than to `enough`."""
        if not self.exclusive:
            counts = self._counts
            return sum(counts[f] * (f // gpus) for f in range(gpus, len(counts)))
        allowed = self._own.get(tenant, 0) | self._empty
        slots = 0
        for free in range(len(self._buckets) - 1, gpus - 1, -1):
            slots += (self._buckets[free] & allowed).bit_count() * (free // gpus)
            if enough is not None and slots >= enough:
                break
        return slots

    def find(self, tenant: str, gang: Gang) -> dict[str, int] | None:
        """Where the gang would go: its workers on each host, or none when it does not fit.

        If one host can hold it all: the one with the least free GPUs. Otherwise it is spread over as few hosts as can
        be: first empty hosts that it fills wholly, then the hosts with most room, and best fit for the rest. A tenant's
        own exclusive hosts come before empty ones, except for whole hosts.
        """
        if (whole := self._best(tenant, gang.total, 0)) is not None:
            return {self._names[whole]: gang.workers}
        if not self.fits(tenant, gang):
            return None
        workers_on: dict[int, int] = {}
        left, taken = self._fill_empty(gang, workers_on)
        while left:
            best = self._best(tenant, left * gang.gpus, taken)
            if best is None:
                best = self._roomiest(tenant, taken)
            workers_on[best] = min(left, self._free[best] // gang.gpus)
            left -= workers_on[best]
            taken |= 1 << best
        return {self._names[i]: workers for i, workers in workers_on.items()}

    def place(self, key: str, tenant: str, gang: Gang) -> dict[str, int] | None:
        """Place the gang, if it fits, and say where it is.

        Raises:
            ValueError: The key is on hosts already.
        """
        workers_on = self.find(tenant, gang)
        if workers_on is not None:
            self.restore(key, Placed(tenant, gang, workers_on))
        return workers_on

    def restore(self, key: str, placed: Placed) -> None:
        """Put a gang on these very hosts.

        Raises:
            ValueError: The key is on hosts already, or a host lacks the GPUs, or is another tenant's, or is down.
        """
        if key in self._placed:
            msg = f"{key}: is on hosts already"
            raise ValueError(msg)
        for host, workers in placed.workers_on.items():
            self._check(key, placed, self._index[host], workers)
        for host, workers in placed.workers_on.items():
            self._take(self._index[host], placed.tenant, workers * placed.gang.gpus)
        self._placed[key] = placed

    def release(self, key: str) -> Placed:
        """Take a gang off its hosts.

        Raises:
            KeyError: No such gang is placed.
        """
        placed = self._placed.pop(key)
        for host, workers in placed.workers_on.items():
            self._give_back(self._index[host], placed.tenant, workers * placed.gang.gpus)
        return placed

    def lose(self, host: str) -> list[str]:
        """A host goes down: nothing can be placed there. Returns the keys of the gangs that have workers on it."""
        i = self._index[host]
        if self._usable[i]:
            self._leave(i)
            self._usable[i] = False
        return [key for key, placed in self._placed.items() if host in placed.workers_on]

    def regain(self, host: str) -> None:
        i = self._index[host]
        if not self._usable[i]:
            self._usable[i] = True
            self._enter(i)

    @contextmanager
    def hidden(self, gpus: Mapping[str, int]) -> Iterator[None]:
        """As if so many of the free GPUs of these hosts were taken, meanwhile.

        Raises:
            ValueError: A host has fewer free GPUs.
        """
        hidden = [(self._index[host], count) for host, count in gpus.items() if count]
        for i, count in hidden:
            if count > self._free[i]:
                msg = f"host {self._names[i]} has {self._free[i]} free GPUs, {count} are to be hidden"
                raise ValueError(msg)
        for i, count in hidden:
            self._change(i, -count)
        try:
            yield
        finally:
            for i, count in hidden:
                self._change(i, count)

    def _best(self, tenant: str, gpus: int, but: int) -> int | None:
        """The host with the least free GPUs that are enough; `but` has a bit for each host not to be taken."""
        if gpus >= len(self._buckets):
            return None
        for allowed in self._allowed(tenant):
            for free in range(gpus, len(self._buckets)):
                if hosts := self._buckets[free] & allowed & ~but:
                    return _first(hosts)
        return None

    def _roomiest(self, tenant: str, but: int) -> int:
        """The host with the most free GPUs, in a case where there is one."""
        for free in range(len(self._buckets) - 1, 0, -1):
            for allowed in self._allowed(tenant):
                if hosts := self._buckets[free] & allowed & ~but:
                    return _first(hosts)
        msg = "no host has a free GPU"
        raise AssertionError(msg)

    def _allowed(self, tenant: str) -> tuple[int, ...]:
        """Hosts that the tenant may use, as sets of bits, those to be preferred first."""
        return (self._own.get(tenant, 0), self._empty) if self.exclusive else (-1,)

    def _fill_empty(self, gang: Gang, workers_on: dict[int, int]) -> tuple[int, int]:
        """Fill empty hosts wholly, the largest first; returns the workers left over and the hosts' bits."""
        left, taken = gang.workers, 0
        for free in range(len(self._buckets) - 1, gang.gpus - 1, -1):
            room = free // gang.gpus
            hosts = self._buckets[free] & self._empty
            while hosts and left >= room:
                i = _first(hosts)
                workers_on[i] = room
                left -= room
                hosts ^= 1 << i
                taken |= 1 << i
        return left, taken

    def _check(self, key: str, placed: Placed, i: int, workers: int) -> None:
        needed = workers * placed.gang.gpus
        name = self._names[i]
        if not self._usable[i]:
            msg = f"{key}: host {name} is down"
        elif self._free[i] < needed:
            msg = f"{key}: host {name} has {self._free[i]} free GPUs, {needed} are needed"
        elif self.exclusive and self._gangs_on[i] and not self._own.get(placed.tenant, 0) >> i & 1:
            msg = f"{key}: host {name} is another tenant's"
        else:
            return
        raise ValueError(msg)

    def _take(self, i: int, tenant: str, gpus: int) -> None:
        self._leave(i)
        self._free[i] -= gpus
        self._gangs_on[i] += 1
        if not self.exclusive:
            self._charges[tenant] = self._charges.get(tenant, 0) + gpus
        elif self._gangs_on[i] == 1:
            self._own[tenant] = self._own.get(tenant, 0) | 1 << i
            self._charges[tenant] = self._charges.get(tenant, 0) + self._gpus[i]
        self._enter(i)

    def _give_back(self, i: int, tenant: str, gpus: int) -> None:
        if self._usable[i]:
            self._leave(i)
        self._free[i] += gpus
        self._gangs_on[i] -= 1
        if not self.exclusive:
            self._charges[tenant] -= gpus
        elif not self._gangs_on[i]:
            self._own[tenant] ^= 1 << i
            self._charges[tenant] -= self._gpus[i]
        if self._usable[i]:
            self._enter(i)

    def _change(self, i: int, free: int) -> None:
        """So many more free GPUs on a host."""
        if self._usable[i]:
            self._leave(i)
        self._free[i] += free
        if self._usable[i]:
            self._enter(i)

    def _enter(self, i: int) -> None:
        """Put a host into the bucket of its free GPUs."""
        free, bit = self._free[i], 1 << i
        self._buckets[free] |= bit
        self._counts[free] += 1
        self._free_total += free
        if not self._gangs_on[i]:
            self._empty |= bit

    def _leave(self, i: int) -> None:
        """Take a host out of its bucket."""
        free, bit = self._free[i], 1 << i
        self._buckets[free] ^= bit
        self._counts[free] -= 1
        self._free_total -= free
        self._empty &= ~bit


def _first(hosts: int) -> int:
    """The lowest bit that is set."""
    return (hosts & -hosts).bit_length() - 1
