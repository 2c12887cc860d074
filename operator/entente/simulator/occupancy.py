"""Who is on which host: refuses what cannot be, whatever a policy says."""

from collections.abc import Mapping

from entente.api.amounts import count
from entente.engine.model import Node, Pool


class ImpossibleError(Exception):
    """A policy wants what cannot be; the replay is over, and its results would be worth nothing."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(f"{key}: {message}")


class Occupancy:
    """The GPUs of all hosts, as their pods use them."""

    def __init__(self, pools: Mapping[str, Pool], nodes: Mapping[str, Node]) -> None:
        self._nodes = nodes
        self._exclusive = {name for name, node in nodes.items() if pools[node.pool].exclusive}
        self._free = {name: node.capacity for name, node in nodes.items()}
        self._on: dict[str, dict[str, int]] = {name: {} for name in nodes}
        """By host: GPUs by job."""
        self._tenant: dict[str, str] = {}
        """Of the exclusive hosts that are in use."""
        self._lost: set[str] = set()

    def place(self, key: str, tenant: str, workers_on: Mapping[str, int], gpus_per_worker: int) -> str:
        """A gang starts; returns its pool. Raises ImpossibleError, with nothing changed."""
        pools = set()
        for host, workers in workers_on.items():
            node = self._nodes.get(host)
            if node is None:
                raise ImpossibleError(key, f"there is no host {host!r}")
            pools.add(node.pool)
            self._check(key, tenant, host, workers, gpus_per_worker)
        if len(pools) != 1:
            raise ImpossibleError(key, f"a gang is in one pool, not in {sorted(pools) or 'none'}")
        for host, workers in workers_on.items():
            self._free[host] -= workers * gpus_per_worker
            self._on[host][key] = workers * gpus_per_worker
            if host in self._exclusive:
                self._tenant[host] = tenant
        return pools.pop()

    def _check(self, key: str, tenant: str, host: str, workers: int, gpus_per_worker: int) -> None:
        if workers < 1:
            raise ImpossibleError(key, f"{count(workers, 'worker')} on host {host}")
        if host in self._lost:
            raise ImpossibleError(key, f"host {host} is lost")
        if workers * gpus_per_worker > self._free[host]:
            wanted = workers * gpus_per_worker
            raise ImpossibleError(key, f"{count(wanted, 'GPU')} on host {host}, where {self._free[host]} are free")
        if self._tenant.get(host, tenant) != tenant:
            raise ImpossibleError(key, f"host {host} is another tenant's as long as it has pods there")

    def leave(self, key: str, workers_on: Mapping[str, int]) -> None:
        for host in workers_on:
            self._free[host] += self._on[host].pop(key)
            if not self._on[host]:
                self._tenant.pop(host, None)

    def jobs_on(self, host: str) -> tuple[str, ...]:
        """Jobs with pods there, in the order of their start."""
        return tuple(self._on[host])

    def user_of(self, host: str, gpu: int) -> str | None:
        """The job that uses a GPU of a host, counted from 0; none: it is idle, or the host is lost."""
        for key, gpus in self._on[host].items():
            if gpu < gpus:
                return key
            gpu -= gpus
        return None

    def lose(self, host: str) -> bool:
        """A host is gone, after its pods; false if it was already."""
        if host in self._lost:
            return False
        self._lost.add(host)
        return True

    def bring_back(self, host: str) -> None:
        self._lost.discard(host)
