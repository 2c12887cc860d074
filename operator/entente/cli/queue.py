"""`entente queue`: who waits, in what order, for what, and until when."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import click

from entente.api.amounts import count
from entente.api.job import Phase, TrainingJob
from entente.cli.cluster import Cluster, Reader
from entente.cli.columns import lines_of
from entente.cli.options import Access, cluster_options, namespace_options, output_option
from entente.cli.sight import Sight
from entente.cli.words import listed, say, since, until, wrapped

_NOT_LOOKED_AT = "The operator has not looked at it yet."


@click.command()
@namespace_options
@output_option
@cluster_options
def queue(*, namespace: str | None, all_namespaces: bool, output: str, access: Access) -> None:
    """Show pending jobs in their order.

    A position counts the pending jobs of one tenant, in all of its namespaces. `entente why JOB` tells more about one.
    """
    cluster = Cluster(access)
    home, now = namespace or cluster.namespace, datetime.now(UTC)
    jobs, remarks = _jobs(cluster, home, all_namespaces=all_namespaces)
    waiting = in_order(jobs)
    if output == "json":
        click.echo(json.dumps([_as_json(job) for job in waiting], indent=1))
        return
    where = "any namespace that you may read" if all_namespaces else f"namespace {home}"
    if not waiting:
        others = count(len(jobs), "job")
        click.echo(f"Nothing waits in {where}" + (f" ({others} there)." if jobs else ": there are no jobs."))
    for line in as_lines(waiting, now, with_namespace=all_namespaces):
        click.echo(line)
    for remark in remarks:
        say(remark)


def _jobs(cluster: Reader, home: str, *, all_namespaces: bool) -> tuple[tuple[TrainingJob, ...], list[str]]:
    """The jobs to look at, and what is to be said beside them."""
    sight = Sight(cluster, home)
    jobs = sight.jobs if all_namespaces else sight.jobs_in(home)
    kept = [f"Not shown, since you may not read them: {listed(sight.kept)}."] if sight.kept else []
    return jobs, [*sight.unreadable, *kept]


def in_order(jobs: Iterable[TrainingJob]) -> list[TrainingJob]:
    """Those that wait, by namespace and place; jobs without a place come last."""

    def rank(job: TrainingJob) -> tuple[str, bool, int, datetime, str]:
        position = job.status.queue.position
        return (
            job.metadata.namespace or "",
            not position,
            position,
            _since(job) or datetime.max.replace(tzinfo=UTC),
            job.key,
        )

    return sorted((job for job in jobs if job.status.phase is Phase.PENDING), key=rank)


def as_lines(waiting: Iterable[TrainingJob], now: datetime, *, with_namespace: bool) -> Iterable[str]:
    """A table row for each, and its message beneath it."""
    given = list(waiting)
    if not given:
        return
    rows = []
    for job in given:
        it = job.status.queue
        name = job.key if with_namespace else job.metadata.name
        place = str(it.position) if it.position else "-"
        rows.append((place, name, _asked(job), it.reason or "-", since(_since(job), now), until(it.eta, now)))
    header, *lines = lines_of(("#", "JOB", "GPUS", "REASON", "WAITING", "ETA"), rows, right=("#", "GPUS"), name="JOB")
    yield header
    for job, line in zip(given, lines, strict=True):
        yield line
        yield wrapped(job.status.queue.message or _NOT_LOOKED_AT, "    ", "    ")


def _since(job: TrainingJob) -> datetime | None:
    return job.status.queue.since or job.metadata.creation_timestamp


def _asked(job: TrainingJob) -> str:
    """`16 (2x8)`; of an elastic job what it needs at the least, too: `8-16 (1-2x8)`."""
    spec = job.spec
    least = spec.elastic.min_workers if spec.elastic else spec.workers
    per = spec.gpus_per_worker
    if least == spec.workers:
        return f"{spec.workers * per} ({spec.workers}x{per})" if spec.workers > 1 else str(per)
    return f"{least * per}-{spec.workers * per} ({least}-{spec.workers}x{per})"


def _as_json(job: TrainingJob) -> dict[str, Any]:
    it, spec = job.status.queue, job.spec
    wire = it.to_wire()
    since_ = _since(job)
    return {
        "job": job.key,
        "position": it.position,
        "reason": it.reason.value if it.reason else None,
        "message": it.message,
        "workers": spec.workers,
        "minWorkers": spec.elastic.min_workers if spec.elastic else spec.workers,
        "gpusPerWorker": spec.gpus_per_worker,
        "gpus": spec.workers * spec.gpus_per_worker,
        "since": since_.isoformat() if since_ else None,
        "entitledSince": wire.get("entitledSince"),
        "eta": wire.get("eta"),
    }
