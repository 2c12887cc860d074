"""The writer: work on one object in order, work on many objects at once, but on no more than agreed."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import NamedTuple

Job = Callable[[], Awaitable[None]]
"""Does some writes; called once, when its turn comes."""


class _Queued(NamedTuple):
    job: Job
    slot: str | None


class Writer:
    """Runs jobs: those of one key one after the other, in the order submitted; of different keys together.

    After each job a key goes behind all other waiting keys, so that one object's many writes delay nobody.

    Args:
        concurrency: jobs running together at most.
        on_error: told of the key and the error of a job that failed; it must not raise. The key's next job runs
            nevertheless.
    """

    def __init__(self, concurrency: int, *, on_error: Callable[[str, Exception], None]) -> None:
        if concurrency < 1:
            message = f"concurrency: {concurrency} given; it must be at least 1"
            raise ValueError(message)
        self._concurrency = concurrency
        self._on_error = on_error
        self._queues: dict[str, deque[_Queued]] = {}
        """Keys with a job running or waiting; a running job is in its queue no more."""
        self._ready: deque[str] = deque()
        """Keys with a job waiting and none running."""
        self._workers: set[asyncio.Task[None]] = set()
        self._working = 0
        """Workers that will look for a ready key again; a task that is only about to end is not one of them."""
        self._waiting = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._closed = False

    @property
    def waiting(self) -> int:
        """Jobs that wait for their turn."""
        return self._waiting

    def busy(self, key: str) -> bool:
        """Whether a job of this key runs or waits."""
        return key in self._queues

    def submit(self, key: str, job: Job, *, slot: str | None = None) -> None:
        """Run a job in the key's order. Never blocks.

        Args:
            key: of the object that the job writes to.
            job: what to do.
            slot: what the job writes (`status`, say). If the key's last waiting job has the same slot, the new job
                takes its place: what would be overwritten at once is not written.

        Raises:
            RuntimeError: the writer is closed.
        """
        if self._closed:
            message = "the writer is closed"
            raise RuntimeError(message)
        queue = self._queues.get(key)
        if queue is None:
            queue = self._queues[key] = deque()
            self._ready.append(key)
        if slot is not None and queue and queue[-1].slot == slot:
            queue[-1] = _Queued(job, slot)
            return
        queue.append(_Queued(job, slot))
        self._waiting += 1
        self._idle.clear()
        if self._working < self._concurrency and self._ready:
            self._working += 1
            worker = asyncio.get_running_loop().create_task(self._work())
            self._workers.add(worker)
            worker.add_done_callback(self._workers.discard)

    async def drain(self) -> None:
        """Wait until nothing runs or waits."""
        await self._idle.wait()

    async def aclose(self) -> None:
        """Drop what waits and cancel what runs: for when this process must stop writing at once."""
        self._closed = True
        for worker in tuple(self._workers):
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)
        self._queues.clear()
        self._ready.clear()
        self._waiting = 0
        self._idle.set()

    async def _work(self) -> None:
        """Run jobs until no key is ready."""
        while self._ready:
            key = self._ready.popleft()
            queue = self._queues[key]
            job = queue.popleft().job
            self._waiting -= 1
            try:
                await job()
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if task is None or task.cancelling():
                    raise
                # Something inside the job was cancelled, not the job: the worker must live on.
                self._on_error(key, RuntimeError("cancelled from within"))
            except Exception as error:  # noqa: BLE001 - one job's error must not end the others
                self._on_error(key, error)
            if queue:
                self._ready.append(key)
            else:
                del self._queues[key]
        self._working -= 1
        if not self._queues:
            self._idle.set()
