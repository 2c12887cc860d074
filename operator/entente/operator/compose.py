"""The composition root: makes everything, in the order of its life, and takes it down again.

Standby: wait for the Lease. Leader: list everything, then decide, while kopf tells of events and the Lease is kept.
A process that loses the Lease ends; it is started anew as a standby, with nothing remembered.
"""

import asyncio
import logging
import os
import signal
import socket
import time
import uuid
from collections.abc import Callable, Coroutine
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import kopf

from entente.api.job import TrainingJob
from entente.api.pool import GPUPool
from entente.api.tenant import Tenant
from entente.engine.decisions import Plan
from entente.kube.backoff import Backoff
from entente.kube.client import KubeClient
from entente.kube.config import Connection
from entente.kube.errors import ApiError, ConfigError, ForbiddenError, NotFoundError, UnauthorizedError
from entente.kube.impersonation import as_somebody
from entente.kube.kinds import GPU_POOL, TENANT, TRAINING_JOB
from entente.kube.lease import Leadership
from entente.metrics.instruments import Instruments
from entente.operator.core import Core
from entente.operator.debug import LOOPBACK, DebugServer
from entente.operator.handlers import kopf_settings, registry_for
from entente.operator.health import HealthServer
from entente.operator.settings import Settings

_log = logging.getLogger(__name__)

_KOPF_EXIT_S = 5.0
_LOOK_AGAIN_S = 2.0


class Process:
    """One operator process, from its start to its end.

    Args:
        settings: what it was told.
        printed: a plan as `entente plan -o json` prints it.
    """

    def __init__(self, settings: Settings, printed: Callable[[Plan], str]) -> None:
        for model in (GPUPool, Tenant, TrainingJob):
            model.model_rebuild()  # here, and not within the first decision, which has a time to keep
        self._settings = settings
        self._debug = DebugServer(lambda: self._core.loop.latest if self._core else None, printed)
        acting = as_somebody(settings.user, settings.groups)
        self._connection = Connection.discover(settings.kubeconfig, context=settings.context, acting=acting)
        self._instruments = Instruments(_version())
        # A restarted container has the same host name: the random part makes each process another one.
        self._identity = f"{socket.gethostname()}_{os.getpid()}_{uuid.uuid4().hex[:8]}"
        self._stop = asyncio.Event()
        self._state = "starting"
        self._core: Core | None = None
        self._leading_since = 0.0

    async def run(self) -> int:
        """Run until told to stop; returns the exit code."""
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, self._stop.set)
        health = HealthServer(self._instruments, alive=self._wrong, ready=self._unready, role=lambda: self._state)
        port = await health.start(self._settings.host, self._settings.port)
        _log.info("entente %s, health and metrics on %s:%d", _version(), self._settings.host, port)
        await self._start_debug()
        observer = self._instruments.observe_request
        election = KubeClient(self._connection, observer=observer, backoff=Backoff(cap_s=1.0, patience_s=2.0))
        leadership = Leadership(
            election, self._settings.namespace, self._settings.lease_name, self._identity, self._settings.lease_s
        )
        client = KubeClient(self._connection, observer=observer, fence=leadership.remaining)
        try:
            if not await self._until_stop(self._resources_are_there(client)):
                return 0
            self._state = "standby"
            if not await self._until_stop(leadership.acquire()):
                return 0
            return await self._lead(client, leadership)
        finally:
            await leadership.release()
            await client.aclose()
            await election.aclose()
            await self._debug.aclose()
            await health.aclose()

    async def _start_debug(self) -> None:
        given = self._settings.debug_port
        if given is None:
            return
        try:
            port = await self._debug.start(given)
        except OSError as error:
            message = f"--debug-port: cannot listen on {LOOPBACK}:{given}: {error.strerror}"
            raise ConfigError(message) from error
        _log.info("decisions of all tenants at http://%s:%d/debug/snapshot", LOOPBACK, port)

    async def _until_stop(self, coroutine: Coroutine[Any, Any, object]) -> bool:
        """Whether it ended before the process was told to stop."""
        task, stop = asyncio.create_task(coroutine), asyncio.create_task(self._stop.wait())
        await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
        done = task.done()
        for one in (task, stop):
            one.cancel()
        await asyncio.gather(task, stop, return_exceptions=True)
        if done and not task.cancelled():
            task.result()
        return done

    async def _resources_are_there(self, client: KubeClient) -> None:
        """Wait until the custom resources can be read: kopf does not look for them later."""
        for kind in (GPU_POOL, TENANT, TRAINING_JOB):
            while True:
                try:
                    async for _ in client.list_pages(kind, limit=1):
                        break
                except ApiError as error:
                    _log.warning("cannot list %s.%s: %s. %s", kind.plural, kind.group, error, _remedy(error))
                    self._state = f"waiting for {kind.plural}"
                    await asyncio.sleep(_LOOK_AGAIN_S)
                else:
                    break

    async def _lead(self, client: KubeClient, leadership: Leadership) -> int:
        self._state, self._leading_since = "listing", time.monotonic()
        core = Core(client, self._instruments, self._settings, self._identity)
        kopf_stop = asyncio.Event()
        # Before the first list is complete: of a large estate it takes longer than the Lease lasts.
        keeping = asyncio.create_task(leadership.keep(), name="lease")
        async with core.observing():
            self._core = core
            self._state = "leading"
            told = asyncio.create_task(self._kopf(core, kopf_stop), name="kopf")
            tasks = {
                told,
                asyncio.create_task(core.loop.run(), name="loop"),
                keeping,
                asyncio.create_task(self._stop.wait(), name="stop"),
            }
            ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            self._state = "stopping"
            code = 0 if self._stop.is_set() else 1
            for task in ended:
                if not self._stop.is_set():
                    _log.error("task %s ended: %r", task.get_name(), task.exception())
            for task in tasks - {told}:
                if task.get_name() != "lease":
                    task.cancel()
            kopf_stop.set()
            with suppress(TimeoutError):
                await asyncio.wait_for(asyncio.gather(told, return_exceptions=True), _KOPF_EXIT_S)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return code

    async def _kopf(self, core: Core, stop: asyncio.Event) -> None:
        ready = asyncio.Event()
        running = asyncio.create_task(
            kopf.operator(
                registry=registry_for(core, self._connection),
                settings=kopf_settings(),
                # Without one, kopf asks for the user's name, which a pod's user need not have. Its type is not public.
                identity=self._identity,  # type: ignore[arg-type]
                clusterwide=True,
                stop_flag=stop,
                ready_flag=ready,
            )
        )
        began = asyncio.create_task(ready.wait())
        await asyncio.wait({running, began}, return_when=asyncio.FIRST_COMPLETED)
        began.cancel()
        # kopf has taken the signals; they mean more than the end of kopf.
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, self._stop.set)
        await running

    def _wrong(self) -> str | None:
        """What makes a restart the right thing to do."""
        core = self._core
        if core is None or self._state != "leading":
            return None
        last = core.loop.ended_at or self._leading_since
        silent = time.monotonic() - last
        return f"no cycle has ended for {silent:.0f} s" if silent > self._settings.stuck_s else None

    def _unready(self) -> str | None:
        """What this process waits for before it acts or can stand by."""
        if self._state == "standby":
            return None
        if self._core is None or not self._core.synced:
            return self._state
        return None if self._core.loop.cycles else "first cycle"


def _remedy(error: ApiError) -> str:
    """What an admin does about resources that cannot be listed."""
    match error:
        case NotFoundError():
            return "Their definitions are not installed: `kubectl apply -f crds/`, or install the Helm chart"
        case ForbiddenError():
            return "The operator's account has not the rights that the Helm chart gives it: install its ClusterRole"
        case UnauthorizedError():
            return "The server does not take the operator's credentials: see its service account, or its kubeconfig"
        case _:
            return "Trying again"


async def run(settings: Settings, printed: Callable[[Plan], str]) -> int:
    """Run the operator; returns the exit code.

    Args:
        settings: what it was told.
        printed: a plan as `entente plan -o json` prints it, for the debug port.

    Raises:
        ConfigError: the API server's address or credentials cannot be read, or the debug port cannot be used.
        OSError: the health address cannot be used.
    """
    return await Process(settings, printed).run()


def _version() -> str:
    try:
        return version("entente")
    except PackageNotFoundError:  # run from a work tree
        return "unknown"
