import asyncio

from entente.api.core import PodRecord
from entente.kube.client import KubeClient
from entente.kube.config import Connection
from entente.kube.kinds import POD
from entente.kube.reflector import Reflector
from entente.kube.transport import Limits
from tests.support.plane import Corner, gpu_pod


class Pods:
    """The records of a reflector, to wait for."""

    def __init__(self, client: KubeClient, label: str) -> None:
        self.changed = asyncio.Event()
        self.reflector = Reflector(
            client,
            POD,
            PodRecord.from_object,
            label_selector=label,
            page_size=2,
            on_change=lambda _, __: self.changed.set(),
        )

    async def until(self, names: set[str]) -> None:
        async with asyncio.timeout(60):
            while {record.name for record in self.reflector.items.values()} != names:
                self.changed.clear()
                await self.changed.wait()


async def test_pods_are_followed_through_watches_that_end(connection: Connection, corner: Corner) -> None:
    namespace = corner.namespace()
    label = f"entente.dev/job={corner.name}"

    def pod(name: str) -> dict[str, object]:
        body = gpu_pod(name, corner.product)
        body["metadata"].update({"namespace": namespace, "labels": {"entente.dev/job": corner.name}})
        return body

    watches = asyncio.Semaphore(0)

    def count(verb: str, *_: object) -> None:
        if verb == "watch":
            watches.release()

    async with KubeClient(connection, observer=count, limits=Limits(watch_s=1.0)) as client:
        await asyncio.gather(*(client.create(POD, pod(f"p{n}"), decode=False) for n in range(5)))
        pods = Pods(client, label)
        reflector = pods.reflector
        task = asyncio.ensure_future(reflector.run())
        await pods.until({f"p{n}" for n in range(5)})
        for number in range(5):
            await client.create(POD, pod(f"q{number}"), decode=False)
            await client.delete(POD, f"p{number}", namespace=namespace, grace_period_seconds=0)
            if number % 2 == 0:
                await asyncio.wait_for(watches.acquire(), 60)
        await pods.until({f"q{n}" for n in range(5)})

        assert reflector.relists == 1
        assert all(record.gpus == {"nvidia.com/gpu": 1} for record in reflector.items.values())
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
