"""Observing: a job that something has happened to takes the steps of its state machine, alone."""

import logging
from collections.abc import Callable
from collections.abc import Set as AbstractSet

from entente.api.core import PodRecord
from entente.api.job import Phase
from entente.metrics.instruments import Instruments
from entente.metrics.stage import Stage
from entente.metrics.waste import WasteCause
from entente.operator.setbacks import Setbacks
from entente.operator.tracked import Tracked
from entente.workload.progress import View, advance

_log = logging.getLogger(__name__)

_MOST_STEPS = 6
"""Steps of one job in one cycle: from waiting over a start made before a crash to its end."""

_WASTE = {"NodeLost": WasteCause.NODE_LOST, "Evicted": WasteCause.EVICTION, "Resized": WasteCause.EVICTION}


class Stepper:
    """Lets jobs take their steps.

    Args:
        pods: of the job with this uid.
        ready_nodes: names; a live view.
        busy: whether requests for a job are under way.
        tenant_of: tenant of a namespace; empty when it has none.
        setbacks: jobs that are left alone for a while.
        instruments: told of lost work.
        start_timeout_s: how long a gang may hold GPUs before all its workers are ready.
    """

    def __init__(
        self,
        *,
        pods: Callable[[str], tuple[PodRecord, ...]],
        ready_nodes: AbstractSet[str],
        busy: Callable[[Tracked], bool],
        tenant_of: Callable[[str], str],
        setbacks: Setbacks,
        instruments: Instruments,
        start_timeout_s: float,
    ) -> None:
        self._pods = pods
        self._ready_nodes = ready_nodes
        self._busy = busy
        self._tenant_of = tenant_of
        self._setbacks = setbacks
        self._instruments = instruments
        self._start_timeout_s = start_timeout_s

    def advance(self, tracked: Tracked, now: float) -> bool:
        """Let a job take its steps; whether one of them matters to decisions. That it runs now does not.

        What goes wrong with it stops no other job: it keeps the state it has, and is tried again after a pause.
        """
        if self._setbacks.until(tracked, now) is not None:
            return False
        try:
            return self._steps(tracked, now)
        except Exception as error:  # noqa: BLE001 - whatever it is, it concerns one job
            self._setbacks.failed(tracked, Stage.OBSERVE, error, now)
            return False

    def _steps(self, tracked: Tracked, now: float) -> bool:
        moved = False
        for _ in range(_MOST_STEPS):
            view = View(
                now=now,
                ready_nodes=self._ready_nodes,
                settled=not (tracked.unseen(now) or self._busy(tracked)),
                start_timeout_s=self._start_timeout_s,
            )
            before = tracked.assumed
            step = advance(tracked.job, self._pods(tracked.uid), view)
            if not tracked.assume(step, now):
                return moved
            after = tracked.assumed
            moved = moved or (after.phase is not before.phase and after.phase is not Phase.RUNNING)
            moved = moved or after.hold != before.hold
            self._count_waste(tracked, after.wasted_gpu_seconds - before.wasted_gpu_seconds, before.stopping)
            if after.phase is not before.phase:
                _log.info("%s: %s -> %s", tracked.key, before.phase, after.phase)
        return moved

    def _count_waste(self, tracked: Tracked, gpu_seconds: float, stopping: object) -> None:
        if gpu_seconds <= 0:
            return
        cause = getattr(stopping, "cause", None)
        tenant = self._tenant_of(tracked.observed.metadata.namespace or "")
        before = tracked.base.allocation
        pool = before.pool if before else ""
        self._instruments.add_wasted_gpu_seconds(tenant, pool, _WASTE.get(cause or "", WasteCause.FAILURE), gpu_seconds)
