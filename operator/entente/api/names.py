"""Group, version, label and annotation names: every string that manifests, pods and other tools rely on."""

from typing import Final

GROUP = "entente.dev"
VERSION = "v1alpha1"
API_VERSION: Final = "entente.dev/v1alpha1"

GPU_RESOURCE = "nvidia.com/gpu"
"""Default extended resource that a worker requests."""

HOSTNAME = "kubernetes.io/hostname"
"""The narrowest topology level: one host."""

LABEL_TENANT = f"{GROUP}/tenant"
"""On namespaces and everything else made for a tenant."""

LABEL_MANAGED_BY = "app.kubernetes.io/managed-by"
MANAGED_BY = "entente"

LABEL_JOB = f"{GROUP}/job"
"""On a worker pod and its Service: the name of its TrainingJob."""

LABEL_JOB_UID = f"{GROUP}/job-uid"
"""On a worker pod: the uid of its TrainingJob, since names are used again."""

LABEL_RANK = f"{GROUP}/rank"
"""On a worker pod: its rank, 0..n-1."""

LABEL_ATTEMPT = f"{GROUP}/attempt"
"""On a worker pod: the start of the gang that it belongs to, counted from 0."""

LABEL_POOL = f"{GROUP}/pool"
"""On a worker pod: the pool that its GPUs come from."""

LABEL_CLASS = f"{GROUP}/class"
"""On a worker pod: Entitled or Borrowed when it was started."""

LABEL_SPEC = f"{GROUP}/spec"
"""On a worker pod: digest of the part of its job's spec that it was made from, to tell later edits."""

LABEL_LAST_TENANT = f"{GROUP}/last-tenant"
"""On a node: who used it last; another tenant gets it only after the handover."""

LABEL_HANDOVER = f"{GROUP}/handover"
"""On a node: Running or Failed, while a handover is not done."""

SUSPECT = f"{GROUP}/suspect"
"""Label and NoSchedule taint of a node that keeps killing workers."""

ANNOTATION_CHECKPOINT = f"{GROUP}/last-checkpoint"
"""On a TrainingJob, patched by its trainer: RFC 3339 time of the last checkpoint."""

ANNOTATION_DECIDED_AT = f"{GROUP}/decided-at"
"""On a List of what a decision rests on: RFC 3339 time of the moment that it is for."""

ANNOTATION_RELEASED_BY = f"{GROUP}/released-by"
"""On a namespace that a tenant gave up: whose things are still in it, so that no other tenant gets it."""

FINALIZER = f"{GROUP}/operator"
"""On Tenants only: deletion waits until the tenant's jobs are gone."""


IMPLICIT_PRIORITY = "default"
"""The priority, of value 0, of the jobs of a tenant that declares none."""


def priority_class_name(tenant: str, priority: str) -> str:
    """The PriorityClass of a tenant's own priority.

    Neither name has a dot, so no two tenants' classes can have one name.
    """
    return f"{MANAGED_BY}.{tenant}.{priority}"
