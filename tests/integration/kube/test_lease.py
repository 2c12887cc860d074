import asyncio
import time
from datetime import datetime
from typing import Any

from entente.kube.client import KubeClient
from entente.kube.kinds import LEASE
from entente.kube.lease import Leadership
from tests.support.plane import Corner

PATIENCE_S = 60
FOREVER_S = 10 * PATIENCE_S
"""A Lease that nobody waits out."""


class Contest:
    """A Lease of a namespace, and who wants it."""

    def __init__(self, client: KubeClient, namespace: str) -> None:
        self._client = client
        self._namespace = namespace

    async def open(self) -> None:
        await self._client.create(LEASE, {"metadata": {"namespace": self._namespace, "name": "entente"}, "spec": {}})

    def contender(self, identity: str, duration_s: int) -> Leadership:
        return Leadership(self._client, self._namespace, "entente", identity, duration_s, renew_s=0.5)

    async def spec(self) -> dict[str, Any]:
        spec: dict[str, Any] = (await self._client.get(LEASE, "entente", self._namespace))["spec"]
        return spec

    async def time(self, field: str) -> datetime:
        return datetime.fromisoformat((await self.spec())[field])

    async def renewals(self, count: int) -> None:
        """Return when the Lease was renewed so often."""
        seen: set[datetime] = set()
        async with asyncio.timeout(PATIENCE_S):
            while len(seen) <= count:
                seen.add(await self.time("renewTime"))
                await asyncio.sleep(0.1)


async def test_a_standby_follows_a_dead_leader_and_a_released_one(client: KubeClient, corner: Corner) -> None:
    contest = Contest(client, corner.namespace())
    await contest.open()
    duration_s = 9
    first, second, third = (
        contest.contender(name, lasts) for name, lasts in (("first", duration_s), ("second", FOREVER_S), ("third", 9))
    )

    await first.acquire()
    keeping = asyncio.ensure_future(first.keep())
    waiting = asyncio.ensure_future(second.acquire())
    await contest.renewals(4)
    assert (first.leads, second.leads) == (True, False)

    keeping.cancel()
    await asyncio.wait([keeping])
    died_at = await contest.time("renewTime")
    await asyncio.wait_for(waiting, PATIENCE_S)
    assert not first.leads
    assert (await contest.time("acquireTime") - died_at).total_seconds() >= duration_s

    waiting = asyncio.ensure_future(third.acquire())
    await asyncio.wait([waiting], timeout=1)
    assert not third.leads
    await second.release()
    assert not second.leads
    await asyncio.wait_for(waiting, PATIENCE_S)

    spec = await contest.spec()
    assert (spec["holderIdentity"], spec["leaseTransitions"], third.transitions) == ("third", 3, 3)


async def test_a_lease_that_nobody_made_is_made_and_its_maker_waits_out_its_duration(
    client: KubeClient, corner: Corner
) -> None:
    leadership = Contest(client, corner.namespace()).contender("only", 6)
    began = time.monotonic()
    await leadership.acquire()

    assert leadership.leads
    assert time.monotonic() - began >= 6
