"""Advance reservations: windows of time in which a tenant's guarantee counts more.

From the notice before a window opens, GPUs are kept for it from borrowed work that would not be over by then.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from entente.engine.model import Pool, Window


@dataclass(frozen=True, slots=True)
class Cover:
    """A window that is not over, and what is reserved in it with the capacity and the guarantees of this moment."""

    window: Window
    gpus: int
    """From now on, or from its start: at most what the window says; the rest is guaranteed to others or not there."""


@dataclass(frozen=True, slots=True)
class Ahead:
    """What will be added to guarantees soon."""

    start: float
    more: Mapping[str, int]
    """GPUs by tenant, beyond its guarantee of now."""


def open_at(windows: Iterable[Window], moment: float) -> list[Window]:
    """The windows in which a moment lies, in the order in which they are served."""
    return sorted((w for w in windows if w.start <= moment < w.end), key=_order)


def not_over(windows: Iterable[Window], moment: float) -> list[Window]:
    """The windows that are open or still to come, in the order in which they are served."""
    return sorted((w for w in windows if moment < w.end), key=_order)


def _order(window: Window) -> tuple[float, str]:
    return window.start, window.tenant


def opens_soon(window: Window, pool: Pool, moment: float) -> bool:
    """Whether GPUs are kept for a window already, though it is not open yet."""
    return window.start - pool.notice_s <= moment < window.start


def next_edge(pools: Iterable[Pool], moment: float) -> float | None:
    """When the windows of some pools change next what may be decided; none when they never do again."""
    edges = [
        edge
        for pool in pools
        for window in pool.windows
        for edge in (window.start - pool.notice_s, window.start, window.end)
        if edge > moment
    ]
    return min(edges, default=None)
