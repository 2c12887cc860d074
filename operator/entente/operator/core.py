"""The operator without kopf and without leadership: stores, reflectors, the loop, and what tells them of events."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

from entente.api.core import NodeRecord, PodRecord
from entente.api.inputs import kept_tenant, real_pool
from entente.api.job import TrainingJob
from entente.api.names import LABEL_MANAGED_BY, MANAGED_BY
from entente.api.pool import GPUPool
from entente.api.tenant import Tenant
from entente.engine.intake import namespaces_of, snapshot
from entente.engine.invariants import check_invariants
from entente.engine.live import Successive
from entente.kube.client import KubeClient
from entente.kube.errors import ApiError, GoneError
from entente.kube.events import EventRecorder
from entente.kube.kinds import GPU_POOL, NODE, POD, SERVICE, TENANT, TRAINING_JOB
from entente.kube.reflector import Reflector
from entente.kube.writer import Writer
from entente.metrics.instruments import Instruments
from entente.metrics.stage import Stage
from entente.operator.accounts import Accounts
from entente.operator.acting import Actor
from entente.operator.estate import NodeView, PodIndex, ResourceStore, gpu_pod
from entente.operator.figures import Figures
from entente.operator.gangs import gang_of
from entente.operator.handing import HandoverKeeper
from entente.operator.jobs import JobStore
from entente.operator.keeping import TenantKeeper
from entente.operator.loop import Engine, Loop, Observed
from entente.operator.setbacks import Setbacks
from entente.operator.settings import Settings
from entente.tenancy.reconciler import TenantReconciler
from entente.workload.actions import Actions
from entente.workload.pods import Gang

_log = logging.getLogger(__name__)

_FLUSH_S = 2.0
"""Time for the last Events."""


class Core:
    """Everything that a leader runs.

    Args:
        client: reads and writes; fenced by leadership.
        instruments: metrics.
        settings: times and concurrency.
        identity: of this process, for Events.
    """

    def __init__(self, client: KubeClient, instruments: Instruments, settings: Settings, identity: str) -> None:
        self._client = client
        self._settings = settings
        self._wake = asyncio.Event()
        self._namespaces: Mapping[str, str] | None = None
        """Tenant of each namespace; none when tenants have changed."""
        self.jobs = JobStore()
        self.pools = ResourceStore(GPUPool, self._news, complete=real_pool)
        self.tenants = ResourceStore(
            Tenant, self._news, decisive=lambda tenant: (tenant.spec, tenant.held_namespaces), complete=kept_tenant
        )
        self._pod_index, self._node_view = PodIndex(self.jobs), NodeView(self.jobs)
        self._pods: Reflector[PodRecord] = Reflector(client, POD, gpu_pod, on_change=self._pod_changed)
        self._nodes: Reflector[NodeRecord] = Reflector(
            client, NODE, NodeRecord.from_object, on_change=self._node_changed
        )
        self._writer = Writer(settings.writes, on_error=self._write_failed)
        self._recorder = EventRecorder(client, identity)
        self._keeper = TenantKeeper(TenantReconciler(client, time.time), self._writer, self.tenants, self.pools)
        handovers = HandoverKeeper(
            client, self._writer, self._recorder, settings.namespace, self._nodes.items, self.pools.get
        )
        self._setbacks = Setbacks(instruments.count_job_error)
        accounts = Accounts()
        actor = Actor(
            jobs=self.jobs,
            pods=self._pod_index,
            actions=Actions(client),
            writer=self._writer,
            recorder=self._recorder,
            gang_of=self._gang_of,
            claim=handovers.claim,
            clock=time.time,
            explain_s=settings.explain_s,
            wake=self._wake.set,
        )
        self.loop = Loop(
            observed=Observed(
                jobs=self.jobs,
                pods=self._pod_index,
                nodes=self._node_view,
                pod_records=self._pods.items,
                node_records=self._nodes.items,
                pools=self.pools,
                tenants=self.tenants,
                tenant_by_namespace=self._tenant_by_namespace,
            ),
            engine=Engine(snapshot, Successive().decide, check_invariants),
            actor=actor,
            accounts=accounts,
            handovers=handovers,
            figures=Figures(client, self._writer, accounts, settings.status_s),
            setbacks=self._setbacks,
            instruments=instruments,
            settings=settings,
            wake=self._wake,
        )
        self.synced = False
        """Whether everything has been listed once, so that deciding may begin."""

    def job_event(self, body: Mapping[str, Any], *, deleted: bool) -> None:
        if deleted:
            self.jobs.gone(body)
            self._wake.set()
        elif self.jobs.see(body, time.time()):
            self._wake.set()

    def pool_event(self, body: Mapping[str, Any], *, deleted: bool) -> None:
        if deleted:
            self.pools.gone(body["metadata"]["name"])
        else:
            self.pools.see(body)

    def tenant_event(self, body: Mapping[str, Any], *, deleted: bool) -> None:
        if deleted:
            self.tenants.gone(body["metadata"]["name"])
        else:
            self.tenants.see(body)

    @asynccontextmanager
    async def observing(self) -> AsyncIterator[None]:
        """Follow pods and nodes, and list everything once; on leaving, stop and let writes under way end."""
        tasks = [
            asyncio.create_task(self._pods.run(), name="pods"),
            asyncio.create_task(self._nodes.run(), name="nodes"),
            asyncio.create_task(self._recorder.run(), name="events"),
        ]
        try:
            await self._list_until_done()
            await self._pods.synced.wait()
            await self._nodes.synced.wait()
            self.synced = True
            _log.info(
                "observing %d jobs, %d pods with GPUs, %d nodes, %d pools, %d tenants",
                len(self.jobs),
                len(self._pods.items),
                len(self._nodes.items),
                len(self.pools),
                len(self.tenants),
            )
            tasks.append(asyncio.create_task(self._relist(), name="relist"))
            tasks.append(asyncio.create_task(self._keeper.run(), name="tenants"))
            yield
        finally:
            self.synced = False
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._finish()

    async def _finish(self) -> None:
        """Let writes under way end, within bounds; what is cut off is found and finished by the next leader."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._settings.drain_s):
                await self._writer.drain()
        await self._writer.aclose()
        with suppress(TimeoutError):
            async with asyncio.timeout(_FLUSH_S):
                await self._recorder.flush()

    async def _list_until_done(self) -> None:
        while True:
            try:
                await self._list_all()
                await self._learn_services()
            except ApiError as error:
                _log.warning("cannot list everything yet: %s %s; trying again", error.status, error.reason)
                await asyncio.sleep(1)
            else:
                return

    async def _list_all(self) -> None:
        """List pools, tenants and jobs, page by page, and drop what is gone."""
        for kind, store in ((GPU_POOL, self.pools), (TENANT, self.tenants)):
            names, version = set(), ""
            async for page in self._client.list_pages(kind):
                version = page.resource_version
                for obj in page.items:
                    store.see(obj)
                    names.add(obj["metadata"]["name"])
            store.keep_only(names, _number(version))
        uids, version = set(), ""
        async for page in self._client.list_pages(TRAINING_JOB):
            version = page.resource_version
            for obj in page.items:
                self.jobs.see(obj, time.time())
                uids.add(obj["metadata"]["uid"])
        self.jobs.keep_only(uids, _number(version))

    async def _learn_services(self) -> None:
        """Find out which jobs have their Service: a gang that runs is not asked about it one by one."""
        ours = f"{LABEL_MANAGED_BY}={MANAGED_BY}"
        async for page in self._client.list_pages(SERVICE, label_selector=ours):
            for service in page.items:
                for owner in service["metadata"].get("ownerReferences") or ():
                    tracked = self.jobs.by_uid(owner["uid"])
                    if tracked is not None:
                        tracked.has_service = True

    async def _relist(self) -> None:
        """Now and then, drop what the watches have missed."""
        while True:
            await asyncio.sleep(self._settings.relist_s)
            try:
                await self._list_all()
            except GoneError:
                continue
            except ApiError as error:
                _log.warning("cannot list anew: %s %s", error.status, error.reason)
            self._wake.set()

    def _tenant_by_namespace(self) -> Mapping[str, str]:
        if self._namespaces is None:
            self._namespaces = namespaces_of(self.tenants)
        return self._namespaces

    def _gang_of(self, job: TrainingJob) -> Gang | None:
        names = self._tenant_by_namespace()
        return gang_of(job, lambda namespace: self.tenants.get(names.get(namespace, "")), self.pools.get)

    def _news(self) -> None:
        self._keeper.all_due()
        self._namespaces = None
        self.jobs.news = True
        self._wake.set()

    def _pod_changed(self, old: PodRecord | None, new: PodRecord | None) -> None:
        self._pod_index.changed(old, new)
        self._wake.set()

    def _node_changed(self, old: NodeRecord | None, new: NodeRecord | None) -> None:
        self._node_view.changed(old, new)
        if self.jobs.news:
            self._wake.set()

    def _write_failed(self, key: str, error: Exception) -> None:
        tracked = self.jobs.by_uid(key)
        if tracked is None:
            _log.error("cannot write for %s", key, exc_info=error)
            return
        self._setbacks.failed(tracked, Stage.ACT, error, time.time())
        self.jobs.touch(tracked.key)
        self._wake.set()


def _number(version: str) -> int:
    return int(version) if version.isdigit() else 0
