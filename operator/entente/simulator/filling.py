"""How full an estate gets: pods arrive and stay, until as many GPUs are asked for as there are.

The experiment of Weng et al., "Beware of fragmentation: scheduling GPU-sharing workloads with fragmentation gradient
descent" (USENIX ATC 2023): pods drawn from a trace with replacement come one after the other and never end; what is not
given out when 100 % is asked for is lost to fragmentation. Here GPUs are whole, so a part of one counts as one.
"""

import bisect
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from entente.simulator.gangs import gang
from entente.simulator.policy import Policy, SimJob, Site
from entente.simulator.replay import Conditions, Replay
from entente.simulator.trace import TraceJob

OPENB_HOSTS = (8,) * 617 + (4,) * 54 + (2,) * 518 + (1,) * 24
"""GPUs of the hosts of Alibaba's cluster-trace-gpu-v2023: 6,212 on 1,213 hosts, whatever their kind."""

BETWEEN_S = 60.0
"""Between two arrivals, in seconds: time enough for a job to be moved before the next one comes."""

SETTLING_S = 7200.0
"""From the last arrival to the count."""

_FOR_EVER_S = 1e9


@dataclass(frozen=True, slots=True)
class Filled:
    """What was given out in the end, in GPUs."""

    capacity: int
    asked: int
    allocated: int

    @property
    def unallocated(self) -> int:
        return self.capacity - self.allocated


def drawn(trace: Sequence[TraceJob], gpus: int, seed: int) -> list[TraceJob]:
    """Pods of a trace, with replacement, until exactly so many GPUs are asked for.

    Raises:
        ValueError: The trace is empty.
    """
    if not trace:
        msg = "trace: no job is given, at least one is needed"
        raise ValueError(msg)
    draws = random.Random(seed)  # noqa: S311 - a sample, no secret
    pods, left = list[TraceJob](), gpus
    small = trace
    while left:
        small = small if all(pod.gpus <= left for pod in small) else [pod for pod in small if pod.gpus <= left]
        if not small:
            break
        pods.append(draws.choice(small))
        left -= pods[-1].gpus
    return pods


def arrivals(pods: Iterable[TraceJob], site: Site) -> list[tuple[SimJob, float]]:
    """The pods as jobs that come one after the other and never end."""
    largest = max(node.capacity for node in site.nodes.values())
    jobs = []
    for i, pod in enumerate(pods):
        workers, gpus = gang(pod.gpus, largest)
        pools = tuple(pool for pool in site.tenants[pod.tenant].terms if pool in site.pools)
        jobs.append((SimJob(f"{pod.tenant}/{i}", pod.tenant, workers, gpus, i * BETWEEN_S, pools), _FOR_EVER_S))
    return jobs


def fill(site: Site, jobs: Sequence[tuple[SimJob, float]], policy: Policy) -> Filled:
    """Let all the jobs come, and count the GPUs given out when they have settled."""
    end = jobs[-1][0].submitted + SETTLING_S if jobs else 0.0
    outcome = Replay(site, jobs, policy, conditions=Conditions(), window_s=end).run()
    return Filled(
        capacity=sum(node.capacity for node in site.nodes.values()),
        asked=sum(job.gpus for job, _ in jobs),
        allocated=sum(_at(series.at, series.held, end) for series in outcome.series.values()),
    )


def _at(times: Sequence[float], values: Sequence[int], moment: float) -> int:
    """The value from the last change before a moment on."""
    changes = bisect.bisect_right(times, moment)
    return values[changes - 1] if changes else 0
