"""Leadership by a Lease: at most one process acts, whatever the clocks of the machines say.

Why two never act together. The holder acts until `deadline_s` after it *sent* its last successful renewal. Another
process takes over only after it has seen the same version of the Lease for the whole duration that the holder wrote
into it, counted from when it *received* that version. Its write has that version as a precondition, so it fails when
the holder renewed meanwhile. Each measures by its own monotonic clock. The other received the version after the holder
sent it, and the deadline is shorter than the duration: so the holder has stopped by then. This holds as long as no
clock runs faster than another by more than duration / deadline. Wall clocks are written for people; nothing compares
them.

A Lease that is missing may have been deleted under a living holder: who makes it anew waits a whole duration before it
acts. A Lease without a holder was given up by its last one, or never had one: it is taken at once. Manifests therefore
bring an empty one, so that a first start does not wait.
"""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from entente.kube.errors import AlreadyExistsError, ApiError, ConflictError, NotFoundError
from entente.kube.kinds import LEASE, Kind
from entente.kube.transport import Object

_log = logging.getLogger(__name__)

_NEVER = float("-inf")


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class _Seen:
    version: str
    holder: str
    duration_s: float
    transitions: int

    @classmethod
    def from_object(cls, lease: Object) -> "_Seen":
        spec = lease.get("spec") or {}
        return cls(
            version=lease["metadata"]["resourceVersion"],
            holder=spec.get("holderIdentity") or "",
            duration_s=float(spec.get("leaseDurationSeconds") or 0),
            transitions=int(spec.get("leaseTransitions") or 0),
        )


class LeaseClient(Protocol):
    async def get(self, kind: Kind, name: str, namespace: str | None = None) -> Object: ...

    async def create(self, kind: Kind, body: Object) -> Object: ...

    async def patch(self, kind: Kind, name: str, body: Object, *, namespace: str | None = None) -> Object:
        """Change it if its resource version is the one given."""
        ...


class Leadership:
    """Whether this process leads.

    Give each process its own client for this, without a fence and with little patience: renewals must not wait behind
    other writes, and must be possible to those who do not lead yet.

    Args:
        client: reads and writes the Lease only.
        namespace: of the Lease.
        name: of the Lease.
        identity: of this process; no other process, a restarted one of the same pod included, may have the same.
        duration_s: whole seconds without renewal after which others may take over.
        deadline_s: seconds after the last successful renewal at which this process stops acting; two thirds of the
            duration by default.
        renew_s: seconds between renewals, and twice those between looks at another's Lease; a fifth of the deadline by
            default.
        clock: monotonic seconds.
        wall: the time to write into the Lease.
        sleep: waits for seconds of `clock`.
        rng: jitter.

    Raises:
        ValueError: not 0 < renew_s < deadline_s < duration_s, or no identity.
    """

    def __init__(
        self,
        client: LeaseClient,
        namespace: str,
        name: str,
        identity: str,
        duration_s: int = 15,
        *,
        deadline_s: float | None = None,
        renew_s: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], datetime] = _now,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        rng: random.Random | None = None,
    ) -> None:
        self.identity = identity
        self.transitions = 0
        """Times that the Lease has changed hands, this process's turn included; grows with each turn."""
        self._client = client
        self._namespace = namespace
        self._name = name
        self._duration_s = duration_s
        self._deadline_s = duration_s * 2 / 3 if deadline_s is None else deadline_s
        self._renew_s = self._deadline_s / 5 if renew_s is None else renew_s
        if not identity:
            message = "identity: empty; it must be unique for this process"
            raise ValueError(message)
        if not 0 < self._renew_s < self._deadline_s < duration_s:
            message = (
                f"duration_s: {duration_s}, deadline_s: {self._deadline_s}, renew_s: {self._renew_s} given; "
                "it must be 0 < renew_s < deadline_s < duration_s"
            )
            raise ValueError(message)
        # One request that hangs must not use up the time in which the next one could succeed.
        self._request_s = self._deadline_s / 3
        self._clock = clock
        self._wall = wall
        self._sleep = sleep
        self._rng = rng or random.Random()  # noqa: S311 - jitter, no secret
        self._seen: _Seen | None = None
        self._seen_at = _NEVER
        self._acts_from = _NEVER
        self._acts_until = _NEVER

    @property
    def leads(self) -> bool:
        """Whether this process may act now."""
        return self.remaining() > 0

    def remaining(self) -> float:
        """Seconds for which this process may act; 0 when it does not lead. The fence of a `KubeClient`."""
        now = self._clock()
        return max(0.0, self._acts_until - now) if now >= self._acts_from else 0.0

    async def acquire(self) -> None:
        """Wait until this process leads; errors of the server are waited out."""
        while not self.leads:
            try:
                took = await self._try_to_take()
            except (ApiError, TimeoutError) as error:
                _log.warning("cannot take lease %s/%s: %s", self._namespace, self._name, type(error).__name__)
                took = False
            if not took:
                await self._sleep(self._until_next_look())
        _log.info("lease %s/%s: %s leads, transition %d", self._namespace, self._name, self.identity, self.transitions)

    async def keep(self) -> str:
        """Renew until leadership is lost; returns why. By then this process has stopped acting."""
        reason = ""
        while not reason:
            if not self.leads:
                reason = f"no renewal succeeded for {self._deadline_s} s"
                break
            await self._sleep(min(self._renew_s, self.remaining()))
            try:
                reason = await self._renew()
            except (ApiError, TimeoutError) as error:
                _log.warning("cannot renew lease %s/%s: %s", self._namespace, self._name, type(error).__name__)
        self._stop()
        _log.warning("lost lease %s/%s: %s", self._namespace, self._name, reason)
        return reason

    async def release(self) -> None:
        """Stop acting, then let others take over at once. Failing that, they wait for the duration.

        Let writes under way end first (`Writer.drain` or `aclose`): nobody waits for them any more after this.
        """
        held = self._seen if self._acts_until > _NEVER else None
        self._stop()
        if held is None or held.holder != self.identity:
            return
        spec = {"holderIdentity": "", "leaseDurationSeconds": 1, "renewTime": self._stamp()}
        try:
            await self._write(held.version, spec, self._request_s)
        except (ApiError, TimeoutError) as error:
            _log.warning("cannot release lease %s/%s: %s", self._namespace, self._name, type(error).__name__)

    def _until_next_look(self) -> float:
        """Often enough to see a renewal soon after it was made, and right when the Lease runs out."""
        pause = self._renew_s / 2 * self._rng.uniform(0.8, 1.2)
        runs_out_in = self._seen_at + self._lasts_s() - self._clock()
        return min(pause, runs_out_in) if runs_out_in > 0 else pause

    def _lasts_s(self) -> float:
        """Seconds that the Lease seen last is good for."""
        return (self._seen.duration_s if self._seen else 0.0) or self._duration_s

    async def _try_to_take(self) -> bool:
        """Look at the Lease, and take it if it may be taken; whether this process acts now."""
        try:
            seen = _Seen.from_object(await self._within(self._client.get(LEASE, self._name, self._namespace)))
        except NotFoundError:
            return await self._make()
        if seen != self._seen:
            self._seen, self._seen_at = seen, self._clock()
        if seen.holder and self._clock() - self._seen_at < self._lasts_s():
            return False
        sent_at = self._clock()
        spec = self._claim(seen.transitions + 1)
        try:
            taken = await self._write(seen.version, spec, self._request_s)
        except ConflictError:  # another was faster
            return False
        self._won(taken, sent_at, acts_from=sent_at)
        return self.leads

    async def _make(self) -> bool:
        sent_at = self._clock()
        body: Object = {
            "metadata": {"name": self._name, "namespace": self._namespace},
            "spec": self._claim(1),
        }
        try:
            made = await self._within(self._client.create(LEASE, body))
        except AlreadyExistsError:
            return False
        acts_from = sent_at + self._duration_s
        self._won(made, sent_at, acts_from=acts_from)
        while self._clock() < acts_from:
            await self._sleep(min(self._renew_s, acts_from - self._clock()))
            if self._clock() >= self._acts_until or await self._renew():
                self._stop()
                return False
        return self.leads

    async def _renew(self) -> str:
        """Renew once; why leadership is lost, or nothing."""
        if self._seen is None or self._clock() >= self._acts_until:
            return f"no renewal succeeded for {self._deadline_s} s"
        sent_at = self._clock()
        left = min(self._request_s, self._acts_until - sent_at)
        try:
            renewed = await self._write(self._seen.version, {"renewTime": self._stamp()}, left)
        except NotFoundError:
            return "the lease was deleted"
        except ConflictError:
            return await self._look_again()
        self._won(renewed, sent_at, acts_from=self._acts_from)
        return ""

    async def _look_again(self) -> str:
        """After a conflict: still ours if an earlier renewal got through unanswered, or another field was changed."""
        try:
            lease = await self._within(self._client.get(LEASE, self._name, self._namespace))
        except NotFoundError:
            return "the lease was deleted"
        seen = _Seen.from_object(lease)
        if seen.holder != self.identity or seen.transitions != self.transitions:
            return f"taken by {seen.holder!r}"
        self._seen, self._seen_at = seen, self._clock()
        return ""

    def _won(self, lease: Object, sent_at: float, *, acts_from: float) -> None:
        self._seen, self._seen_at = _Seen.from_object(lease), self._clock()
        self.transitions = self._seen.transitions
        self._acts_from, self._acts_until = acts_from, sent_at + self._deadline_s

    def _stop(self) -> None:
        self._acts_from = self._acts_until = _NEVER

    def _claim(self, transitions: int) -> Object:
        now = self._stamp()
        return {
            "holderIdentity": self.identity,
            "leaseDurationSeconds": self._duration_s,
            "acquireTime": now,
            "renewTime": now,
            "leaseTransitions": transitions,
        }

    def _stamp(self) -> str:
        return self._wall().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    async def _write(self, version: str, spec: Object, seconds: float) -> Object:
        body: Object = {"metadata": {"resourceVersion": version}, "spec": spec}
        async with asyncio.timeout(seconds):
            return await self._client.patch(LEASE, self._name, body, namespace=self._namespace)

    async def _within(self, request: Awaitable[Object]) -> Object:
        async with asyncio.timeout(self._request_s):
            return await request
