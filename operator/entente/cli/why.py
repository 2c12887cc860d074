"""`entente why`: why a job waits, or can be evicted, in full sentences."""

import difflib
import json
from datetime import UTC, datetime

import click

from entente.api.job import TrainingJob
from entente.cli.account import account
from entente.cli.case import Case
from entente.cli.cluster import Cluster, ClusterError, ForbiddenError, NotThereError, Reader
from entente.cli.options import Access, cluster_options, output_option
from entente.cli.sight import Sight
from entente.cli.words import wrapped
from entente.kube.kinds import TRAINING_JOB

_NEAR = 5
"""Names that are offered in place of one that is not there."""


@click.command()
@click.argument("job", metavar="[NAMESPACE/]JOB")
@click.option("-n", "--namespace", help="Namespace of the job; that of the context by default.")
@output_option
@cluster_options
def why(*, job: str, namespace: str | None, output: str, access: Access) -> None:
    """Say why a job waits, or by what right it runs.

    For a job that waits it says the reason, and what ends the wait. For one that runs it says who may take its GPUs,
    and what that would cost. It tells nothing of any other tenant.
    """
    cluster = Cluster(access)
    home, name = _place(job, namespace, cluster.namespace)
    case = look(cluster, home, name, datetime.now(UTC))
    sentences = list(account(case))
    if output == "json":
        click.echo(json.dumps(_as_json(case, sentences), indent=1))
        return
    for sentence in sentences:
        click.echo(wrapped(sentence, others="  "))


def _place(job: str, namespace: str | None, home: str) -> tuple[str, str]:
    parts = job.split("/")
    match parts:
        case [name] if name:
            return namespace or home, name
        case [given, name] if given and name:
            if namespace not in (None, given):
                message = f"JOB: {job} names the namespace {given}, but --namespace says {namespace}"
                raise click.UsageError(message)
            return given, name
    message = f"JOB: {job!r} is neither NAME nor NAMESPACE/NAME"
    raise click.UsageError(message)


def look(cluster: Reader, namespace: str, name: str, now: datetime) -> Case:
    """Read a job and what may be told beside it.

    Raises:
        ClusterError: there is no such job, it may not be read, or it cannot be made sense of.
    """
    sight = Sight(cluster, namespace)
    try:
        found = cluster.get(TRAINING_JOB, name, namespace)
    except NotThereError as error:
        message = f"no job {name} in namespace {namespace}{_near(sight, namespace, name)}"
        raise ClusterError(message) from error
    try:
        job = TrainingJob.model_validate(found)
    except ValueError as error:
        message = f"{namespace}/{name} cannot be read by this version of the command: {error}"
        raise ClusterError(message) from error
    pools = {pool.metadata.name: pool for pool in sight.pools}
    return Case(job, pools, sight.own_tenant, now)


def _near(sight: Sight, namespace: str, name: str) -> str:
    try:
        names = [job.metadata.name for job in sight.jobs_in(namespace)]
    except (ForbiddenError, NotThereError):
        return ""
    if not names:
        return ": there are no jobs"
    near = difflib.get_close_matches(name, names, n=_NEAR, cutoff=0.5)
    return (
        f"; did you mean {', '.join(near)}?"
        if near
        else f"; it has {', '.join(sorted(names)[:_NEAR])}" + (" and others" if len(names) > _NEAR else "")
    )


def _as_json(case: Case, sentences: list[str]) -> dict[str, object]:
    status = case.job.status
    wire = status.to_wire()
    return {
        "job": case.key,
        "phase": status.phase.value,
        "allocation": wire.get("allocation"),
        "queue": wire.get("queue") if status.queue.reason else None,
        "hold": wire.get("hold"),
        "stopping": wire.get("stopping"),
        "evictions": wire.get("evictions", []),
        "gpuSeconds": status.gpu_seconds,
        "wastedGpuSeconds": status.wasted_gpu_seconds,
        "explanation": sentences,
    }
