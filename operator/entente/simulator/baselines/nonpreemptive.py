"""What all policies have in common that share all hosts and never stop a job."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from entente.simulator.baselines.floor import Floor
from entente.simulator.policy import Action, Place, SimJob, Site


class NonPreemptive(ABC):
    """The books of such a policy; a subclass has the queue.

    Jobs that could not start if they were alone are left out, or they would block a queue for ever. Priorities are
    not looked at: they say nothing across tenants.
    """

    def __init__(self, site: Site) -> None:
        self.site = site
        self.floor = Floor(site, site.nodes.values())
        self._jobs: dict[str, SimJob] = {}
        """Pending and running."""

    @abstractmethod
    def queue(self, job: SimJob) -> None:
        """A job is pending, perhaps again: then in its old place."""

    @abstractmethod
    def freed(self) -> None:
        """GPUs came free: what did not fit is to be tried again."""

    @abstractmethod
    def decide(self, now: float) -> Sequence[Action]: ...

    def started(self, job: SimJob, place: Place) -> Place:
        self.floor.start(job, place)
        return place

    def arrived(self, job: SimJob, now: float) -> None:  # noqa: ARG002 - the protocol's
        if self.floor.ever_fits(job):
            self._jobs[job.key] = job
            self.queue(job)

    def finished(self, key: str, now: float) -> None:  # noqa: ARG002 - the protocol's
        self.floor.end(key)
        del self._jobs[key]
        self.freed()

    def stopped(self, key: str, now: float) -> None:  # noqa: ARG002 - the protocol's
        self.floor.end(key)
        self.queue(self._jobs[key])
        self.freed()

    def restarted(self, key: str, now: float) -> None:  # noqa: B027 - nothing to do, unless estimates are kept
        """A worker failed; the gang stays where it is."""

    def host_lost(self, host: str, now: float) -> None:  # noqa: ARG002 - the protocol's
        self.floor.lose(host)

    def host_back(self, host: str, now: float) -> None:  # noqa: ARG002 - the protocol's
        self.floor.regain(host)
        self.freed()

    def next_wake(self) -> float | None:
        """Nothing happens by itself."""
        return None
