"""What the engine decided about last, for the cluster's admins: `/debug/snapshot` and `/debug/plan`.

It shows all tenants to all who can connect, so it listens on the loopback address alone. In a pod that is reached by
`kubectl port-forward`, which the RBAC of the operator's namespace governs, and by nothing outside of the pod.
"""

import asyncio
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from aiohttp import web

from entente.engine.decisions import Plan
from entente.operator.latest import Latest

LOOPBACK = "127.0.0.1"

DECIDED_AT = "Entente-Decided-At"
"""Header with the moment of the decision, as `entente plan --now` takes it."""

_OWN_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


class DebugServer:
    """Serves on the loopback address until closed.

    Args:
        latest: the last decision; none on a standby, and before the first.
        printed: a plan as `entente plan -o json` prints it.
    """

    def __init__(self, latest: Callable[[], Latest | None], printed: Callable[[Plan], str]) -> None:
        self._latest = latest
        self._printed = printed
        app = web.Application(middlewares=[_only_by_own_name])
        app.router.add_get("/debug/snapshot", self._snapshot)
        app.router.add_get("/debug/plan", self._plan)
        self._runner = web.AppRunner(app, access_log=None)
        self._one_at_a_time = asyncio.Lock()

    async def start(self, port: int) -> int:
        """Listen; returns the port, which is a free one when 0 was asked for.

        Raises:
            OSError: the port cannot be used.
        """
        await self._runner.setup()
        site = web.TCPSite(self._runner, LOOPBACK, port)
        await site.start()
        return int(self._runner.addresses[0][1])

    async def aclose(self) -> None:
        await self._runner.cleanup()

    async def _snapshot(self, _: web.Request) -> web.Response:
        latest = self._latest()
        if latest is None:
            return _nothing("nothing was decided here yet; only the leader decides")
        return await self._answer(latest, latest.inputs.to_json)

    async def _plan(self, _: web.Request) -> web.Response:
        latest = self._latest()
        if latest is None:
            return _nothing("nothing was decided here yet; only the leader decides")
        plan = latest.plan
        if plan is None:
            return _nothing("the engine failed; /debug/snapshot has what it was asked, the log has its error")
        return await self._answer(latest, lambda: self._printed(plan))

    async def _answer(self, latest: Latest, text: Callable[[], str]) -> web.Response:
        async with self._one_at_a_time:  # a large estate takes a while: the loop must not wait for many
            body = await asyncio.to_thread(text)
        headers = {DECIDED_AT: latest.inputs.moment.isoformat(), "Cache-Control": "no-store"}
        return web.Response(text=body, content_type="application/json", headers=headers)


def _nothing(why: str) -> web.Response:
    return web.Response(text=f"{why}\n", status=503)


@web.middleware
async def _only_by_own_name(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Refuse a request for another host: a web page in an admin's browser could have its name resolve to loopback."""
    if urlsplit(f"//{request.host}").hostname not in _OWN_NAMES:
        return web.Response(text="not for this host\n", status=403)
    return await handler(request)
