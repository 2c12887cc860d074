"""However the demo is told to end, it ends by the same way out, on which everything that it has started is ended."""

import ctypes
import os
import signal
import sys
from types import FrameType

_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def listen() -> None:
    """Turn the first signal to end, and the death of whoever has started the demo (make), into KeyboardInterrupt.

    Later signals are ignored: they would cut the way out short. SIGKILL needs no help, since everything that the demo
    starts has a supervisor that outlives it.
    """
    for number in _SIGNALS:
        signal.signal(number, _interrupt)
    if sys.platform == "linux":
        parent = os.getppid()
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGTERM)


def _interrupt(_: int, __: FrameType | None) -> None:
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt
