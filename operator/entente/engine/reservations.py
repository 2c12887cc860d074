"""Rule 11: GPUs that wait for a job's turn, and who may use them meanwhile."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from entente.engine.model import Pool


@dataclass(slots=True)
class Reservation:
    job: str
    tenant: str
    pool: Pool
    priority: int
    workers: dict[str, int]
    """Workers on each node."""
    gpus: dict[str, int]
    room: dict[str, int]
    """GPUs free on each of these nodes at the turn, if nothing else starts there."""
    turn: float | None
    """When its GPUs are free by known ends; none when they have to be freed first."""
    entitled: bool
    own: bool
    """An entitled job that waits within its notice: these GPUs are its own."""
    binds_others: bool
    """Its tenant stays within its due with it, counted at its turn."""
    within_due: bool = True

    def slack(self, node: str) -> int:
        """GPUs of a node that are left at the turn beside the reserved ones."""
        return max(0, self.room[node] - self.gpus[node])

    def far(self, now: float) -> bool:
        """Whether the turn is unknown or so far away that a job may run on call meanwhile."""
        return self.turn is None or self.turn > now + 2 * self.pool.max_at_risk_s


@dataclass(frozen=True, slots=True)
class Taker:
    """A job that looks for GPUs, as the reservations of other jobs see it."""

    tenant: str
    entitled: bool
    priority: int
    ends: float | None
    """When it is over at the latest, if it starts now."""
    on_call: bool = False
    """It is ready to be evicted when the turn comes."""


def binds(reservation: Reservation, taker: Taker, now: float) -> bool:
    """Whether a job must leave GPUs alone that are reserved for another."""
    if reservation.turn is not None and taker.ends is not None and taker.ends <= reservation.turn:
        return False
    if reservation.own:
        return True
    if taker.on_call and not taker.entitled and reservation.far(now):
        return False
    if reservation.tenant == taker.tenant:
        could_evict = reservation.priority > taker.priority
        return not (could_evict and (reservation.entitled or reservation.within_due or not taker.entitled))
    return not taker.entitled and reservation.binds_others


@dataclass(slots=True)
class Bonds:
    """The reservations of a pool that takers of one kind must respect, kept up as reservations are made.

    One of them may be a taker's own.
    """

    seen: int = 0
    """How many reservations of the pool were looked at."""
    bound: list[Reservation] = field(default_factory=list)
    places: dict[int, int] = field(default_factory=lambda: {0: 0})
    """What stands for none of them, for the first, for the first two, ...: how many these are."""
    sign: int = 0
    """What stands for all of them: the same wherever they are the same, in the same order."""
    _on_node: dict[str, list[Reservation]] = field(default_factory=dict)
    _spread: int = 0
    """How many of them are in `_on_node`."""

    @property
    def on_node(self) -> dict[str, list[Reservation]]:
        """Them by node; only who asks pays for it."""
        for reservation in self.bound[self._spread :]:
            for name in reservation.gpus:
                self._on_node.setdefault(name, []).append(reservation)
        self._spread = len(self.bound)
        return self._on_node

    def look(self, reservations: Sequence[Reservation], taker: Taker, now: float, signs: dict[object, int]) -> None:
        """Look at reservations that were made since; `signs` are those of all bonds of a decision."""
        for reservation in reservations[self.seen :]:
            if binds(reservation, taker, now):
                self.respect(reservation, signs)
        self.seen = len(reservations)

    def respect(self, reservation: Reservation, signs: dict[object, int]) -> None:
        """One more must be respected."""
        self.sign = signs.setdefault((self.sign, id(reservation)), len(signs) + 1)
        self.bound.append(reservation)
        self.places[self.sign] = len(self.bound)

    def without(self, job: str, signs: dict[object, int]) -> "Bonds":
        """Those that a job must respect for which one of them was made."""
        found = Bonds()
        for reservation in self.bound:
            if reservation.job != job:
                found.respect(reservation, signs)
        return found


def started(reservation: Reservation, node: str, gpus: int, ends: float | None) -> None:
    """Something was given GPUs of a reserved node: unless it ends before the turn, the room there shrinks."""
    if node in reservation.room and (reservation.turn is None or ends is None or ends > reservation.turn):
        reservation.room[node] -= gpus
