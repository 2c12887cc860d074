"""A mix of large gangs and small jobs, drawn by a seed: no public trace has gangs of 128 GPUs and more.

Two of six tenants train: a third of all GPU-hours are in gangs of 128, 256 and 384 GPUs. The rest are jobs of up to 64.
Arrivals are a Poisson process, lengths are log-normal; what the whole asks for is set by the scenario's `targetLoad`.
"""

import csv
import io
import math
import random
from collections.abc import Iterator

from entente.engine.model import DAY_S
from entente.simulator.trace import COLUMNS

DAYS = 10.0
LARGE = 128
"""GPUs from which on a gang is a large one."""

_LARGE_SIZES = ((128, 0.6), (256, 0.3), (384, 0.1))
_SMALL_SIZES = ((1, 0.45), (2, 0.15), (4, 0.14), (8, 0.16), (16, 0.06), (32, 0.03), (64, 0.01))
_TRAINING = ("train-a", "train-b")
_OTHERS = ("team-a", "team-b", "team-c", "team-d")
_LARGE_PER_DAY, _SMALL_PER_DAY = 10.0, 2000.0
_LARGE_MEDIAN_S, _SMALL_MEDIAN_S = 4 * 3600.0, 2700.0
_LARGE_SPREAD, _SMALL_SPREAD = 0.7, 1.6
_LONGEST_S = 3 * DAY_S
_PART_OF_TRAINING = 0.3


def written(seed: int) -> str:
    """The mix as a trace in CSV."""
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(COLUMNS)
    for number, row in enumerate(sorted(_drawn(random.Random(seed)))):  # noqa: S311 - a sample, no secret
        at, tenant, gpus, seconds = row
        rows.writerow((f"mix-{number}", tenant, f"{at:.0f}", f"{seconds:.0f}", gpus, "", ""))
    return out.getvalue()


def _drawn(draws: random.Random) -> Iterator[tuple[float, str, int, float]]:
    for at in _arrivals(draws, _LARGE_PER_DAY):
        yield at, draws.choice(_TRAINING), _size(draws, _LARGE_SIZES), _length(draws, _LARGE_MEDIAN_S, _LARGE_SPREAD)
    for at in _arrivals(draws, _SMALL_PER_DAY):
        tenant = draws.choice(_TRAINING if draws.random() < _PART_OF_TRAINING else _OTHERS)
        yield at, tenant, _size(draws, _SMALL_SIZES), _length(draws, _SMALL_MEDIAN_S, _SMALL_SPREAD)


def _arrivals(draws: random.Random, per_day: float) -> Iterator[float]:
    at = draws.expovariate(per_day / DAY_S)
    while at < DAYS * DAY_S:
        yield at
        at += draws.expovariate(per_day / DAY_S)


def _size(draws: random.Random, sizes: tuple[tuple[int, float], ...]) -> int:
    return draws.choices([gpus for gpus, _ in sizes], [weight for _, weight in sizes])[0]


def _length(draws: random.Random, median_s: float, spread: float) -> float:
    return min(_LONGEST_S, max(60.0, draws.lognormvariate(math.log(median_s), spread)))
