"""How long jobs are expected to run, learnt in a replay by tenant and size.

Jobs of a trace have no names of their own, so that those of one tenant and size are alike.
"""

from entente.engine.learning import Lengths
from entente.simulator.policy import SimJob

Likeness = tuple[str, int, int]
"""Tenant, workers and GPUs of each."""

_NEWS = 1.25
"""Jobs that wait are told anew when what is expected has changed by this factor: the order hardly depends on less."""


def likeness(job: SimJob) -> Likeness:
    """What jobs have in common that are expected to run about as long."""
    return (job.tenant, job.workers, job.gpus_per_worker)


class Learner:
    """What is learnt from finished jobs, and when those that wait are to be told."""

    def __init__(self) -> None:
        self.lengths = Lengths()
        self._told: dict[Likeness, float] = {}

    def learn(self, like: Likeness, seconds: float) -> bool:
        """One more has finished; whether those that wait are to be told."""
        self.lengths.learn(like, seconds)
        expected, told = self.lengths.expected(like) or 0.0, self._told.get(like)
        news = told is None or not told / _NEWS <= expected <= told * _NEWS
        if news:
            self._told[like] = expected
        return news
