"""How the workers of a gang find each other: a headless Service and environment variables.

One worker is one process of the group for those who start one process per pod (plain `torch.distributed` with `env://`,
gloo, `jax.distributed`): `WORLD_SIZE` counts workers. `torchrun` takes the `PET_*` variables for its options, starts
one process per GPU of the worker and sets the plain ones anew for each.

A gang of one meets nobody: its master is `localhost`, so that it need not wait for its Service, which only serves those
who want to reach it by name.
"""

from collections.abc import Mapping
from typing import Any

from entente.api.job import TrainingJob
from entente.api.names import API_VERSION, LABEL_JOB, LABEL_JOB_UID, LABEL_MANAGED_BY, MANAGED_BY
from entente.workload.naming import label_value, pod_name, service_name

MASTER_PORT = 29500
"""The port that `torchrun` takes by itself."""


def service(job: TrainingJob) -> dict[str, Any]:
    """The Service that gives each worker a name in DNS.

    It publishes workers that are not ready, since they become ready only once they have found each other.
    """
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": service_name(job),
            "namespace": job.metadata.namespace,
            "labels": {LABEL_MANAGED_BY: MANAGED_BY, LABEL_JOB: label_value(job.metadata.name)},
            "ownerReferences": [owner(job)],
        },
        "spec": {
            "clusterIP": "None",
            "publishNotReadyAddresses": True,
            "selector": {LABEL_JOB_UID: job.metadata.uid},
            "ports": [{"name": "rendezvous", "port": MASTER_PORT, "targetPort": MASTER_PORT}],
        },
    }


def environment(job: TrainingJob, *, start: int, rank: int, workers: int, gpus: int) -> Mapping[str, str]:
    """What a worker must know of its gang; what the template sets under these names is replaced."""
    master = f"{pod_name(job.metadata.name, start, 0)}.{service_name(job)}" if workers > 1 else "localhost"
    return {
        "MASTER_ADDR": master,
        "WORLD_SIZE": str(workers),
        "RANK": str(rank),
        "LOCAL_WORLD_SIZE": "1",
        "NODE_RANK": str(rank),
        "ENTENTE_JOB": job.key,
        "ENTENTE_RESTART": str(start),
        "ENTENTE_GPUS_PER_WORKER": str(gpus),
    }


def defaults(env: Mapping[str, str], *, port: str, gpus: int) -> Mapping[str, str]:
    """What launchers read, unless the template says otherwise."""
    return {
        "MASTER_PORT": port,
        "PET_NNODES": env["WORLD_SIZE"],
        "PET_NODE_RANK": env["NODE_RANK"],
        "PET_NPROC_PER_NODE": str(gpus),
        "PET_MASTER_ADDR": env["MASTER_ADDR"],
        "PET_MASTER_PORT": port,
        "JAX_COORDINATOR_ADDRESS": f"{env['MASTER_ADDR']}:{port}",
        "JAX_NUM_PROCESSES": env["WORLD_SIZE"],
        "JAX_PROCESS_ID": env["RANK"],
    }


def owner(job: TrainingJob) -> dict[str, Any]:
    """The reference by which the garbage collector removes what a job owned."""
    return {
        "apiVersion": API_VERSION,
        "kind": "TrainingJob",
        "name": job.metadata.name,
        "uid": job.metadata.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }
