"""What a tenant asks for inside its guarantee and does not have, kept up with each change.

The walk of the rules without priorities: the running jobs count first, then the pending ones in the order of
submission, first fit: a pending job is entitled as long as the tenant stays within its guarantee with it and the
entitled ones before it. The same for every policy, whatever order the policy itself chose.
"""

import bisect

Place = tuple[float, int]
"""Time of submission, and a number among those of the same time."""


class Asked:
    """One tenant's claim in one pool, in GPUs."""

    def __init__(self, guaranteed: int) -> None:
        self._guaranteed = guaranteed
        self.used = 0
        """By running jobs that were not told to stop."""
        self.missing = 0
        """Asked for by the pending jobs that are entitled."""
        self.pending = 0
        """Asked for by all pending jobs."""
        self._waiting: dict[int, list[Place]] = {}
        """Pending jobs by GPUs, each list in order."""
        self._gpus: dict[Place, int] = {}
        self._since: dict[Place, float] = {}
        """Since when each entitled one of them is."""

    @property
    def entitled(self) -> int:
        """GPUs asked for inside the guarantee, had or not."""
        return min(self.used, self._guaranteed) + self.missing

    def entitled_since(self, place: Place) -> float | None:
        """Since when a pending job is entitled without a break."""
        return self._since.get(place)

    def wait(self, place: Place, gpus: int, now: float) -> None:
        bisect.insort(self._waiting.setdefault(gpus, []), place)
        self._gpus[place] = gpus
        self.pending += gpus
        if gpus > self._guaranteed - self.used:
            return
        if not self._is_last(place):
            self._walk(now)
        elif self.used + self.missing + gpus <= self._guaranteed:
            self._since[place] = now
            self.missing += gpus

    def _is_last(self, place: Place) -> bool:
        return all(places[-1] <= place for places in self._waiting.values() if places)

    def start(self, place: Place, gpus: int, now: float) -> None:
        wanted = self._gpus.pop(place)
        places = self._waiting[wanted]
        del places[bisect.bisect_left(places, place)]
        self.pending -= wanted
        self.used += gpus
        if self._since.pop(place, None) is not None:
            self.missing -= wanted
        # as a rule what is left of the guarantee shrinks: who was not entitled is not now, and who was is if all fit
        if gpus < wanted or self.used + self.missing > self._guaranteed:
            self._walk(now)

    def end(self, gpus: int, now: float) -> None:
        """GPUs of a running job are not used any more."""
        self.used -= gpus
        if self.used < self._guaranteed and len(self._since) < len(self._gpus):
            self._walk(now)

    def _walk(self, now: float) -> None:
        left = self._guaranteed - self.used
        before, self._since, self.missing = self._since, {}, 0
        heads = {gpus: 0 for gpus, places in self._waiting.items() if places and gpus <= left}
        while heads:
            gpus = min(heads, key=lambda g: self._waiting[g][heads[g]])
            place = self._waiting[gpus][heads[gpus]]
            self._since[place] = before.get(place, now)
            self.missing += gpus
            left -= gpus
            heads[gpus] += 1
            heads = {g: i for g, i in heads.items() if g <= left and i < len(self._waiting[g])}
