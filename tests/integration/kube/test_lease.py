import asyncio
import time

from entente.kube.client import KubeClient
from entente.kube.kinds import LEASE
from entente.kube.lease import Leadership
from tests.support.plane import Corner


def contender(client: KubeClient, namespace: str, identity: str) -> Leadership:
    return Leadership(client, namespace, "entente", identity, 3, deadline_s=2.0, renew_s=0.5)


async def test_a_standby_follows_a_dead_leader_and_a_released_one(client: KubeClient, corner: Corner) -> None:
    namespace = corner.namespace()
    await client.create(LEASE, {"metadata": {"namespace": namespace, "name": "entente"}, "spec": {}})
    first, second, third = (contender(client, namespace, name) for name in ("first", "second", "third"))

    await first.acquire()
    keeping = asyncio.ensure_future(first.keep())
    waiting = asyncio.ensure_future(second.acquire())
    await asyncio.sleep(4)
    assert (first.leads, second.leads) == (True, False)

    keeping.cancel()
    died_at = time.monotonic()
    await asyncio.wait_for(waiting, 10)
    assert not first.leads
    assert time.monotonic() - died_at < 3 + 2

    waiting = asyncio.ensure_future(third.acquire())
    await asyncio.sleep(0.3)
    await second.release()
    assert not second.leads
    await asyncio.wait_for(waiting, 2)

    spec = (await client.get(LEASE, "entente", namespace))["spec"]
    assert (spec["holderIdentity"], spec["leaseTransitions"], third.transitions) == ("third", 3, 3)


async def test_a_lease_that_nobody_made_is_made_and_its_maker_waits_out_its_duration(
    client: KubeClient, corner: Corner
) -> None:
    leadership = contender(client, corner.namespace(), "only")
    began = time.monotonic()
    await leadership.acquire()

    assert leadership.leads
    assert time.monotonic() - began >= 3
