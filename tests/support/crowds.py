"""Estates that are nearly full, with jobs of all kinds that run and wait: drawn, the same each time."""

import random
from collections import Counter
from collections.abc import Callable, Iterator

from entente.engine.cycle import Claim, Cycle, begin, claim_of
from entente.engine.model import Terms
from entente.engine.queues import Pending
from entente.engine.serving import Unplaced, serve
from entente.engine.state import State
from entente.engine.verdict import opened
from entente.engine.walk import ENTITLED
from tests.support.estates import NOW, RACK, Draft, estate

TENANTS = "abc"


def drawn(order: random.Random) -> Draft:
    """Hosts nearly full of all kinds of jobs, some of which end soon, and jobs of all kinds that wait."""
    draft = estate().pool(hosts=4, racks=2)
    for tenant in TENANTS:
        limits = Terms(order.choice((0, 4, 8, 10)), order.choice((None, 0, 4)), order.choice((None, None, 4, 16)))
        draft = draft.tenant(tenant, limits)
    for host in range(4):
        left, index = order.choice((8, 8, 7, 5)), 0
        while left:
            per = order.choice([n for n in (1, 2, 4, 8) if n <= left])
            workers = order.randint(1, left // per)
            draft = draft.running(
                f"{order.choice(TENANTS)}/r{host}-{index}",
                {f"h100-{host}": workers},
                gpus_per_worker=per,
                ran_s=order.choice((60.0, 700.0, 7200.0)),
                elastic=(1, workers) if order.random() < 0.3 else None,
                priority=order.choice((None, "low", "high")),
                on_call=order.random() < 0.1,
                expected_s=order.choice((None, None, 7300.0)),
                max_s=order.choice((None, None, 7400.0)),
            )
            left, index = left - per * workers, index + 1
    for index in range(order.randint(1, 8)):
        draft = draft.pending(
            f"{order.choice(TENANTS)}/w{index}",
            workers=order.choice((1, 1, 2, 3)),
            gpus_per_worker=order.choice((1, 2, 4, 8)),
            priority=order.choice((None, "low", "high")),
            level=RACK,
            required=order.random() < 0.3,
            max_s=order.choice((None, 120.0, 90_000.0)),
            submitted=NOW - order.choice((60.0, 5000.0)),
        )
    return draft


def drawn_alone(order: random.Random) -> Draft:
    """Exclusive hosts, each with jobs of one tenant or empty, some large jobs over two of them, and jobs that wait."""
    draft = estate().pool(hosts=4, gpus=4, exclusive=True)
    for tenant in TENANTS:
        draft = draft.tenant(tenant, order.choice((0, 0, 4, 8)))
    host = 0
    while host < 4:
        tenant, ran = order.choice("aabbc"), order.choice((60.0, 900.0, 7200.0))
        if host < 3 and order.random() < 0.3:
            wide = {f"h100-{host}": 1, f"h100-{host + 1}": 1}
            draft = draft.running(f"{tenant}/wide{host}", wide, gpus_per_worker=order.choice((2, 4)), ran_s=ran)
            host += 2
            continue
        left, index = order.choice((4, 4, 4, 3, 0)), 0
        while left:
            gpus = order.choice([n for n in (1, 2, 4) if n <= left])
            priority = order.choice((None, None, "low"))
            draft = draft.running(f"{tenant}/r{host}-{index}", {f"h100-{host}": gpus}, ran_s=ran, priority=priority)
            left, index = left - gpus, index + 1
        host += 1
    for index in range(order.randint(1, 5)):
        shape = order.choice(((1, 1), (1, 2), (1, 4), (2, 1), (2, 4), (3, 2)))
        draft = draft.pending(
            f"{order.choice(TENANTS)}/w{index}", workers=shape[0], gpus_per_worker=shape[1], submitted=NOW - 900.0
        )
    return draft


def behind(cycle: Cycle) -> Iterator[tuple[Pending, Claim]]:
    """The jobs that still wait and borrow, as if others of their tenants waited before them."""
    for tenant in TENANTS:
        for entry in cycle.pending(tenant):
            claim = claim_of(cycle, entry, "h100", first=False)
            if not claim.entitled:
                yield entry, claim


def judged(seed: int, counted: Callable[[Cycle], Counter[str]]) -> Counter[str]:
    """What is counted in a drawn estate before anybody was served, and after the entitled were."""
    state = State(drawn(random.Random(seed)).snapshot())  # noqa: S311 - a repeatable draw, no secret
    state.estate.watch()
    cycle = opened(begin(state, NOW))
    found = counted(cycle)
    serve(cycle, Unplaced(), ENTITLED)
    return found + counted(cycle)
