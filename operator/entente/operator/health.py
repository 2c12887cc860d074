"""`/metrics`, `/healthz` and `/readyz`."""

from collections.abc import Callable

from aiohttp import web

from entente.metrics.instruments import Instruments

Check = Callable[[], str | None]
"""What is wrong, or nothing."""


class HealthServer:
    """Serves on one address until closed.

    Args:
        instruments: shown at `/metrics`.
        alive: what makes a restart the right thing to do.
        ready: what this process waits for before it can act or stand by.
        role: what it does now, said when it is ready.
    """

    def __init__(self, instruments: Instruments, *, alive: Check, ready: Check, role: Callable[[], str]) -> None:
        self._instruments = instruments
        self._alive = alive
        self._ready = ready
        self._role = role
        app = web.Application()
        app.router.add_get("/metrics", self._metrics)
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        self._runner = web.AppRunner(app, access_log=None)

    async def start(self, host: str, port: int) -> int:
        """Listen; returns the port, which is a free one when 0 was asked for.

        Raises:
            OSError: the address cannot be used.
        """
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        await site.start()
        return int(self._runner.addresses[0][1])

    async def aclose(self) -> None:
        await self._runner.cleanup()

    async def _metrics(self, request: web.Request) -> web.Response:
        content_type, body = self._instruments.render(request.headers.get("Accept", ""))
        return web.Response(body=body, headers={"Content-Type": content_type})

    async def _healthz(self, _: web.Request) -> web.Response:
        return _answer(self._alive(), "ok")

    async def _readyz(self, _: web.Request) -> web.Response:
        return _answer(self._ready(), self._role())


def _answer(wrong: str | None, right: str) -> web.Response:
    return web.Response(text=f"{wrong or right}\n", status=503 if wrong else 200)
