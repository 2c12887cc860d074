"""However a program is told to end, it ends by the same way out, on which everything that it has started is ended."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from types import FrameType

INTERRUPTED = 130
"""Exit code of what is interrupted before it has done its work, as shells have it for SIGINT."""

_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def listen(*, with_parent: bool = True) -> None:
    """Turn the first signal to end, and the death of whoever has started it (make), into KeyboardInterrupt.

    Later signals are ignored: they would cut the way out short. SIGKILL needs no help, since all components have a
    supervisor that outlives it.

    Args:
        with_parent: end with the process that has started this one.
    """
    for number in _SIGNALS:
        signal.signal(number, _interrupt)
    if with_parent and sys.platform == "linux":
        parent = os.getppid()
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGTERM)


def _interrupt(_: int, __: FrameType | None) -> None:
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt
