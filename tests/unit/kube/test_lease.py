import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typing_extensions import override

from entente.kube.errors import AlreadyExistsError, ApiError, ConflictError, NotFoundError, UnreachableError
from entente.kube.kinds import Kind
from entente.kube.lease import Leadership
from tests.support.virtualtime import run

Object = dict[str, Any]
EPOCH = datetime(2026, 11, 24, tzinfo=UTC)


def loop_time() -> float:
    return asyncio.get_running_loop().time()


@dataclass(frozen=True)
class Trip:
    there_s: float = 0.0
    back_s: float = 0.0
    lost: str = ""
    """`request` or `answer`: which never arrives."""
    silent_s: float = 60.0
    """Until its sender hears that it is lost."""


@dataclass
class Leases:
    """One Lease, kept as the API server keeps it; requests take the trips that are planned for them."""

    trips: list[Trip] = field(default_factory=list)
    lease: Object | None = None
    version: int = 0
    writes: int = 0

    def vacant(self) -> "Leases":
        self._keep({"metadata": {}, "spec": {}})
        return self

    @property
    def spec(self) -> Object:
        assert self.lease is not None
        spec: Object = self.lease["spec"]
        return spec

    async def get(self, _: Kind, __: str, ___: str | None = None) -> Object:
        return await self._travel(self._read)

    async def create(self, _: Kind, body: Object) -> Object:
        def make() -> Object:
            if self.lease is not None:
                raise AlreadyExistsError(409, "AlreadyExists", "there is one")
            return self._keep(body)

        return await self._travel(make)

    async def patch(self, _: Kind, __: str, body: Object, *, namespace: str | None = None) -> Object:
        def change() -> Object:
            old = self._read()
            assert namespace == "system"
            if body["metadata"]["resourceVersion"] != old["metadata"]["resourceVersion"]:
                raise ConflictError(409, "Conflict", "changed")
            return self._keep({"metadata": {}, "spec": {**old["spec"], **body["spec"]}})

        return await self._travel(change)

    def _read(self) -> Object:
        if self.lease is None:
            raise NotFoundError(404, "NotFound", "none")
        return self.lease

    def _keep(self, lease: Object) -> Object:
        self.version += 1
        self.writes += 1
        self.lease = {**lease, "metadata": {**lease["metadata"], "resourceVersion": str(self.version)}}
        return self.lease

    async def _travel(self, deed: Callable[[], Object]) -> Object:
        trip = self.trips.pop(0) if self.trips else Trip()
        if trip.lost == "request":
            await asyncio.sleep(trip.silent_s)
            raise UnreachableError(trip.lost)
        # The server acts even if the client gives up meanwhile.
        answer = asyncio.ensure_future(self._later(trip.there_s, deed))
        answer.add_done_callback(lambda done: done.exception())
        result = await asyncio.shield(answer)
        await asyncio.sleep(trip.back_s)
        if trip.lost == "answer":
            await asyncio.sleep(trip.silent_s)
            raise UnreachableError(trip.lost)
        return result

    async def _later(self, seconds: float, deed: Callable[[], Object]) -> Object:
        await asyncio.sleep(seconds)
        return deed()


def leadership(leases: Leases, identity: str, *, offset_s: float = 0.0, rate: float = 1.0) -> Leadership:
    """A process whose clock started elsewhere and runs at its own rate."""
    return Leadership(
        leases,
        "system",
        "entente",
        identity,
        15,
        clock=lambda: offset_s + rate * loop_time(),
        wall=lambda: EPOCH,
        sleep=lambda seconds: asyncio.sleep(seconds / rate),
    )


def test_a_lease_without_holder_is_taken_at_once_and_says_who_holds_it() -> None:
    async def scenario() -> None:
        leases = Leases().vacant()
        first = leadership(leases, "first")
        await first.acquire()

        assert (loop_time(), first.leads, first.transitions) == (0.0, True, 1)
        assert leases.spec == {
            "holderIdentity": "first",
            "leaseDurationSeconds": 15,
            "acquireTime": "2026-11-24T00:00:00.000000Z",
            "renewTime": "2026-11-24T00:00:00.000000Z",
            "leaseTransitions": 1,
        }

    run(scenario())


def test_a_missing_lease_is_made_but_nobody_acts_for_a_whole_duration_after_it_was_deleted() -> None:
    async def scenario() -> None:
        leases = Leases().vacant()
        first, second = leadership(leases, "first"), leadership(leases, "second")
        await first.acquire()
        leases.lease = None
        deleted_at = loop_time()
        await second.acquire()

        assert loop_time() >= deleted_at + 15
        assert second.leads
        assert not first.leads

    run(scenario())


def test_a_dead_holder_is_followed_within_its_duration_and_a_look() -> None:
    async def scenario() -> None:
        leases = Leases().vacant()
        first, second = leadership(leases, "first"), leadership(leases, "second")
        await first.acquire()
        waiting = asyncio.ensure_future(second.acquire())
        keeping = asyncio.ensure_future(first.keep())
        await asyncio.sleep(100)
        assert (first.leads, second.leads, leases.spec["leaseTransitions"]) == (True, False, 1)

        keeping.cancel()  # the process dies
        await waiting
        assert 100 - 2 + 15 <= loop_time() <= 100 + 15 + 1.2
        assert second.transitions == 2

    run(scenario())


def test_who_releases_stops_at_once_and_is_followed_at_the_next_look() -> None:
    async def scenario() -> None:
        leases = Leases().vacant()
        first, second = leadership(leases, "first"), leadership(leases, "second")
        await first.acquire()
        waiting = asyncio.ensure_future(second.acquire())
        await asyncio.sleep(1)

        await first.release()
        assert not first.leads
        await waiting
        assert loop_time() <= 1 + 1.2
        assert leases.spec["holderIdentity"] == "second"

    run(scenario())


def test_releasing_what_one_does_not_hold_changes_nothing() -> None:
    async def scenario() -> None:
        leases = Leases().vacant()
        first, second = leadership(leases, "first"), leadership(leases, "second")
        await first.acquire()
        await second.release()

        assert leases.spec["holderIdentity"] == "first"

    run(scenario())


def test_who_cannot_renew_stops_before_another_may_follow() -> None:
    async def scenario() -> None:
        leases = Leases().vacant()
        first = leadership(leases, "first")
        await first.acquire()
        leases.trips = [Trip(lost="request")] * 20
        reason = await first.keep()

        assert reason == "no renewal succeeded for 10.0 s"
        assert loop_time() == pytest.approx(10, abs=0.01)
        assert not first.leads

    run(scenario())


@pytest.mark.parametrize("silent_s", [pytest.param(0.1, id="broken"), pytest.param(60.0, id="hanging")])
def test_an_answer_that_was_lost_does_not_lose_the_leadership(silent_s: float) -> None:
    async def scenario() -> None:
        leases = Leases().vacant()
        first = leadership(leases, "first")
        await first.acquire()
        keeping = asyncio.ensure_future(first.keep())
        leases.trips = [Trip(lost="answer", silent_s=silent_s)]
        await asyncio.sleep(30)

        assert (first.leads, keeping.done(), first.transitions) == (True, False, 1)
        keeping.cancel()

    run(scenario())


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        pytest.param({"holderIdentity": "thief", "leaseTransitions": 9}, "taken by 'thief'", id="taken"),
        pytest.param(None, "the lease was deleted", id="deleted"),
    ],
)
def test_who_lost_it_stops_at_the_next_renewal(change: Object | None, reason: str) -> None:
    async def scenario() -> None:
        leases = Leases().vacant()
        first = leadership(leases, "first")
        await first.acquire()
        if change is None:
            leases.lease = None
        else:
            leases._keep({"metadata": {}, "spec": {**leases.spec, **change}})

        assert await first.keep() == reason
        assert loop_time() <= 2.1
        assert not first.leads

    run(scenario())


def test_a_restarted_process_with_the_same_identity_waits_like_any_other() -> None:
    async def scenario() -> None:
        leases = Leases().vacant()
        await leadership(leases, "same").acquire()
        again = leadership(leases, "same")
        await again.acquire()

        assert loop_time() >= 15

    run(scenario())


def test_errors_of_the_server_are_waited_out() -> None:
    class Broken(Leases):
        @override
        async def get(self, kind: Kind, name: str, namespace: str | None = None) -> Object:
            if loop_time() < 30:
                raise ApiError(500, "InternalError", "broken")
            return await super().get(kind, name, namespace)

    async def scenario() -> None:
        first = leadership(Broken().vacant(), "first")
        await first.acquire()

        assert 30 <= loop_time() <= 33

    run(scenario())


@pytest.mark.parametrize(
    ("identity", "duration", "deadline", "renew", "field"),
    [
        ("", 15, 10.0, 2.0, "identity"),
        ("a", 15, 15.0, 2.0, "duration_s: 15, deadline_s: 15.0"),
        ("a", 15, 10.0, 10.0, "renew_s"),
        ("a", 15, 10.0, 0.0, "renew_s"),
    ],
)
def test_times_that_cannot_be_safe_are_refused(
    *, identity: str, duration: int, deadline: float, renew: float, field: str
) -> None:
    with pytest.raises(ValueError, match=field):
        Leadership(Leases(), "system", "entente", identity, duration, deadline_s=deadline, renew_s=renew)


trips = st.builds(
    Trip,
    there_s=st.sampled_from([0.0, 0.1, 1.0, 6.0, 14.0]),
    back_s=st.sampled_from([0.0, 0.1, 1.0, 6.0, 14.0]),
    lost=st.sampled_from(["", "", "", "request", "answer"]),
)


@dataclass(frozen=True)
class Fate:
    """What happens to a process after it has led for some time."""

    after_s: float
    how: str
    """dies, releases, or is kept."""


fates = st.lists(
    st.builds(Fate, after_s=st.floats(0.5, 40), how=st.sampled_from(["dies", "releases", "is kept"])), max_size=3
)


@dataclass
class World:
    """Processes that all want to lead, and whether they ever disagreed."""

    leases: Leases
    processes: list[Leadership] = field(default_factory=list)
    terms: int = 0

    def check(self) -> None:
        leading = [process.identity for process in self.processes if process.leads]
        assert len(leading) <= 1, leading

    def process(self, identity: str, clock: tuple[float, float]) -> Leadership:
        process = leadership(self.leases, identity, offset_s=clock[0], rate=clock[1])
        won = process._won

        def won_and_checked(lease: Object, sent_at: float, *, acts_from: float) -> None:
            won(lease, sent_at, acts_from=acts_from)
            self.check()

        process._won = won_and_checked  # type: ignore[method-assign] # two leaders overlap first when one wins
        self.processes.append(process)
        return process

    async def live(self, name: str, fates: list[Fate], clock: tuple[float, float]) -> None:
        """A process and its successors on one machine, each with an identity of its own."""
        for number, fate in enumerate([*fates, Fate(1e9, "is kept")]):
            process = self.process(f"{name}-{number}", clock)
            await process.acquire()
            self.terms += 1
            try:
                async with asyncio.timeout(fate.after_s):
                    await process.keep()
            except TimeoutError:
                if fate.how == "releases":
                    await process.release()
                if fate.how == "dies":
                    self.processes.remove(process)


@settings(max_examples=100, deadline=None)
@given(
    trips=st.lists(trips, max_size=60),
    fates=st.tuples(fates, fates, fates),
    clocks=st.tuples(*[st.tuples(st.floats(0, 1e6), st.floats(0.85, 1.15))] * 3),
    deleted_at=st.one_of(st.none(), st.floats(1, 60)),
)
def test_never_do_two_believe_that_they_lead(
    *,
    trips: list[Trip],
    fates: tuple[list[Fate], ...],
    clocks: tuple[tuple[float, float], ...],
    deleted_at: float | None,
) -> None:
    async def scenario() -> None:
        world = World(Leases(list(trips)).vacant())
        lives = [asyncio.ensure_future(world.live(f"p{i}", fates[i], clocks[i])) for i in range(3)]
        while loop_time() < 120 or world.leases.trips:
            await asyncio.sleep(0.5)
            if deleted_at is not None and loop_time() - 0.5 <= deleted_at < loop_time():
                world.leases.lease = None
            world.check()
            for done in [life for life in lives if life.done()]:
                done.result()
        assert world.terms  # once requests get through again, somebody leads
        for life in lives:
            life.cancel()
        await asyncio.gather(*lives, return_exceptions=True)

    run(scenario())
