"""Keeping the garbage collector out of the way of bulk decoding."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_paused() -> Iterator[None]:
    """Run a block without the cycle collector; the block must be short and must not await.

    A page of objects is tens of thousands of new containers, none of them part of a cycle. The collector would walk
    them, and all that is held already, again and again: that was three quarters of the time that a list took.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
