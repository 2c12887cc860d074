"""What a claim finds at a later moment: kept for the next one, and yet as if it were looked at anew."""

import random
from dataclasses import dataclass

import pytest

from entente.api.job import EvictionCause
from entente.engine.cycle import Claim, Cycle, begin, claim_of, walk_all
from entente.engine.decisions import Evict
from entente.engine.outlook import Outlook, outlook
from entente.engine.reservations import Reservation
from entente.engine.state import State
from tests.support.estates import NOW, estate

HOSTS = 4
LATER = NOW + 300.0


@dataclass
class Opened:
    """A decision under way, and a claim in it."""

    cycle: Cycle
    claim: Claim

    def seen(self, over: frozenset[str], moment: float = LATER) -> Outlook:
        return outlook(self.cycle, self.claim, over, moment)

    def anew(self, over: frozenset[str], moment: float) -> Outlook:
        tenant = self.claim.tenant.name
        return Outlook(self.cycle, self.claim.pool, tenant, over, moment, self.cycle.reservations["h100"])


def opened(*, exclusive: bool) -> Opened:
    draft = estate().pool(hosts=HOSTS, exclusive=exclusive).tenant("a", 8).tenant("b", 8).tenant("c", 0)
    draft = draft.running("a/one", {"h100-0": 4}).running("b/two", {"h100-1": 2, "h100-2": 6})
    draft = draft.stopping("c/gone", {"h100-3": 3}).pending("a/claim", gpus_per_worker=2)
    for index in range(4):
        draft = draft.pending(f"b/next-{index}", gpus_per_worker=index + 1)
    snapshot = draft.snapshot()
    state = State(snapshot)
    state.estate.watch()
    cycle = begin(state, snapshot.now)
    walk_all(cycle)
    (entry,) = cycle.pending("a")
    return Opened(cycle, claim_of(cycle, entry, "h100", first=True))


def findings(found: Outlook) -> tuple[object, ...]:
    names = [f"h100-{i}" for i in range(HOSTS)]
    spots = {t: sorted((s.name, s.free, s.own) for s in found.spots(t)) for t in ("a", "b")}
    return [found.base(n) for n in names], found.free(), [found.rooms(g) for g in (1, 2, 4, 8)], spots


def reserved(cycle: Cycle, host: str, gpus: int) -> Reservation:
    """GPUs of a host that nobody but the third tenant gets."""
    return Reservation(
        "c/r",
        "c",
        cycle.snapshot.pools["h100"],
        priority=0,
        workers={host: 1},
        gpus={host: gpus},
        room={host: gpus},
        turn=LATER,
        entitled=False,
        own=True,
        binds_others=True,
    )


def step(order: random.Random, cycle: Cycle) -> None:
    """Something that a decision does."""
    working, host = cycle.estate, f"h100-{order.randrange(HOSTS)}"
    waiting = [j for j in cycle.snapshot.jobs.values() if j.key.startswith("b/next") and j.key not in working.running]
    what = order.choice(("start", "hold", "leave", "reserve"))
    if what == "leave" and working.running:
        key = order.choice(sorted(working.running))
        cycle.gone_by[key] = LATER + order.choice((-60.0, 60.0))
        working.leave(key)
        cycle.decisions.append(Evict(key, "a/claim", 1, 0.0, EvictionCause.PRIORITY, 30.0))
    elif what == "reserve":
        cycle.reservations["h100"].append(reserved(cycle, host, order.randint(1, 3)))
    elif waiting and what in ("start", "hold"):
        job = order.choice(waiting)
        if job.key not in working.holds:
            (working.start if what == "start" else working.hold)(job, "h100", {host: 1})


@pytest.mark.parametrize("exclusive", [False, True], ids=["shared hosts", "exclusive hosts"])
@pytest.mark.parametrize("seed", range(20))
def test_what_is_kept_is_what_would_be_found_anew_after_every_step(seed: int, *, exclusive: bool) -> None:
    order, case = random.Random(seed), opened(exclusive=exclusive)  # noqa: S311 - a repeatable draw, no secret
    for _ in range(8):
        for moment in order.sample((LATER - 90.0, LATER, LATER + 90.0), 2):
            over = frozenset(k for k in ("a/one", "b/two") if k in case.cycle.estate.running and order.random() < 0.5)
            assert findings(case.seen(over, moment)) == findings(case.anew(over, moment))
        step(order, case.cycle)


def test_the_same_look_is_not_taken_twice() -> None:
    case = opened(exclusive=False)
    assert case.seen(frozenset()) is case.seen(frozenset())


def test_one_more_reservation_leaves_the_look_without_it_as_it_was() -> None:
    case = opened(exclusive=False)
    before = case.seen(frozenset())
    expected = findings(before)
    case.cycle.reservations["h100"].append(reserved(case.cycle, "h100-0", 2))
    assert findings(case.seen(frozenset())) != expected
    assert findings(before) == expected


@pytest.mark.parametrize(
    ("given", "workers"),
    [
        pytest.param(2, 0, id="no more than is reserved"),
        pytest.param(4, 1, id="beyond what is reserved"),
    ],
)
def test_a_host_on_which_more_is_reserved_than_comes_free_takes_room_from_no_other(given: int, workers: int) -> None:
    it = opened(exclusive=False)
    it.cycle.reservations["h100"].append(reserved(it.cycle, "h100-1", 8))
    found = it.seen(frozenset())
    assert found.base("h100-1") == -2
    assert found.rooms(2, {"b/two": {"h100-1": given}}) - found.rooms(2) == workers
