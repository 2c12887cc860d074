"""Candidates domain by domain: the order in which they are looked at loses no set, and no host that is unlike."""

import random
from dataclasses import replace

import pytest

from entente.engine.busy import Idle
from entente.engine.candidates import candidates
from entente.engine.cycle import Claim, Cycle, begin, claim_of, walk_all
from entente.engine.domains import by_domain
from entente.engine.ground import Ground
from entente.engine.limits import test_of as limits_test_of  # pytest takes what is called test_ for its own
from entente.engine.option import Cost, Group
from entente.engine.outlook import NOTHING
from entente.engine.state import State
from entente.engine.victims import Effort, cheapest, cost
from tests.support.estates import NOW, RACK, Draft, estate

HOSTS = 4
SIZES = (1, 2, 4, 8)


def drawn(order: random.Random) -> Draft:
    """Hosts full of the claim's tenant's lower jobs and a borrower's; its claim is for one worker."""
    draft = estate().pool(hosts=HOSTS).tenant("a", order.choice((8, 16, 24))).tenant("b", 0)
    for host in range(HOSTS):
        left, index = 8, 0
        while left:
            gpus, ran = min(left, order.choice(SIZES)), order.choice((700.0, 900.0, 2500.0))
            key = f"{order.choice('ab')}/r{host}-{index}"
            draft = draft.running(key, {f"h100-{host}": 1}, gpus_per_worker=gpus, priority="low", ran_s=ran)
            left, index = left - gpus, index + 1
    return draft.pending("a/claim", gpus_per_worker=order.choice(SIZES), submitted=NOW - 900.0)


def opened(draft: Draft) -> tuple[Cycle, Claim]:
    cycle = begin(State(draft.snapshot()), NOW)
    walk_all(cycle)
    (entry,) = cycle.pending("a")
    return cycle, claim_of(cycle, entry, "h100", first=True)


def best_of_each_host(cycle: Cycle, claim: Claim, ground: Ground, groups: list[Group], idle: Idle) -> list[Cost]:
    """What the cheapest set costs that makes room on a host, own jobs elsewhere included, host by host."""
    found = []
    for host in range(HOSTS):
        test = limits_test_of(cycle, claim, ground, groups, frozenset({f"h100-{host}"}), idle)
        if best := cheapest(groups, test, Effort(100_000)):
            found.append(cost(best))
    return found


@pytest.mark.parametrize("seed", range(60))
def test_the_first_domains_hold_the_cheapest_set(seed: int) -> None:
    order = random.Random(seed)  # noqa: S311 - a repeatable draw, no secret
    cycle, claim = opened(drawn(order))
    ground = Ground(cycle, claim, (), NOW + 300.0)
    groups, idle = candidates(cycle, claim, ground.charges(NOTHING)), Idle(cycle, claim, ground)
    best: Cost | None = None
    for least, there, test in by_domain(cycle, claim, ground, groups, idle):
        if best is not None and best < least:
            break
        if (found := cheapest(there, test, Effort())) and (best is None or cost(found) < best):
            best = cost(found)
    assert best == min(best_of_each_host(cycle, claim, ground, groups, idle), default=None)


def test_a_gang_on_many_hosts_is_looked_at_once() -> None:
    draft = estate().pool(hosts=HOSTS).tenant("a", 32).tenant("b", 0)
    draft = draft.running("b/gang", {f"h100-{i}": 1 for i in range(HOSTS)}, gpus_per_worker=8)
    cycle, claim = opened(draft.pending("a/claim", gpus_per_worker=2))
    ground = Ground(cycle, claim, (), NOW + 300.0)
    choices = list(
        by_domain(cycle, claim, ground, candidates(cycle, claim, ground.charges(NOTHING)), Idle(cycle, claim, ground))
    )
    assert [[g[0].job for g in there] for _, there, _ in choices] == [["b/gang"]]


def test_domains_are_looked_at_anew_once_a_host_changes_or_goes() -> None:
    draft = estate().pool(hosts=2, racks=2).tenant("a", 8)
    state = State(draft.snapshot())
    before = state.estate.layout("h100").domains(RACK)
    assert state.estate.layout("h100").domains(RACK) is before
    node = state.nodes["h100-1"]
    (other,) = {domain for domain in before.hosts if domain != before.of[node.name]}
    state.put_node(replace(node, domains=(other, f"{other}/h100-1")))
    assert state.estate.layout("h100").domains(RACK).hosts == {other: frozenset({"h100-0", "h100-1"})}
    state.drop_node("h100-1")
    assert state.estate.layout("h100").domains(RACK).of == {"h100-0": other}
