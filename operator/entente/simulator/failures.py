"""Failures of GPUs: a Poisson process over the whole estate, the same for every policy."""

import bisect
import itertools
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from entente.engine.model import DAY_S, Node

_THOUSAND = 1000


@dataclass(frozen=True, slots=True)
class Failure:
    at: float
    host: str
    gpu: int
    """On its host, counted from 0."""


def failures(nodes: Mapping[str, Node], per_thousand_gpus_per_day: float, seed: int) -> Iterator[Failure]:
    """Failures from time 0 on, without end; which GPU fails is drawn whether it is in use or not."""
    draws = random.Random(seed)  # noqa: S311 - a sample, no secret
    names = list(nodes)
    ends = list(itertools.accumulate(nodes[name].gpus for name in names))
    rate = ends[-1] * per_thousand_gpus_per_day / _THOUSAND / DAY_S
    at = 0.0
    while True:
        at += draws.expovariate(rate)
        gpu = draws.randrange(ends[-1])
        place = bisect.bisect_right(ends, gpu)
        yield Failure(round(at, 3), names[place], gpu - (ends[place] - nodes[names[place]].gpus))
