"""Free GPUs of a pool, kept up with every change: sums, and the hosts by how many GPUs are free on them."""

from collections import Counter
from collections.abc import Iterator

from entente.engine.host import Host


class Stock:
    """What is free in one pool.

    A host is taken out before it changes and put back afterwards, so that a change costs the same in any estate.
    """

    def __init__(self) -> None:
        self.open = 0
        """GPUs that nothing uses and that are not held, over all hosts."""
        self.idle = 0
        """GPUs that nothing uses now, held or not."""
        self.coming = 0
        """GPUs that are open once all that is on its way out is gone."""
        self.untouched = 0
        """GPUs of hosts that nobody uses or holds."""
        self.moving: dict[str, Host] = {}
        """Hosts with GPUs that are on their way out, or held."""
        self.open_on: dict[str, int] = {}
        """By host: open GPUs, where there are any."""
        self.counts: Counter[int] = Counter()
        """How many hosts have so many open GPUs."""
        self._by_open: list[dict[str, Host]] = [{}]
        self._by_use: list[dict[str, Host]] = [{}]
        """Hosts with so many GPUs in use by work that stays."""
        self._in_domain: dict[str, dict[int, int]] = {}
        """By domain wider than the narrowest: how many hosts have so many open GPUs."""

    def put(self, host: Host) -> None:
        free = host.open
        self.idle += host.idle
        self.coming += host.coming
        if host.going or host.held:
            self.moving[host.name] = host
        if not (host.using or host.going or host.held):
            self.untouched += host.capacity
        while len(self._by_use) <= host.staying_gpus:
            self._by_use.append({})
        self._by_use[host.staying_gpus][host.name] = host
        if free > 0:
            self.open += free
            self.open_on[host.name] = free
            self.counts[free] += 1
            while len(self._by_open) <= free:
                self._by_open.append({})
            self._by_open[free][host.name] = host
            for domain in host.node.domains[:-1]:
                counts = self._in_domain.setdefault(domain, {})
                counts[free] = counts.get(free, 0) + 1

    def take(self, host: Host) -> None:
        """Count a host no longer."""
        free = host.open
        self.idle -= host.idle
        self.coming -= host.coming
        if host.going or host.held:
            del self.moving[host.name]
        if not (host.using or host.going or host.held):
            self.untouched -= host.capacity
        del self._by_use[host.staying_gpus][host.name]
        if free > 0:
            self.open -= free
            del self.open_on[host.name]
            self.counts[free] -= 1
            del self._by_open[free][host.name]
            for domain in host.node.domains[:-1]:
                self._in_domain[domain][free] -= 1

    def tightest(self, gpus: int, tenant: str) -> Host | None:
        """The host for one worker: one that the tenant is on, else any; the fewest open GPUs in the fullest domains."""
        best: list[Host] = []
        for hosts in self._by_open[max(1, gpus) :]:
            if own := [host for host in hosts.values() if tenant in host.tenants]:
                best = own
                break
            best = best or list(hosts.values())
        return min(best, key=lambda host: (self._crowding(host, gpus), host.node.name), default=None)

    def _crowding(self, host: Host, gpus: int) -> tuple[int, ...]:
        """Open GPUs in the domains around a host, narrow to wide, on hosts with at least so many."""
        around = [self._in_domain[domain] for domain in reversed(host.node.domains[:-1])]
        return tuple(sum(free * count for free, count in counts.items() if free >= gpus) for counts in around)

    def hosts(self, least: int) -> Iterator[Host]:
        """The hosts with at least so many open GPUs, at least one, those with the fewest first."""
        for hosts in self._by_open[max(1, least) :]:
            yield from hosts.values()

    def emptiest(self) -> Iterator[Host]:
        """All hosts, those with the fewest GPUs in use by work that stays first, by name."""
        for hosts in self._by_use:
            for _, host in sorted(hosts.items()):
                yield host

    def room(self, per_worker: int) -> int:
        """Workers that the open GPUs could take, were all of them lent to one job."""
        return sum(len(hosts) * (free // per_worker) for free, hosts in enumerate(self._by_open) if free >= per_worker)
