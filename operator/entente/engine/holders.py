"""Who has which hosts of an `Exclusive` pool at a later moment, and what of that is left when jobs give GPUs."""

from collections.abc import Mapping

from entente.engine.estate import Estate
from entente.engine.outlook import Freed, Outlook, gpus_of


class Holders:
    """The tenants on each host, as one of them sees it.

    Args:
        estate: the state of the decision.
        outlook: the hosts at that moment.
        tenant: who sees them.
    """

    def __init__(self, estate: Estate, outlook: Outlook, tenant: str) -> None:
        self._estate, self._outlook, self._tenant = estate, outlook, tenant
        self._had: dict[tuple[str, str], int] = {}

    def has(self, name: str, tenant: str) -> int:
        """GPUs that a tenant will have on a host, in use or held, if nobody is evicted."""
        if (name, tenant) not in self._had:
            host, over = self._estate.hosts[name], self._outlook.over
            uses = (use for key, use in (*host.using.items(), *host.held.items()) if key not in over)
            self._had[name, tenant] = sum(use.gpus for use in uses if use.tenant == tenant)
        return self._had[name, tenant]

    def left(self, tenant: str, given: Mapping[str, int]) -> dict[str, int]:
        """Hosts, with their GPUs, that a tenant is charged for no more once its jobs have given so many on each."""
        hosts = self._estate.hosts
        return {name: hosts[name].node.offered for name, gpus in given.items() if gpus >= self.has(name, tenant)}

    def given(self, freed: Freed) -> dict[str, dict[str, int]]:
        """By tenant and host: GPUs that these jobs give."""
        given: dict[str, dict[str, int]] = {}
        for key, nodes in freed.items():
            hosts = given.setdefault(self._estate.running[key].tenant, {})
            for name, gpus in nodes.items():
                hosts[name] = hosts.get(name, 0) + gpus
        return given

    def others_on(self, name: str) -> dict[str, int]:
        """GPUs of each job of another tenant on a host that the tenant may come to use."""
        plot = self._outlook.plot(name)
        return {key: gpus_of(plot.host, key) for key, user in plot.users.items() if user != self._tenant}

    def crowded(self, name: str, most: float) -> bool:
        """Whether others will have more GPUs than that on a host, other than on call."""
        others = self.others_on(name)
        if sum(others.values()) <= most:
            return False
        running = self._estate.running
        return not all(key in running and running[key].on_call for key in others)
