"""What taking from others may leave idle."""

import random

import pytest

from entente.engine.busy import Idle, keeps_busy
from entente.engine.candidates import candidates
from entente.engine.caps import cap_of
from entente.engine.cycle import Claim, Cycle, begin, claim_of, walk_all
from entente.engine.ground import Ground
from entente.engine.option import Group, Option
from entente.engine.outlook import NOTHING
from entente.engine.placement import Shape, Spot, place
from entente.engine.state import State
from entente.engine.victims import freed_by
from tests.support.estates import NOW, Draft, estate


def drawn(order: random.Random) -> Draft:
    """Hosts full of two borrowers' jobs, a claim, and jobs that wait beside it."""
    draft = estate().pool(hosts=3).tenant("a", 0).tenant("b", 0).tenant("c", 0)
    for host in range(3):
        left, index = 8, 0
        while left:
            gpus = min(left, order.choice((1, 2, 4, 8)))
            draft = draft.running(f"{order.choice('bc')}/r{host}-{index}", {f"h100-{host}": gpus}, ran_s=7200.0)
            left, index = left - gpus, index + 1
    for index in range(order.randint(0, 3)):
        asked = order.choice((1, 2, 4, 8))
        draft = draft.pending(f"{order.choice('abc')}/w{index}", gpus_per_worker=asked, submitted=NOW)
    return draft.pending("a/claim", gpus_per_worker=order.choice((1, 2, 4)), submitted=NOW - 900.0)


def opened(draft: Draft) -> tuple[Cycle, Claim, Ground, list[Group]]:
    """The claim at the beginning of a decision, with its ground and candidates."""
    cycle = begin(State(draft.snapshot()), NOW)
    walk_all(cycle)
    entry = next(e for e in cycle.pending("a") if e.job.key == "a/claim")
    claim = claim_of(cycle, entry, "h100", first=True)
    ground = Ground(cycle, claim, (), NOW)
    return cycle, claim, ground, candidates(cycle, claim, ground.charges(NOTHING))


@pytest.mark.parametrize("seed", range(80))
def test_no_set_that_keeps_the_gpus_busy_leaves_any_idle_nor_does_a_larger_one_use_more(seed: int) -> None:
    order = random.Random(seed)  # noqa: S311 - a repeatable draw, no secret
    cycle, claim, ground, groups = opened(drawn(order))
    idle = Idle(cycle, claim, ground)
    for _ in range(30):
        chosen = [order.choice(g) for g in groups if order.random() < 0.3]
        if chosen and keeps_busy(cycle, claim, ground, chosen):
            assert not idle.left_by(chosen)
        if chosen and idle.left_by(chosen[:1]):
            assert idle.left_by(chosen)


def started_by_the_letter(cycle: Cycle, claim: Claim, ground: Ground, options: list[Option]) -> int:
    """GPUs that waiting jobs within their due start on beside the claim, each placed after the other."""
    freed, pool, total = freed_by(options), claim.pool, 0
    free = {s.name: s.free for s in ground.outlook.spots(claim.tenant.name, freed=freed)}

    def take(nodes: dict[str, int], per: int) -> None:
        for name, workers in nodes.items():
            free[name] -= workers * per

    take(ground.stand(freed, cap=cap_of(cycle, claim, options)) or {}, claim.job.gpus_per_worker)
    for tenant in cycle.state.queues:
        room = cycle.due(tenant, pool.name) - ground.charges(freed)[tenant]
        room -= claim.least_gpus if tenant == claim.tenant.name else 0
        for entry in cycle.pending(tenant):
            job, spots = entry.job, [Spot(name, (name,), gpus, own=False) for name, gpus in free.items() if gpus]
            asked = job.workers * job.gpus_per_worker
            nodes = place(pool, spots, Shape(job.workers, job.workers, job.gpus_per_worker))
            if nodes and asked <= room and job.key != claim.job.key:
                take(nodes, job.gpus_per_worker)
                room, total = room - asked, total + asked
    return total


@pytest.mark.parametrize("seed", range(80))
def test_the_gpus_are_kept_busy_if_as_many_jobs_start_when_each_is_placed_after_the_other(seed: int) -> None:
    order = random.Random(seed)  # noqa: S311 - as above
    draft = drawn(order)
    for index in range(order.randint(0, 6)):
        shape = order.choice(((1, 1), (1, 1), (2, 1), (3, 1), (2, 2), (1, 4)))
        key = f"{order.choice('abc')}/more{index}"
        draft = draft.pending(
            key, workers=shape[0], gpus_per_worker=shape[1], submitted=NOW - order.choice((0.0, 60.0))
        )
    cycle, claim, ground, groups = opened(draft)
    for _ in range(20):
        chosen = [order.choice(g) for g in groups if order.random() < 0.4]
        freed = sum(o.gpus for o in chosen)
        if freed > claim.least_gpus and any(o.tenant != "a" for o in chosen):
            busy = freed <= claim.least_gpus + started_by_the_letter(cycle, claim, ground, chosen)
            assert keeps_busy(cycle, claim, ground, chosen) == busy


@pytest.mark.parametrize(
    ("waiting", "started"),
    [
        pytest.param("b", 0, id="another tenant's jobs cannot start beside the claim"),
        pytest.param("0", 0, id="nor those of a tenant that is looked at first"),
        pytest.param("a", 3, id="those of the claim's tenant can"),
    ],
)
def test_on_exclusive_hosts_only_its_own_tenant_uses_what_the_claim_leaves(waiting: str, started: int) -> None:
    draft = estate().pool(hosts=3, gpus=4, exclusive=True)
    for tenant in ("0", "a", "b", "c"):
        draft = draft.tenant(tenant, 0)
    draft = draft.running("c/wide", {"h100-1": 4, "h100-2": 4})
    for index in range(4):
        draft = draft.running(f"c/r{index}", {"h100-0": 1}, ran_s=7200.0)
    for index in range(3):
        draft = draft.pending(f"{waiting}/w{index}", submitted=NOW)
    cycle, claim, ground, groups = opened(draft.pending("a/claim", submitted=NOW - 900.0))
    on_one_host = [group[-1] for group in groups if group[0].job != "c/wide"]
    assert keeps_busy(cycle, claim, ground, on_one_host) == (len(on_one_host) <= 1 + started)
