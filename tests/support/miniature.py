"""A cluster in miniature around the small API server: nodes, a kubelet that is quick, and operators without kopf."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from entente.kube.backoff import Backoff
from entente.kube.client import KubeClient
from entente.kube.kinds import GPU_POOL, NODE, POD, TENANT, TRAINING_JOB
from entente.kube.reflector import Reflector
from entente.metrics.instruments import Instruments
from entente.operator.core import Core
from entente.operator.settings import Settings
from tests.support import manifests
from tests.support.apiserver import ApiServer

Object = dict[str, Any]

GPUS = 8
SETTINGS = Settings(debounce_s=0.01, idle_s=0.3, status_s=0.05, drain_s=1.0, port=0, check_invariants=True)
IMPATIENT = Backoff(first_s=0.01, cap_s=0.05, patience_s=0.5)


def node(name: str) -> Object:
    """A ready host with 8 GPUs."""
    return {
        "metadata": {"name": name, "labels": {"nvidia.com/gpu.product": "H100", "kubernetes.io/hostname": name}},
        "status": {
            "allocatable": {"nvidia.com/gpu": str(GPUS)},
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }


class Miniature:
    """What the tests put into the server, and look up there."""

    def __init__(self, server: ApiServer) -> None:
        self.server = server
        self.cut_off = False
        """Whether the operator has asked for more writes than it has."""

    async def furnish(self, nodes: int, **guarantees: int) -> None:
        """Nodes, a pool of them with a notice of a minute, and tenants with guarantees in it, set up and ready."""
        for number in range(nodes):
            self.server.put(NODE, node(f"n{number}"))
        self.server.put(GPU_POOL, self._created(manifests.pool(noticeSeconds=60)))
        for name, guaranteed in guarantees.items():
            terms = [{"name": "h100", "guaranteed": guaranteed}]
            self.server.put(TENANT, self._created(manifests.tenant(name, pools=terms)))
        paths = [TENANT.path(None, name) for name in guarantees]

        def ready() -> bool:
            statuses = [self.server.objects[path].get("status") or {} for path in paths]
            return all(status.get("namespaces") for status in statuses)

        async with self.operator():
            await self.until(ready)

    def reserve(self, *reservations: Object) -> None:
        """Edit the pool: these are its reservations."""
        path = GPU_POOL.path(None, "h100")
        pool = self.server.objects[path]
        self.server.put(GPU_POOL, {**pool, "spec": {**pool["spec"], "reservations": list(reservations)}})

    def submit(self, tenant: str, name: str, workers: int, gpus: int, **spec: object) -> str:
        """Create a job; returns its key."""
        body = manifests.job(name, f"{tenant}-research", workers=workers, gpusPerWorker=gpus, **spec)
        self.server.put(TRAINING_JOB, self._created(body))
        return f"{tenant}-research/{name}"

    def _created(self, body: Object) -> Object:
        meta = {"uid": f"uid-{body['kind']}-{body['metadata']['name']}", "generation": 1}
        body["metadata"].update(meta, creationTimestamp="2027-01-01T00:00:00Z")
        return body

    def job(self, key: str) -> Object:
        namespace, name = key.split("/")
        return self.server.objects[TRAINING_JOB.path(namespace, name)]

    def phase(self, key: str) -> str:
        """A job's phase; empty before its first status."""
        return str((self.job(key).get("status") or {}).get("phase", ""))

    def pods(self, key: str | None = None) -> list[Object]:
        found = [obj for obj in self.server.objects.values() if obj["kind"] == "Pod"]
        if key is None:
            return found
        uid = self.job(key)["metadata"]["uid"]
        return [pod for pod in found if pod["metadata"]["labels"].get("entente.dev/job-uid") == uid]

    def gpus_by_node(self) -> dict[str, int]:
        """GPUs that pods ask for on each node, by where they must go."""
        used: dict[str, int] = {}
        for pod in self.pods():
            if (pod.get("status") or {}).get("phase") not in ("Succeeded", "Failed"):
                affinity = pod["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
                name = affinity["nodeSelectorTerms"][0]["matchFields"][0]["values"][0]
                asked = pod["spec"]["containers"][0]["resources"]["limits"]["nvidia.com/gpu"]
                used[name] = used.get(name, 0) + int(asked)
        return used

    async def until(self, condition: Callable[[], bool], *, within_s: float = 60.0) -> None:
        """Wait for something to become true; no GPU may be given twice on the way."""

        def look() -> bool:
            over = {name: used for name, used in self.gpus_by_node().items() if used > GPUS}
            assert not over, f"GPUs given twice: {over}"
            return condition()

        await self.server.until(look, within_s=within_s)

    @asynccontextmanager
    async def kubelet(self) -> AsyncIterator[None]:
        """Binds each pod where it must go, and lets it run at once."""

        async def run() -> None:
            while True:
                for pod in self.pods():
                    if not pod.get("status"):
                        await asyncio.sleep(0.005)
                        self._run(pod)
                await asyncio.sleep(0.005)

        task = asyncio.create_task(run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def _run(self, pod: Object) -> None:
        path = POD.path(pod["metadata"]["namespace"], pod["metadata"]["name"])
        if path not in self.server.objects:
            return
        affinity = pod["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
        name = affinity["nodeSelectorTerms"][0]["matchFields"][0]["values"][0]
        status = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
        self.server.put(POD, {**pod, "spec": {**pod["spec"], "nodeName": name}, "status": status})

    @asynccontextmanager
    async def operator(self, *, writes: int | None = None, settings: Settings = SETTINGS) -> AsyncIterator[Core]:
        """An operator; after so many writes none of its requests arrives any more, as if it had been killed there."""
        left = [writes]
        self.cut_off = False

        def fence() -> float:
            if left[0] is None:
                return 60.0
            left[0] -= 1
            self.cut_off = left[0] < 0
            return 0.0 if self.cut_off else 60.0

        client = KubeClient(self.server.connection, fence=fence, backoff=IMPATIENT)
        reader = KubeClient(self.server.connection, backoff=IMPATIENT)
        core = Core(client, Instruments("test"), settings, "test")

        def telling(tell: Callable[..., None]) -> Callable[[Object | None, Object | None], None]:
            return lambda old, new: tell(new or old, deleted=new is None)

        sinks = {TRAINING_JOB: core.job_event, GPU_POOL: core.pool_event, TENANT: core.tenant_event}
        watches: list[Reflector[Object]] = [
            Reflector(reader, kind, dict[str, Any], on_change=telling(tell)) for kind, tell in sinks.items()
        ]
        try:
            async with core.observing():
                tasks = [asyncio.create_task(core.loop.run())]
                tasks += [asyncio.create_task(each.run()) for each in watches]
                try:
                    yield core
                finally:
                    for task in tasks:
                        task.cancel()
                    await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            await client.aclose()
            await reader.aclose()
