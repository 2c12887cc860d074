"""Handing hosts over: looked at in each cycle, done by the writer."""

import logging
from collections.abc import Callable, Iterable, Mapping
from functools import partial

from entente.api.core import NodeRecord, PodRecord
from entente.api.names import LABEL_HANDOVER, LABEL_LAST_TENANT
from entente.api.pool import GPUPool, NodeSharing
from entente.kube.client import KubeClient
from entente.kube.errors import AlreadyExistsError, ApiError, FencedError, NotFoundError
from entente.kube.events import EventRecorder, EventType, ObjectRef
from entente.kube.kinds import GPU_POOL, NODE, POD
from entente.kube.writer import Job, Writer
from entente.operator.tracked import Tracked
from entente.workload.handover import Passing, Stage, handover_pod, is_handover, node_labels, passings
from entente.workload.pods import Gang

_log = logging.getLogger(__name__)


class HandoverKeeper:
    """Runs the handovers of pools that have one, and marks who used a host last.

    Args:
        client: writes.
        writer: runs the writes.
        recorder: of Events.
        namespace: where the handover pods are.
        nodes: by name: a live view.
        pool_of: the pool of a name.
    """

    def __init__(
        self,
        client: KubeClient,
        writer: Writer,
        recorder: EventRecorder,
        namespace: str,
        nodes: Mapping[str, NodeRecord],
        pool_of: Callable[[str], GPUPool | None],
    ) -> None:
        self._client = client
        self._writer = writer
        self._recorder = recorder
        self._namespace = namespace
        self._nodes = nodes
        self._pool_of = pool_of

    def hides(self, pod: PodRecord) -> bool:
        """Whether the engine is not to see a pod: a handover takes GPUs from nobody."""
        return is_handover(pod, self._namespace)

    def look(
        self,
        pools: Iterable[GPUPool],
        jobs: Iterable[Tracked],
        pods: Iterable[PodRecord],
        tenants: Mapping[str, str],
    ) -> None:
        """Begin, finish and clear away what is due."""
        with_handover = {pool.metadata.name: pool for pool in pools if pool.spec.handover is not None}
        on_nodes: dict[str, list[PodRecord]] = {}
        ours = []
        if not with_handover:
            return
        for pod in pods:
            on_nodes.setdefault(pod.node or "", []).append(pod)
            if self.hides(pod):
                ours.append(pod)
        under_way = set()
        for passing in passings(with_handover, _holds(jobs, tenants), self._nodes):
            under_way.add(passing.pod_name)
            stage = passing.stage(on_nodes.get(passing.node.name, ()))
            if stage is not Stage.WAIT:
                self._submit(passing.node.name, partial(self._do, passing, stage))
        for pod in ours:
            if pod.name not in under_way and not pod.deleting:
                self._submit(pod.node or pod.name, partial(self._remove, pod.name, pod.uid))

    async def claim(self, gang: Gang) -> None:
        """Mark the hosts of a gang as used by its tenant, before any of its pods is made there.

        Raises:
            ApiError: a host could not be marked: the gang must not start there yet.
        """
        pool = self._pool_of(gang.pool)
        if pool is None or pool.spec.handover is None or pool.spec.node_sharing is not NodeSharing.EXCLUSIVE:
            return
        for name in sorted(gang.nodes):
            node = self._nodes.get(name)
            if node is None or node.labels.get(LABEL_LAST_TENANT) != gang.tenant:
                await self._client.patch(
                    NODE, name, {"metadata": {"labels": {LABEL_LAST_TENANT: gang.tenant}}}, decode=False
                )

    def _submit(self, node: str, job: Job) -> None:
        key = f"handover/{node}"
        if not self._writer.busy(key):
            self._writer.submit(key, job)

    async def _do(self, passing: Passing, stage: Stage) -> None:
        name = passing.node.name
        labels = {"metadata": {"labels": node_labels(stage, passing.tenant)}}
        try:
            if stage is Stage.BEGIN:
                await self._client.create(POD, handover_pod(passing, self._namespace), decode=False)
                await self._client.patch(NODE, name, labels, decode=False)
                return
            # The node first: a pod that is gone could not tell any more how it ended.
            await self._client.patch(NODE, name, labels, decode=False)
            await self._client.delete(POD, passing.pod_name, namespace=self._namespace)
        except (AlreadyExistsError, NotFoundError, FencedError):
            return
        except ApiError as error:
            _log.warning("cannot hand node %s over: %s %s", name, error.status, error.reason)
            return
        _log.info("handover of node %s: %s", name, stage.name.lower())
        if stage is Stage.FAILED:
            about = ObjectRef(GPU_POOL, passing.pool.metadata.name, uid=passing.pool.metadata.uid)
            label = f"the label {LABEL_HANDOVER} of its node"
            text = f"the handover of host {name} failed: only its last tenant can use it until an admin removes {label}"
            self._recorder.record(about, EventType.WARNING, "HandoverFailed", text)

    async def _remove(self, name: str, uid: str) -> None:
        try:
            await self._client.delete(POD, name, namespace=self._namespace, uid=uid)
        except (ApiError, FencedError) as error:
            _log.warning("cannot remove the handover pod %s: %s", name, type(error).__name__)


def _holds(jobs: Iterable[Tracked], tenants: Mapping[str, str]) -> Iterable[tuple[str, str, Iterable[str]]]:
    for tracked in jobs:
        hold = tracked.assumed.hold
        tenant = tenants.get(tracked.observed.metadata.namespace or "")
        if hold is not None and tenant is not None:
            yield tenant, hold.pool, hold.nodes
