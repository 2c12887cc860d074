"""`entente status`: pools, tenants and jobs, as far as the caller may see them."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import click

from entente.api.amounts import count
from entente.api.base import Condition
from entente.api.job import Phase, TrainingJob
from entente.api.pool import GPUPool
from entente.api.tenant import Tenant
from entente.cli.cluster import Cluster
from entente.cli.columns import lines_of
from entente.cli.options import Access, cluster_options, output_option
from entente.cli.sight import Sight
from entente.cli.words import duration, listed, say

_WELL = frozenset({"Ready"})
"""Conditions that are worth a word when they are not True; others, when they are."""


_COLUMNS = {
    "PENDING": (Phase.PENDING,),
    "RUNNING": (Phase.STARTING, Phase.RUNNING, Phase.STOPPING),
    "SUSPENDED": (Phase.SUSPENDED,),
    "SUCCEEDED": (Phase.SUCCEEDED,),
    "FAILED": (Phase.FAILED,),
}
"""Of the jobs' table."""


@click.command()
@click.option("-n", "--namespace", help="A namespace of your tenant; that of the context by default.")
@output_option
@cluster_options
def status(namespace: str | None, output: str, access: Access) -> None:
    """Show pools, tenants and jobs.

    Admins see all of them. Members of a tenant see the pools' totals, and the figures and jobs of their own tenant. The
    last line says what you may not see.
    """
    cluster = Cluster(access)
    overview = look(Sight(cluster, namespace or cluster.namespace))
    if output == "json":
        click.echo(json.dumps(overview.as_json(), indent=1))
    else:
        for paragraph in overview.paragraphs():
            click.echo(paragraph)
        overview.say_the_rest()


@dataclass
class JobsOfNamespace:
    """How many jobs of a namespace are in which phase."""

    namespace: str
    tenant: str | None
    phases: Counter[Phase] = field(default_factory=Counter)
    gpus_in_use: int = 0
    gpus_asked: int = 0
    """By pending jobs that would start, were there GPUs."""


@dataclass(frozen=True, slots=True)
class Overview:
    pools: tuple[GPUPool, ...]
    tenants: tuple[Tenant, ...]
    jobs: tuple[JobsOfNamespace, ...]
    pending: dict[tuple[str, str], int]
    """GPUs that pending jobs ask for, by tenant and the first pool that they name."""
    kept: tuple[str, ...]
    unreadable: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "pools": [
                {
                    "name": pool.metadata.name,
                    "nodes": pool.status.nodes,
                    "capacity": pool.status.capacity,
                    "free": pool.status.free,
                    "guaranteed": pool.status.guaranteed,
                    "noticeSeconds": pool.spec.notice_seconds,
                    "notes": _notes(pool.status.conditions),
                }
                for pool in self.pools
            ],
            "tenants": [
                {
                    "name": tenant.metadata.name,
                    "pools": [
                        {
                            "name": figures.name,
                            "guaranteed": figures.guaranteed,
                            "entitled": figures.entitled,
                            "borrowed": figures.borrowed,
                            "lent": figures.lent,
                            "due": figures.due,
                            "pending": self.pending.get((tenant.metadata.name, figures.name), 0),
                        }
                        for figures in tenant.status.pools
                    ],
                    "budget": tenant.status.budget.to_wire() if tenant.status.budget else None,
                    "notes": _notes(tenant.status.conditions),
                }
                for tenant in self.tenants
            ],
            "jobs": [
                {
                    "namespace": jobs.namespace,
                    "tenant": jobs.tenant,
                    "phases": {phase.value: jobs.phases[phase] for phase in Phase if jobs.phases[phase]},
                    "gpusInUse": jobs.gpus_in_use,
                    "gpusAsked": jobs.gpus_asked,
                }
                for jobs in self.jobs
            ],
            "notShown": list(self.kept),
            "unreadable": list(self.unreadable),
        }

    def paragraphs(self) -> Iterator[str]:
        for rows in (self._pools(), self._tenants(), self._jobs()):
            if rows:
                yield "\n".join(rows) + "\n"

    def say_the_rest(self) -> None:
        for pool in self.pools:
            for note in _notes(pool.status.conditions):
                say(f"Pool {pool.metadata.name}: {note}")
        for tenant in self.tenants:
            for note in (*_budget(tenant), *_notes(tenant.status.conditions)):
                say(f"Tenant {tenant.metadata.name}: {note}")
        for text in self.unreadable:
            say(text[0].upper() + text[1:])
        if self.kept:
            say(f"Not shown, since you may not read them: {listed(self.kept)}.")

    def _pools(self) -> list[str]:
        numbers = ("NODES", "CAPACITY", "FREE", "GUARANTEED", "NOTICE")
        rows = [
            (
                pool.metadata.name,
                *map(str, (pool.status.nodes, pool.status.capacity, pool.status.free, pool.status.guaranteed)),
                duration(pool.spec.notice_seconds),
            )
            for pool in self.pools
        ]
        return lines_of(("POOL", *numbers), rows, right=numbers, name="POOL") if rows else []

    def _tenants(self) -> list[str]:
        numbers = ("GUARANTEED", "ENTITLED", "BORROWED", "LENT", "DUE", "PENDING")
        rows: list[tuple[str, ...]] = []
        for tenant in self.tenants:
            name = tenant.metadata.name
            for it in tenant.status.pools:
                pending = self.pending.get((name, it.name), 0)
                figures = (it.guaranteed, it.entitled, it.borrowed, it.lent, it.due, pending)
                rows.append((name, it.name, *map(str, figures)))
            if not tenant.status.pools:
                rows.append((name, *["-"] * (len(numbers) + 1)))
        return lines_of(("TENANT", "POOL", *numbers), rows, right=numbers, name="TENANT") if rows else []

    def _jobs(self) -> list[str]:
        if not self.jobs:
            return ["No jobs." if not self.kept else "No jobs that you may see."]
        columns = {
            header: [sum(jobs.phases[phase] for phase in phases) for jobs in self.jobs]
            for header, phases in _COLUMNS.items()
        }
        shown = {header: counts for header, counts in columns.items() if any(counts)}
        shown["GPUS"] = [jobs.gpus_in_use for jobs in self.jobs]
        shown["ASKED"] = [jobs.gpus_asked for jobs in self.jobs]
        names = [jobs.namespace for jobs in self.jobs]
        rows = [(name, *map(str, counts)) for name, *counts in zip(names, *shown.values(), strict=True)]
        return lines_of(("NAMESPACE", *shown), rows, right=shown, name="NAMESPACE")


def look(sight: Sight) -> Overview:
    """What the caller may see of everything. Raises ClusterError."""
    pools, tenants, jobs = sight.pools, sight.tenants, sight.jobs
    by_namespace: dict[str, JobsOfNamespace] = {}
    pending: Counter[tuple[str, str]] = Counter()
    by_name = {tenant.metadata.name: tenant for tenant in tenants}
    for job in jobs:
        namespace = job.metadata.namespace or ""
        tenant = sight.tenant_by_namespace.get(namespace)
        row = by_namespace.setdefault(namespace, JobsOfNamespace(namespace, tenant))
        row.phases[job.status.phase] += 1
        if (allocation := job.status.allocation) is not None:
            row.gpus_in_use += allocation.gpus
        if (asked := gpus_asked(job)) > 0:
            row.gpus_asked += asked
            if tenant is not None and (pool := _first_pool(job, by_name[tenant])) is not None:
                pending[tenant, pool] += asked
    rows = tuple(by_namespace[name] for name in sorted(by_namespace))
    return Overview(pools, tenants, rows, dict(pending), tuple(sight.kept), tuple(sight.unreadable))


def gpus_asked(job: TrainingJob) -> int:
    """GPUs that a job waits for; none when it does not wait, or asks for nothing now."""
    reason = job.status.queue.reason
    if job.status.phase is not Phase.PENDING or (reason is not None and not reason.is_demand):
        return 0
    return job.spec.workers * job.spec.gpus_per_worker


def _first_pool(job: TrainingJob, tenant: Tenant) -> str | None:
    """The first of its pools that its tenant has terms for."""
    granted = [terms.name for terms in tenant.spec.pools]
    return next((pool for pool in job.spec.pools or granted if pool in granted), None)


def _notes(conditions: Iterable[Condition]) -> list[str]:
    """Conditions that say that something is not as it should be."""
    return [
        f"{condition.type}: {condition.message}" if condition.type not in _WELL else f"not Ready: {condition.message}"
        for condition in conditions
        if condition.status == ("False" if condition.type in _WELL else "True")
    ]


def _budget(tenant: Tenant) -> Iterator[str]:
    budget, spent = tenant.spec.budget, tenant.status.budget
    if budget is None or spent is None:
        return
    share = f"{spent.spent_gpu_hours:.1f} of {budget.gpu_hours:g} GPU-hours are spent"
    period = f"in the {count(budget.period_days, 'day')} from {spent.period_start:%Y-%m-%d %H:%M} UTC on"
    yield f"{share} {period}."
