"""How many hosts a policy needs for a mean delay."""

import math
from dataclasses import replace
from typing import Any

from bench.replay.cases import Case, ReplayRun
from bench.replay.runs import Runs
from entente.simulator.figures import HOUR_S, mean
from entente.simulator.setting import SettingError

_MOST_TIMES = 8
"""Of what is asked for on average: with so many GPUs nobody should wait for long."""

_ROOM = 1.25
"""The search begins with so many times what is asked for on average, and goes on by as much: with no more hosts than
are asked for jobs pile up until the trace ends, which takes longest to replay and is known not to be enough."""

_STEP = 0.01
"""The search ends when it is known to this part."""


def equal_delay(runs: Runs, case: Case, policy: str, most_h: float) -> dict[str, Any]:
    """The least number of GPUs with which the mean delay is at most so many hours, by bisection over hosts.

    The mean delay falls with the number of hosts but for small steps, since the quotas change with it; the search is
    among numbers of hosts that differ by at least 1 %.

    Raises:
        ValueError: not even with very many GPUs.
    """
    setting = case.setting()
    capacity = sum(node.capacity for node in setting.site.nodes.values())
    each = capacity // len(setting.site.nodes)
    asked = math.ceil(setting.load * capacity / each)
    tried: dict[int, float] = {}

    def enough(hosts: int) -> bool:
        tried[hosts] = _delay_h(runs, replace(case, hosts=hosts), policy)
        return tried[hosts] <= most_h

    many = math.ceil(asked * _ROOM)
    while not enough(many):
        if many > asked * _MOST_TIMES:
            message = f"{policy}: the mean delay is {tried[many]:.2f} h with {many} hosts, and is to be {most_h} h"
            raise ValueError(message)
        many = math.ceil(many * _ROOM)
    few = max((hosts for hosts in tried if hosts < many), default=None)
    while few is None:  # so little is asked for that fewer hosts than that may be enough
        if many > 1 and enough(many * 4 // 5):
            many = many * 4 // 5
        else:
            few = many * 4 // 5
    while many - few > max(1, math.floor(_STEP * many)):
        middle = (few + many) // 2
        few, many = (few, middle) if enough(middle) else (middle, many)
    return {
        "hosts": many,
        "gpus": many * each,
        "mean_queue_h": round(tried[many], 4),
        "tried": {str(hosts * each): None if math.isinf(h) else round(h, 4) for hosts, h in sorted(tried.items())},
        "code": runs.code(ReplayRun(case, policy)),
    }


def _delay_h(runs: Runs, case: Case, policy: str) -> float:
    """The mean delay in hours; infinite where the guarantees cannot even be given out."""
    try:
        outcome = runs.get(ReplayRun(case, policy)).outcome
    except SettingError:
        return math.inf
    if any(job.end is None for job in outcome.jobs.values()):
        return math.inf
    return (mean([job.delay_s for job in outcome.jobs.values() if job.delay_s is not None]) or 0.0) / HOUR_S
