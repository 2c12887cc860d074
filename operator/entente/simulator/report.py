"""The figures of replays: per policy and tenant, and against the static partition; by the same code for all."""

from collections.abc import Mapping, Sequence
from typing import Any

from entente.simulator.figures import hours, jain, mean, percentile, ratio, rounded
from entente.simulator.meter import Tally
from entente.simulator.outcome import JobOutcome, Outcome, Reclaim, Setback
from entente.simulator.policy import Site

BASELINE = "static"
"""The policy that the others are compared to: what a tenant has when nobody shares."""

_LATER = 1.1
"""A job is later than under the baseline when its completion time is longer by this factor."""


def figures(site: Site, outcome: Outcome, baseline: Outcome | None = None) -> dict[str, Any]:
    """All figures of one policy.

    Args:
        site: what was replayed on.
        outcome: of the policy.
        baseline: of the static partition, where that was replayed too.
    """
    by_tenant: dict[str, list[JobOutcome]] = {name: [] for name in site.tenants}
    for job in outcome.jobs.values():
        by_tenant[job.job.tenant].append(job)
    tallies = {name: _summed(outcome.tallies, name) for name in site.tenants}
    shares = {name: tally.used / tally.due for name, tally in tallies.items() if tally.due}
    jobs = list(outcome.jobs.values())
    whole = _row(site, jobs, outcome.reclaims, list(tallies.values()))
    capacity = {pool: site.capacity(pool) for pool in site.pools}
    window = sum(gpus * outcome.window_s for gpus in capacity.values())
    waiting = sum(capacity[name] * tally.waiting_s for name, tally in outcome.pools.items())
    whole |= {
        "utilisation": ratio(sum(tally.held_in_window for tally in outcome.pools.values()), window),
        "utilisation_while_waiting": ratio(sum(t.held_while_waiting for t in outcome.pools.values()), waiting),
        "goodput": ratio(sum(job.useful_gpu_s for job in jobs), sum(job.held_gpu_s for job in jobs)),
        "makespan_h": hours(outcome.ended),
        "jain": rounded(jain(list(shares.values()))),
        "worst_tenant_vs_static": None,
        "jobs_10pct_later_than_static": None,
    }
    tenants = {}
    for name, mine in by_tenant.items():
        reclaims = [reclaim for reclaim in outcome.reclaims if reclaim.tenant == name]
        row = _row(site, mine, reclaims, [tallies[name]])
        guaranteed = sum(terms.guaranteed for terms in site.tenants[name].terms.values())
        row |= {
            "guaranteed": guaranteed,
            "used_of_guaranteed": ratio(tallies[name].used, guaranteed * outcome.ended),
            "used_of_due": rounded(shares.get(name)),
            "jct_vs_static": None,
        }
        tenants[name] = row
    if baseline is not None:
        _compare(outcome, baseline, whole, tenants)
    return {"all": whole, "tenants": tenants}


def _summed(tallies: Mapping[tuple[str, str], Tally], tenant: str) -> Tally:
    mine = [tally for (name, _), tally in tallies.items() if name == tenant]
    return Tally(
        used=sum(tally.used for tally in mine),
        due=sum(tally.due for tally in mine),
        entitled=sum(tally.entitled for tally in mine),
        missing=sum(tally.missing for tally in mine),
        borrowed=sum(tally.borrowed for tally in mine),
        lent=sum(tally.lent for tally in mine),
    )


def _row(
    site: Site, jobs: Sequence[JobOutcome], reclaims: Sequence[Reclaim], tallies: Sequence[Tally]
) -> dict[str, Any]:
    """What is said of a tenant and of all."""
    completion = [job.completion_s for job in jobs if job.completion_s is not None]
    delays = [job.delay_s for job in jobs if job.delay_s is not None]
    wasted = {cause: sum(job.wasted_gpu_s(cause) for job in jobs) for cause in Setback}
    return {
        "jobs": len(jobs),
        "done": len(completion),
        "mean_jct_h": hours(mean(completion)),
        "p50_jct_h": hours(percentile(completion, 50)),
        "p99_jct_h": hours(percentile(completion, 99)),
        "mean_queue_h": hours(mean(delays)),
        "p50_queue_h": hours(percentile(delays, 50)),
        "p99_queue_h": hours(percentile(delays, 99)),
        "used_gpu_h": hours(sum(tally.used for tally in tallies)),
        "useful_gpu_h": hours(sum(job.useful_gpu_s for job in jobs)),
        "borrowed_gpu_h": hours(sum(tally.borrowed for tally in tallies)),
        "lent_gpu_h": hours(sum(tally.lent for tally in tallies)),
        "wasted_gpu_h": hours(sum(wasted.values())),
        "wasted_by": {
            "evictions": hours(wasted[Setback.EVICTION]),
            "failures": hours(wasted[Setback.FAILURE]),
            "growth": hours(wasted[Setback.OWN]),
        },
        "evictions": sum(job.evictions for job in jobs),
        "failures": sum(job.failures for job in jobs),
        "deficit": ratio(sum(tally.missing for tally in tallies), sum(tally.entitled for tally in tallies)),
        "reclaim_s": _reclaim(site, reclaims),
    }


def _reclaim(site: Site, reclaims: Sequence[Reclaim]) -> dict[str, Any]:
    seconds = [reclaim.seconds for reclaim in reclaims]
    kept = sum(reclaim.seconds <= site.pools[reclaim.pool].notice_s for reclaim in reclaims)
    return {
        "count": len(seconds),
        "p50": rounded(percentile(seconds, 50)),
        "p99": rounded(percentile(seconds, 99)),
        "max": rounded(max(seconds, default=None)),
        "within_notice": ratio(kept, len(seconds)),
    }


def _compare(outcome: Outcome, baseline: Outcome, whole: dict[str, Any], tenants: dict[str, dict[str, Any]]) -> None:
    """Against the static partition, over the jobs that are done in both."""
    mine: dict[str, list[float]] = {}
    theirs: dict[str, list[float]] = {}
    later = both = 0
    for key, job in outcome.jobs.items():
        before = baseline.jobs[key].completion_s
        if job.completion_s is None or before is None:
            continue
        both += 1
        later += job.completion_s > _LATER * before
        mine.setdefault(job.job.tenant, []).append(job.completion_s)
        theirs.setdefault(job.job.tenant, []).append(before)
    for name, completion in mine.items():
        tenants[name]["jct_vs_static"] = ratio(mean(completion) or 0.0, mean(theirs[name]) or 0.0)
    found = [row["jct_vs_static"] for row in tenants.values() if row["jct_vs_static"] is not None]
    whole["worst_tenant_vs_static"] = max(found, default=None)
    whole["jobs_10pct_later_than_static"] = ratio(later, both)
