"""Carrying out what a job needs: its Service, its pods, their end. Each request may be the last before a crash.

Nothing here remembers anything: each request is either safe to repeat or found out about before it is repeated.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

from entente.api.base import Condition
from entente.api.core import PodRecord
from entente.api.job import TrainingJob
from entente.kube.client import KubeClient
from entente.kube.errors import (
    AlreadyExistsError,
    ApiError,
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
)
from entente.kube.kinds import POD, SERVICE, TRAINING_JOB
from entente.workload import rendezvous
from entente.workload.patching import merge_patch
from entente.workload.pods import Gang, pod

_TOGETHER = 16
"""Pods of one gang made or deleted at the same time: more would keep other jobs' requests waiting."""

_MAX_MESSAGE = 500


class StartRefusedError(Exception):
    """The API server will not have a pod of the gang; the text says why, for the job's owner."""


class NotYetError(Exception):
    """Something that others are about to do is not done yet: try again later."""


_NOT_YET = ("no PriorityClass with name", "error looking up service account")
"""Refusals in a namespace, or of a tenant, that is just being set up."""


class Actions:
    """Requests about the pods of jobs.

    Args:
        client: writes.
    """

    def __init__(self, client: KubeClient) -> None:
        self._client = client

    async def write_status(
        self, job: TrainingJob, before: Mapping[str, Any], after: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Write what has changed of the status, provided that nobody wrote the job since it was read.

        Raises:
            ConflictError: somebody did, or an earlier attempt succeeded whose answer was lost.
            NotFoundError: the job is gone.
            ApiError: anything else.
        """
        body = {
            "metadata": {"uid": job.metadata.uid, "resourceVersion": job.metadata.resource_version},
            "status": merge_patch(before, after),
        }
        return await self._client.patch(
            TRAINING_JOB, job.metadata.name, body, namespace=job.metadata.namespace, subresource="status"
        )

    async def write_unreadable(self, namespace: str, name: str, uid: str, condition: Condition) -> None:
        """Say in a job's status that it cannot be read. Nothing else of the status is touched, save other conditions.

        Raises:
            ApiError: it could not be written.
        """
        body = {"metadata": {"uid": uid}, "status": {"conditions": [condition.to_wire()]}}
        await self._client.patch(TRAINING_JOB, name, body, namespace=namespace, subresource="status", decode=False)

    async def read(self, job: TrainingJob) -> dict[str, Any] | None:
        """The job as it is now; none when it is gone."""
        try:
            return await self._client.get(TRAINING_JOB, job.metadata.name, job.metadata.namespace)
        except NotFoundError:
            return None

    async def make_service(self, job: TrainingJob) -> None:
        """See to it that the job has its headless Service; its name holds the job's uid, so one that exists is its own.

        Raises:
            StartRefusedError: the API server will not have it.
            ApiError: anything else.
        """
        try:
            await self._client.create(SERVICE, rendezvous.service(job), decode=False)
        except AlreadyExistsError:
            return
        except (ForbiddenError, InvalidError, NotFoundError) as error:
            raise _refused(error, "the Service") from error

    async def make_pods(self, gang: Gang, places: Iterable[tuple[int, str]], on_made: Callable[[str], None]) -> None:
        """Make the pods of these ranks on these nodes; `on_made` is told the name of each that is there now.

        Raises:
            StartRefusedError: the API server will not have one of them.
            NotYetError: a pod of an earlier job of the same name is not gone, or the tenant is not set up.
            ApiError: anything else; the others may have been made.
        """
        await _all(self._make_pod(gang, rank, node, on_made) for rank, node in places)

    async def _make_pod(self, gang: Gang, rank: int, node: str, on_made: Callable[[str], None]) -> None:
        body = pod(gang, rank, node)
        name, namespace = body["metadata"]["name"], body["metadata"]["namespace"]
        try:
            await self._client.create(POD, body, decode=False)
        except AlreadyExistsError:
            await self._must_be_ours(gang, name, namespace)
        except (ForbiddenError, InvalidError, NotFoundError) as error:
            raise _refused(error, f"worker {rank}") from error
        on_made(name)

    async def _must_be_ours(self, gang: Gang, name: str, namespace: str) -> None:
        try:
            there = await self._client.get(POD, name, namespace)
        except NotFoundError:
            raise NotYetError(name) from None
        record = PodRecord.from_object(there)
        if record.job_uid != gang.job.metadata.uid or record.deleting:
            raise NotYetError(name)

    async def delete_pods(self, pods: Sequence[PodRecord], grace_s: float) -> None:
        """Tell pods to end: SIGTERM now, SIGKILL after the grace. Only these very pods, by uid.

        Raises:
            ApiError: one of them could not be told; the others are.
        """
        grace = max(1, round(grace_s))
        await _all(
            self._client.delete(POD, one.name, namespace=one.namespace, uid=one.uid, grace_period_seconds=grace)
            for one in pods
        )

    async def remove_job(self, job: TrainingJob) -> None:
        """Delete a finished job; its pods and its Service go with it."""
        try:
            await self._client.delete(
                TRAINING_JOB,
                job.metadata.name,
                namespace=job.metadata.namespace,
                uid=job.metadata.uid,
                propagation="Background",
            )
        except ConflictError:
            return  # another job has the name by now


async def _all(requests: Iterable[Awaitable[object]]) -> None:
    """Run requests a few at a time, all of them, and raise the first error only then."""
    gate = asyncio.Semaphore(_TOGETHER)

    async def one(request: Awaitable[object]) -> None:
        async with gate:
            await request

    outcomes = await asyncio.gather(*(one(request) for request in requests), return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome


def _refused(error: ApiError, what: str) -> StartRefusedError | NotYetError:
    if any(text in error.message for text in _NOT_YET):
        return NotYetError(error.message)
    return StartRefusedError(f"the API server refused {what}: {error.message[:_MAX_MESSAGE]}")
