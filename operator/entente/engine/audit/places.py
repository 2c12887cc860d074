"""Where a plan puts workers: capacity, whole gangs, one tenant on an exclusive node."""

from collections.abc import Iterator

from entente.api.amounts import count
from entente.engine.audit.case import Case, Invariant, Violation, ends_within
from entente.engine.audit.recount import Side
from entente.engine.decisions import Decision, Evict, Grow, Hold, Shrink, Start, Wait
from entente.engine.model import Job


def capacity(case: Case) -> Iterator[Violation]:
    """No node gives more than it has, now and when what is on its way out is gone."""
    nodes = case.snapshot.nodes
    for name, added in _added_now(case).items():
        used = case.then.gpus(name, Side.STAYS, Side.GOES)
        if used > nodes[name].capacity:
            text = f"{count(added, 'more GPU')} would make {used} in use of {nodes[name].capacity}"
            yield Violation(Invariant.CAPACITY_NEVER_EXCEEDED, name, text)
    for decision in case.plan.decisions:
        if isinstance(decision, Hold):
            later = case.then.without(ends_within(case, case.pool_of(decision)))
            for name in decision.nodes:
                if (used := later.gpus(name, Side.STAYS, Side.HELD)) > nodes[name].capacity:
                    text = f"{count(used, 'GPU')} in use and held, of {nodes[name].capacity}, for {decision.job}, too"
                    yield Violation(Invariant.CAPACITY_NEVER_EXCEEDED, name, text)
        if isinstance(decision, Grow):
            for name in decision.nodes:
                if not nodes[name].capacity:
                    text = f"{decision.job} is to start again there, but the node takes no pods"
                    yield Violation(Invariant.CAPACITY_NEVER_EXCEEDED, name, text)


def _added_now(case: Case) -> dict[str, int]:
    """GPUs that are put to use at once, by node."""
    added: dict[str, int] = {}
    for grip in case.then.grips:
        if grip.side is Side.STAYS:
            had = sum(g.gpus for g in case.was.on(grip.node, Side.STAYS) if g.job == grip.job)
            if grip.gpus > had:
                added[grip.node] = added.get(grip.node, 0) + grip.gpus - had
    return added


def gangs(case: Case) -> Iterator[Violation]:
    """A job gets its least number of workers in one decision, where it asked for them, or none."""
    for key, decisions in case.decided.items():
        job, kinds = case.job(key), [type(d) for d in decisions if not isinstance(d, Shrink)]
        if len(set(kinds)) < len(kinds) or (len(kinds) > 1 and set(kinds) != {Evict, Hold}):
            text = f"has the decisions {', '.join(k.__name__ for k in kinds)} at once"
            yield Violation(Invariant.GANG_ATOMIC, key, text)
        for decision in decisions:
            if text := _not_whole(case, job, decision):
                yield Violation(Invariant.GANG_ATOMIC, key, f"{type(decision).__name__}: {text}")


def _not_whole(case: Case, job: Job, decision: Decision) -> str:
    if isinstance(decision, Evict | Wait):
        return ""
    nodes, now = case.snapshot.nodes, max(p.workers if p else 0 for p in (job.placement, job.hold))
    match decision:
        case Start() | Hold():
            least, most = job.min_workers, max(job.workers, now)
        case Shrink():
            least, most = job.min_workers, now - 1
        case Grow():
            least, most = now + 1, job.max_workers
    if not least <= decision.workers <= most:
        return f"has {count(decision.workers, 'worker')}, and from {least} to {most} are possible"
    if strangers := [n for n, w in decision.nodes.items() if w < 1 or n not in nodes or nodes[n].pool != decision.pool]:
        return f"no workers, or no node of pool {decision.pool}: {', '.join(strangers)}"
    levels = case.pool_of(decision).levels
    if job.required and not isinstance(decision, Shrink) and job.level in levels:
        domains = {nodes[n].domains[levels.index(job.level)] for n in decision.nodes}
        if len(domains) > 1 or "" in domains:
            return f"stands in {len(domains)} domains of {job.level}"
    return ""


def exclusive(case: Case) -> Iterator[Violation]:
    """Nobody is put on a node beside another tenant, or before it was handed over."""
    for decision in case.plan.decisions:
        if not isinstance(decision, Start | Hold | Grow) or not case.pool_of(decision).exclusive:
            continue
        tenant, pool = case.job(decision.job).tenant, case.pool_of(decision)
        here = case.then.without(ends_within(case, pool)) if isinstance(decision, Hold) else case.then
        sides = (Side.STAYS, Side.HELD) if isinstance(decision, Hold) else tuple(Side)
        for name in decision.nodes:
            node = case.snapshot.nodes[name]
            if others := {g.tenant for g in here.on(name, *sides)} - {tenant}:
                text = f"{decision.job} of {tenant} is put beside {', '.join(sorted(others))}"
                yield Violation(Invariant.NODES_EXCLUSIVE, name, text)
            foreign = node.last_tenant not in (None, tenant)
            if foreign and (node.handover_failed or (isinstance(decision, Start) and pool.handover_s is not None)):
                text = f"{decision.job} gets a node that was not handed over by {node.last_tenant}"
                yield Violation(Invariant.NODES_EXCLUSIVE, name, text)
