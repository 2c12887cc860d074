"""`entente snapshot`: what a live cluster's decisions rest on, as `entente plan` reads it."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import click

from entente.api.core import NodeRecord, PodRecord
from entente.api.inputs import Inputs, kept_tenant, real_pool
from entente.api.job import TrainingJob
from entente.api.pool import GPUPool
from entente.api.tenant import Tenant
from entente.cli.cluster import Cluster, ForbiddenError, Reader
from entente.cli.options import Access, cluster_options, operator_namespace_option
from entente.cli.parsing import parsed
from entente.kube.kinds import GPU_POOL, NODE, POD, TENANT, TRAINING_JOB
from entente.workload.handover import is_handover

_RIGHTS = (
    "Decisions rest on the whole estate: this needs the right to list nodes, pods, gpupools.entente.dev, "
    "tenants.entente.dev and trainingjobs.entente.dev of all namespaces."
)


@click.command()
@click.option("--out", type=click.Path(dir_okay=False), help="File to write; standard output by default.")
@operator_namespace_option
@cluster_options
def snapshot(out: str | None, operator_namespace: str, access: Access) -> None:
    """Write a live cluster as input for `entente plan -f`.

    You need the right to list nodes, pods, GPUPools, Tenants and TrainingJobs of all namespaces. The output has no
    templates, environment, secrets or messages, but it names all tenants and their jobs.
    """
    text = taken(Cluster(access), operator_namespace, datetime.now(UTC), _warn).to_json()
    if out is None:
        click.echo(text, nl=False)
        return
    try:
        Path(out).write_text(text, encoding="utf-8")
    except OSError as error:
        message = f"--out: {out} cannot be written: {error.strerror}"
        raise click.ClickException(message) from error


def taken(cluster: Reader, operator_namespace: str, now: datetime, warn: Callable[[str], None]) -> Inputs:
    """What the operator would decide about, were it to see the cluster as it is now.

    Jobs before pods: a pod whose job came in between is nobody's, where a job without its pods is merely starting.

    Args:
        cluster: read with the caller's rights.
        operator_namespace: where handover pods are.
        now: the moment.
        warn: told of objects that cannot be read and are left out.

    Raises:
        ClusterError: something may not, or cannot, be read.
    """
    try:
        return _taken(cluster, operator_namespace, now, warn)
    except ForbiddenError as error:
        message = f"{error.message.rstrip('.')}. {_RIGHTS}"
        raise ForbiddenError(message) from error


def _taken(cluster: Reader, operator_namespace: str, now: datetime, warn: Callable[[str], None]) -> Inputs:
    pools = parsed(cluster.list(GPU_POOL), lambda obj: real_pool(GPUPool.model_validate(obj)), warn)
    tenants = parsed(cluster.list(TENANT), lambda obj: kept_tenant(Tenant.model_validate(obj)), warn)
    nodes = parsed(cluster.list(NODE), NodeRecord.from_object, warn)
    jobs = parsed(cluster.list(TRAINING_JOB), TrainingJob.model_validate, warn)
    pods = parsed(cluster.list(POD), PodRecord.from_object, warn)
    counted = tuple(pod for pod in pods if pod.gpus and not is_handover(pod, operator_namespace))
    return Inputs(now, tuple(pools), tuple(tenants), tuple(jobs), tuple(nodes), counted)


def _warn(text: str) -> None:
    click.echo(f"entente snapshot: {text}", err=True)
