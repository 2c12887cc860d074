"""Shapes of jobs: what a gang asks for, drawn from a seed; small ones are common, those of thousands of GPUs rare."""

import random
from collections.abc import Container
from dataclasses import dataclass, replace
from itertools import accumulate

from entente.api.job import Phase
from entente.engine.model import Job, Placement

HOST_GPUS = 8
SHAPES = 500
BLOCK = "topology.entente.dev/block"
RACK = "topology.entente.dev/rack"
HOSTNAME = "kubernetes.io/hostname"
LEVELS = (BLOCK, RACK, HOSTNAME)
PRIORITIES = {"low": 10, "default": 100, "high": 500, "frontier": 1000}
RACK_GPUS = 128
REQUIRED_SHARE = 0.3
"""Of the gangs that name a level."""

_SIZES = {1: 300, 2: 110, 3: 20, 4: 130, 6: 20, 8: 200, 16: 90, 24: 20, 32: 45, 48: 10, 64: 25, 96: 5, 128: 12}
_LARGE = {256: 6, 512: 3, 1024: 1.2, 2048: 0.5, 4096: 0.2}
_GPUS = _SIZES | _LARGE
"""How common gangs of so many GPUs are, in thousandths of the jobs."""


@dataclass(frozen=True, slots=True)
class Shape:
    workers: int
    gpus_per_worker: int
    priority: str | None
    level: str | None
    required: bool
    length_s: float
    """How long such jobs run."""
    expected_s: float | None
    learnt_s: float | None
    max_s: float | None
    elastic: tuple[int, int] | None
    interval_s: float | None
    grace_s: float | None
    weight: float
    """How common it is."""

    @property
    def gpus(self) -> int:
        """Of all workers."""
        return self.workers * self.gpus_per_worker

    @property
    def shrunk(self) -> "Shape":
        """With the least workers, as it runs where others wait."""
        return replace(self, workers=self.elastic[0]) if self.elastic else self

    def job(self, number: int, tenant: str, submitted: float) -> Job:
        least, most = self.elastic or (self.workers, self.workers)
        return Job(
            key=f"{tenant}-research/job-{number:07d}",
            tenant=tenant,
            workers=self.workers,
            gpus_per_worker=self.gpus_per_worker,
            submitted=submitted,
            min_workers=least,
            max_workers=most,
            elastic=self.elastic is not None,
            priority=self.priority,
            level=self.level,
            required=self.required,
            interval_s=self.interval_s,
            grace_s=self.grace_s,
            expected_s=self.expected_s,
            learnt_s=self.learnt_s,
            max_s=self.max_s,
            pending_since=submitted,
        )

    def running(self, job: Job, placement: Placement, started: float) -> Job:
        return replace(
            job, phase=Phase.RUNNING, placement=placement, since=started, started=started, pending_since=None
        )


class Catalogue:
    """All shapes; each size has some, the common ones more."""

    def __init__(self, dice: random.Random) -> None:
        sizes = [*_GPUS, *dice.choices(list(_GPUS), list(_GPUS.values()), k=SHAPES - len(_GPUS))]
        self.shapes = tuple(_shape(dice, gpus, _GPUS[gpus] / sizes.count(gpus)) for gpus in sizes)
        self._weights = list(accumulate(s.weight for s in self.shapes))

    def draw(self, dice: random.Random, among: Container[str | None] | None = None) -> Shape:
        """One of them, as often as it is common; of these priorities, if any are named."""
        while True:
            shape = dice.choices(self.shapes, cum_weights=self._weights)[0]
            if among is None or shape.priority in among:
                return shape


def _shape(dice: random.Random, gpus: int, weight: float) -> Shape:
    size = dice.choice([n for n in (1, 2, 4, 8) if gpus % n == 0 and n * 4 >= min(gpus, HOST_GPUS)])
    workers = gpus // size
    level, required = _topology(dice, gpus)
    length = dice.choice((600.0, 1800.0, 3600.0, 4 * 3600.0, 12 * 3600.0, 48 * 3600.0))
    said = dice.random()
    elastic = workers >= 4 and dice.random() < 0.2  # noqa: PLR2004 - fewer workers leave nothing to shrink
    return Shape(
        workers=workers,
        gpus_per_worker=size,
        priority=dice.choices((None, *PRIORITIES), (40, 20, 20, 15, 5))[0],
        level=level,
        required=required,
        length_s=length,
        expected_s=length * dice.choice((1.0, 1.5)) if said < 0.5 else None,  # noqa: PLR2004 - half of the users say
        learnt_s=length if said > 0.7 else None,  # noqa: PLR2004 - of some that do not, the like has run before
        max_s=length * 2 if dice.random() < 0.4 else None,  # noqa: PLR2004 - a part sets a limit
        elastic=(workers // 2, workers * 2) if elastic else None,
        interval_s=dice.choice((None, 600.0, 1800.0)),
        grace_s=dice.choice((None, None, 60.0, 120.0)),
        weight=weight,
    )


def _topology(dice: random.Random, gpus: int) -> tuple[str | None, bool]:
    """A level that can hold it; most that name one only prefer it."""
    if gpus <= HOST_GPUS:
        return None, False
    level = dice.choice((None, RACK if gpus <= RACK_GPUS else BLOCK, BLOCK))
    return level, level is not None and dice.random() < REQUIRED_SHARE
