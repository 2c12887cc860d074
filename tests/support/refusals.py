"""Manifests that are wrong by themselves, each with what a user is told: by the API server, and offline."""

from dataclasses import dataclass

from tests.support.manifests import REMOVED, Manifest, changed, job, pool, template, tenant


@dataclass(frozen=True, slots=True)
class Refusal:
    """A wrong manifest and a part of the message for it."""

    case: str
    manifest: Manifest
    api: str
    """Of the API server."""
    offline: str | None = None
    """Of `entente plan`; the same when not given."""

    @property
    def offline_message(self) -> str:
        return self.api if self.offline is None else self.offline


def _worker(**paths: object) -> Manifest:
    return job(template=changed(template(), **paths))


_TERMS = {"name": "h100", "guaranteed": 64}
_WINDOW = {"tenant": "anthropic", "gpus": 8, "start": "2027-03-01T09:00:00Z", "end": "2027-03-01T17:00:00Z"}
_SA = {"kind": "ServiceAccount", "name": "ci", "role": "Viewer"}
_ALICE = {"kind": "User", "name": "alice", "role": "Admin"}

POOLS = (
    Refusal(
        "a pool without nodes",
        changed(pool(), spec__nodeSelector=REMOVED),
        "spec.nodeSelector: Required value",
        "spec.nodeSelector",
    ),
    Refusal("a pool that selects all nodes", pool(nodeSelector={}), "spec.nodeSelector", "at least 1 item"),
    Refusal(
        "a node label that is none",
        pool(nodeSelector={"product": "not a label!"}),
        "spec.nodeSelector.product",
        "should match pattern",
    ),
    Refusal(
        "a key of a label that is none",
        pool(nodeSelector={"gpu product": "H100", "rack": "a"}),
        'nodeSelector: ["gpu product"] cannot be keys of labels',
    ),
    Refusal("an unknown field", pool(noticeSecond=60), 'unknown field "spec.noticeSecond"', "spec.noticeSecond"),
    Refusal("a notice too short to save", pool(noticeSeconds=5), "spec.noticeSeconds", "greater than or equal to 30"),
    Refusal("a notice in quotes", pool(noticeSeconds="300"), "spec.noticeSeconds", "should be a valid integer"),
    Refusal(
        "a handover longer than the notice",
        pool(noticeSeconds=60, handover={"image": "wipe:1"}),
        "handover.timeoutSeconds: 120 must be less than noticeSeconds, 60",
    ),
    Refusal(
        "a handover as long as the notice",
        pool(handover={"image": "wipe:1", "timeoutSeconds": 300}),
        "handover.timeoutSeconds: 300 must be less than noticeSeconds, 300",
    ),
    Refusal(
        "a handover without image",
        pool(handover={"command": ["wipe"]}),
        "spec.handover.image: Required value",
        "spec.handover.image",
    ),
    Refusal(
        "an unknown way of sharing",
        pool(nodeSharing="Sometimes"),
        'spec.nodeSharing: Unsupported value: "Sometimes"',
        "'Exclusive' or 'Shared'",
    ),
    Refusal("a resource without a vendor", pool(resource="gpu"), "spec.resource", "should match pattern"),
    Refusal("a topology level twice", pool(topology=["rack", "rack"]), "topology: a level is given twice"),
    Refusal(
        "a negative half-life",
        pool(usage={"halfLifeSeconds": -1}),
        "spec.usage.halfLifeSeconds",
        "greater than or equal to 0",
    ),
    Refusal(
        "more simulated domains than levels",
        pool(topology=["rack"], simulated={"nodes": 4, "gpusPerNode": 8, "domains": [2, 2]}),
        "simulated.domains: has more entries than topology has levels",
    ),
    Refusal(
        "a reservation that ends before it starts",
        pool(reservations=[{**_WINDOW, "end": "2027-02-28T09:00:00Z"}]),
        "end: 2027-02-28T09:00:00Z must be after start, 2027-03-01T09:00:00Z",
    ),
    Refusal(
        "a reservation of no time",
        pool(reservations=[{**_WINDOW, "end": "2027-03-01T10:00:00+01:00"}]),
        "end: 2027-03-01T10:00:00+01:00 must be after start, 2027-03-01T09:00:00Z",
        "end: 2027-03-01T09:00:00Z must be after start, 2027-03-01T09:00:00Z",
    ),
    Refusal(
        "a reservation of no GPUs",
        pool(reservations=[{**_WINDOW, "gpus": 0}]),
        "spec.reservations[0].gpus",
        "greater than or equal to 1",
    ),
    Refusal(
        "a reservation for nobody",
        pool(reservations=[{**_WINDOW, "tenant": "X AI"}]),
        "spec.reservations[0].tenant",
        "should match pattern",
    ),
    Refusal(
        "a reservation without end",
        pool(reservations=[{key: value for key, value in _WINDOW.items() if key != "end"}]),
        "spec.reservations[0].end: Required value",
        "spec.reservations.0.end",
    ),
    Refusal(
        "a reservation from a day on",
        pool(reservations=[{**_WINDOW, "start": "2027-03-01"}]),
        "spec.reservations[0].start",
        "'2027-03-01' is not an RFC 3339 time",
    ),
    Refusal(
        "a reservation at some place's time",
        pool(reservations=[{**_WINDOW, "start": "2027-03-01T09:00:00"}]),
        "spec.reservations[0].start",
        "'2027-03-01T09:00:00' is not an RFC 3339 time",
    ),
    Refusal(
        "reservations of a tenant that overlap",
        pool(
            reservations=[
                _WINDOW,
                {**_WINDOW, "tenant": "xai"},
                {**_WINDOW, "start": "2027-03-01T16:59:59Z", "end": "2027-03-02T09:00:00Z"},
            ]
        ),
        'reservations: two windows of ["anthropic", "anthropic"] overlap; each may begin when the one before it ends',
    ),
    Refusal(
        "more reservations than a calendar holds",
        pool(reservations=[{**_WINDOW, "tenant": f"t{number}"} for number in range(65)]),
        "spec.reservations: Too many: 65: must have at most 64 items",
        "at most 64 items",
    ),
    Refusal("an owner that cannot be a tenant", pool(owner="X AI"), "spec.owner", "should match pattern"),
    Refusal(
        "a pool with a dot in its name",
        pool(name="h100.sxm"),
        "metadata.name: h100.sxm must have no dot and at most 63 characters",
    ),
    Refusal("a pool with a long name", pool(name="h" * 64), "must have no dot and at most 63 characters"),
)

TENANTS = (
    Refusal("no namespace", tenant(namespaces=[]), "spec.namespaces", "at least 1 item"),
    Refusal(
        "a namespace twice",
        tenant(namespaces=["a", "a"]),
        'spec.namespaces[1]: Duplicate value: "a"',
        "'a' is given twice",
    ),
    Refusal(
        "a namespace of the cluster",
        tenant(namespaces=["ok", "kube-system", "default"]),
        'namespaces: ["kube-system", "default"] cannot be a tenant\'s',
    ),
    Refusal(
        "a namespace of the operator",
        tenant(namespaces=["entente-system"]),
        'namespaces: ["entente-system"] cannot be a tenant\'s',
    ),
    Refusal(
        "a namespace that can be none",
        tenant(namespaces=["Anthropic_Research"]),
        "spec.namespaces[0]",
        "should match pattern",
    ),
    Refusal(
        "a pool named twice",
        tenant(pools=[_TERMS, {**_TERMS, "guaranteed": 8}]),
        "spec.pools[1]: Duplicate value",
        "'h100' is given twice",
    ),
    Refusal(
        "a negative guarantee",
        tenant(pools=[{**_TERMS, "guaranteed": -1}]),
        "spec.pools[0].guaranteed",
        "greater than or equal to 0",
    ),
    Refusal(
        "half a GPU guaranteed",
        tenant(pools=[{**_TERMS, "guaranteed": 0.5}]),
        "spec.pools[0].guaranteed",
        "should be a valid integer",
    ),
    Refusal(
        "terms without guarantee",
        tenant(pools=[{"name": "h100"}]),
        "spec.pools[0].guaranteed: Required value",
        "guaranteed",
    ),
    Refusal(
        "more lent than guaranteed",
        tenant(pools=[{**_TERMS, "lendLimit": 80}]),
        "lendLimit: 80 must be at most guaranteed, 64",
    ),
    Refusal(
        "a negative borrow limit",
        tenant(pools=[{**_TERMS, "borrowLimit": -8}]),
        "spec.pools[0].borrowLimit",
        "greater than or equal to 0",
    ),
    Refusal("no weight", tenant(pools=[{**_TERMS, "weight": 0}]), "spec.pools[0].weight", "greater than or equal to 1"),
    Refusal(
        "two default priorities",
        tenant(priorities=[{"name": "a", "value": 1, "default": True}, {"name": "b", "value": 2, "default": True}]),
        'priorities: ["a", "b"] are all default; at most one may be',
    ),
    Refusal(
        "a priority twice",
        tenant(priorities=[{"name": "a", "value": 1}, {"name": "a", "value": 2}]),
        "spec.priorities[1]: Duplicate value",
        "'a' is given twice",
    ),
    Refusal(
        "a priority out of range",
        tenant(priorities=[{"name": "a", "value": 2_000_000}]),
        "spec.priorities[0].value",
        "less than or equal to 1000000",
    ),
    Refusal(
        "an unknown role",
        tenant(members=[{**_ALICE, "role": "Owner"}]),
        'spec.members[0].role: Unsupported value: "Owner"',
        "'Admin', 'Researcher' or 'Viewer'",
    ),
    Refusal(
        "an unknown kind of member",
        tenant(members=[{**_ALICE, "kind": "Robot"}]),
        'spec.members[0].kind: Unsupported value: "Robot"',
        "'User', 'Group' or 'ServiceAccount'",
    ),
    Refusal("a service account from nowhere", tenant(members=[_SA]), "namespace: missing for ServiceAccount ci"),
    Refusal(
        "a user in a namespace",
        tenant(members=[{**_ALICE, "namespace": "a"}]),
        "namespace: must not be set for User alice",
    ),
    Refusal(
        "everybody as a member",
        tenant(members=[{"kind": "Group", "name": "system:authenticated", "role": "Viewer"}]),
        "name: system:authenticated is one of the cluster's own; give a Group of the tenant's people",
    ),
    Refusal(
        "a member twice", tenant(members=[_ALICE, {**_ALICE, "role": "Viewer"}]), "members: somebody is given twice"
    ),
    Refusal(
        "an unknown isolation",
        tenant(isolation={"network": "Loose"}),
        'spec.isolation.network: Unsupported value: "Loose"',
        "'Strict' or 'Open'",
    ),
    Refusal("a negative budget", tenant(budget={"gpuHours": -1}), "spec.budget.gpuHours", "greater than or equal to 0"),
    Refusal(
        "an unknown order",
        tenant(order="LongestFirst"),
        'spec.order: Unsupported value: "LongestFirst"',
        "'FirstCome' or 'ShortestFirst'",
    ),
    Refusal(
        "a tenant with a dot in its name",
        tenant(name="a.b", namespaces=["x"]),
        "metadata.name: a.b must have no dot and at most 63 characters",
    ),
    Refusal(
        "an unknown field of terms",
        tenant(pools=[{**_TERMS, "limit": 3}]),
        'unknown field "spec.pools[0].limit"',
        "limit",
    ),
)

JOBS = (
    Refusal("no workers", job(workers=0), "spec.workers", "greater than or equal to 1"),
    Refusal("no GPUs", job(gpusPerWorker=0), "spec.gpusPerWorker", "greater than or equal to 1"),
    Refusal(
        "no number of workers", changed(job(), spec__workers=REMOVED), "spec.workers: Required value", "spec.workers"
    ),
    Refusal("workers in quotes", job(workers="8"), "spec.workers", "should be a valid integer"),
    Refusal(
        "fewer workers at most than at least",
        job(workers=4, elastic={"minWorkers": 4, "maxWorkers": 2}),
        "minWorkers: 4 must be at most maxWorkers, 2",
    ),
    Refusal(
        "fewer workers than at least",
        job(workers=2, elastic={"minWorkers": 4, "maxWorkers": 8}),
        "workers: 2 must be from elastic.minWorkers, 4, to elastic.maxWorkers, 8",
    ),
    Refusal(
        "more workers than at most",
        job(workers=9, elastic={"minWorkers": 4, "maxWorkers": 8}),
        "workers: 9 must be from elastic.minWorkers, 4, to elastic.maxWorkers, 8",
    ),
    Refusal(
        "elastic without a least number",
        job(elastic={"maxWorkers": 8}),
        "spec.elastic.minWorkers: Required value",
        "spec.elastic.minWorkers",
    ),
    Refusal("a pool twice", job(pools=["a", "b", "a"]), "pools: a pool is named twice"),
    Refusal("no pool at all", job(pools=[]), "spec.pools", "at least 1 item"),
    Refusal("an unknown purpose", job(purpose="Fun"), 'spec.purpose: Unsupported value: "Fun"', "'Training'"),
    Refusal(
        "a topology without level",
        job(topology={"mode": "Required"}),
        "spec.topology.level: Required value",
        "spec.topology.level",
    ),
    Refusal(
        "an unknown topology mode",
        job(topology={"level": "rack", "mode": "Maybe"}),
        'spec.topology.mode: Unsupported value: "Maybe"',
        "'Required' or 'Preferred'",
    ),
    Refusal("no time at all", job(maxSeconds=0), "spec.maxSeconds", "greater than or equal to 1"),
    Refusal("a negative number of retries", job(retry={"limit": -1}), "spec.retry.limit", "greater than or equal to 0"),
    Refusal(
        "checkpoints all the time",
        job(checkpoint={"intervalSeconds": 0}),
        "spec.checkpoint.intervalSeconds",
        "greater than or equal to 1",
    ),
    Refusal("suspended by a word", job(suspend="yes"), "spec.suspend", "should be a valid boolean"),
    Refusal("an unknown field of a job", job(gpus=8), 'unknown field "spec.gpus"', "spec.gpus"),
    Refusal("no template", changed(job(), spec__template=REMOVED), "spec.template: Required value", "spec.template"),
    Refusal(
        "a template without containers",
        job(template={"spec": {"containers": []}}),
        "spec.template.spec.containers",
        "at least 1 item",
    ),
    Refusal(
        "a container without image",
        _worker(spec__containers__0__image=REMOVED),
        "spec.template.spec.containers[0].image: Required value",
        "image",
    ),
    Refusal(
        "two containers of one name",
        job(template={"spec": {"containers": [{"name": "a", "image": "x"}, {"name": "a", "image": "y"}]}}),
        "spec.template.spec.containers[1]: Duplicate value",
        "'a' is given twice",
    ),
    Refusal(
        "a worker that restarts by itself",
        _worker(spec__restartPolicy="OnFailure"),
        "restartPolicy: OnFailure must be Never or not set",
    ),
    Refusal("a node chosen by hand", _worker(spec__nodeName="n1"), "nodeName: must not be set"),
    Refusal("nodes chosen by label", _worker(spec__nodeSelector={"rack": "a"}), "nodeSelector: must not be set"),
    Refusal("nodes chosen by affinity", _worker(spec__affinity={"podAntiAffinity": {}}), "affinity: must not be set"),
    Refusal("another scheduler", _worker(spec__schedulerName="mine"), "schedulerName: must not be set"),
    Refusal(
        "a priority class by hand",
        _worker(spec__priorityClassName="system-node-critical"),
        "priorityClassName: must not be set; use priority of the job",
    ),
    Refusal("a deadline of the pod", _worker(spec__activeDeadlineSeconds=60), "activeDeadlineSeconds: must not be set"),
    Refusal(
        "a rank of one's own",
        _worker(spec__containers__0__env=[{"name": "RANK", "value": "0"}, {"name": "LR", "value": "1"}]),
        'containers[0].env: ["RANK"] must not be set',
    ),
    Refusal(
        "a label of Entente's",
        _worker(metadata__labels={"entente.dev/tenant": "xai"}),
        "labels: those that begin with entente.dev/ must not be set",
    ),
    Refusal(
        "another number of GPUs in the template",
        _worker(spec__containers__0__resources={"limits": {"nvidia.com/gpu": 4}}),
        "asks for another number of GPUs than gpusPerWorker, 8",
    ),
    Refusal(
        "another number of GPUs, in quotes",
        _worker(spec__containers__0__resources={"requests": {"amd.com/gpu": "4"}}),
        "asks for another number of GPUs than gpusPerWorker, 8",
    ),
    Refusal(
        "GPUs for a second container",
        _worker(spec__initContainers=[{"name": "i", "image": "x", "resources": {"limits": {"nvidia.com/gpu": 8}}}]),
        "only the first container has GPUs",
    ),
)

REFUSALS = (*POOLS, *TENANTS, *JOBS)
