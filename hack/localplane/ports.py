"""Free ports on loopback."""

from __future__ import annotations

import contextlib
import socket

LOOPBACK = "127.0.0.1"


def free_ports(count: int) -> list[int]:
    """Choose distinct ports of 127.0.0.1 that nobody listens on.

    All are held open together, so that the kernel cannot hand out one twice. Another process may still take one before
    it is bound: whoever starts a component must be ready to choose again.
    """
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) for _ in range(count)]
        for listener in sockets:
            listener.bind((LOOPBACK, 0))
        return [listener.getsockname()[1] for listener in sockets]
