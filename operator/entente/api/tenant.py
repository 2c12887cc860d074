"""`Tenant`: an organisation (or a joint programme of several), its namespaces, people and quota."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from entente.api.base import (
    MAX_GPUS,
    PLAIN_NAME,
    Condition,
    DNSLabel,
    Flag,
    Model,
    Number,
    ObjectMeta,
    StatusModel,
    Timestamp,
    Whole,
)
from entente.api.names import API_VERSION
from entente.api.rules import ListOf, Rule, Value


class PoolTerms(Model):
    """What a tenant may have of one pool, in whole GPUs."""

    RULES: ClassVar = (
        Rule(
            cel="!has(self.lendLimit) || self.lendLimit <= self.guaranteed",
            holds=lambda it: it.lend_limit is None or it.lend_limit <= it.guaranteed,
            message="lendLimit: {lendLimit} must be at most guaranteed, {guaranteed}",
            at="lendLimit",
        ),
    )

    name: DNSLabel
    """Name of the GPUPool."""
    guaranteed: Annotated[Whole, Field(ge=0, le=MAX_GPUS)]
    """GPUs that the tenant can always have back within the pool's notice. 0: it only borrows."""
    lend_limit: Annotated[Whole, Field(ge=0, le=MAX_GPUS)] | None = None
    """How many of its guaranteed GPUs others may use at most; all when not set, none with 0."""
    borrow_limit: Annotated[Whole, Field(ge=0, le=MAX_GPUS)] | None = None
    """How many GPUs above its guarantee the tenant may use at most; no limit when not set, none with 0."""
    weight: Annotated[Whole, Field(ge=1, le=1_000_000)] = 1
    """Its part of the surplus, relative to other borrowers: 2 gets twice as much as 1."""


class Priority(Model):
    """One of the tenant's own research priorities; never compared across tenants."""

    name: DNSLabel
    """What a job writes in `spec.priority`."""
    value: Annotated[Whole, Field(ge=-1_000_000, le=1_000_000)]
    """Jobs with the higher value go first. Values of different tenants are never compared."""
    default: Flag = False
    """Whether a job without `spec.priority` gets this one. At most one may be the default."""


class Role(StrEnum):
    """What a member may do in the tenant's namespaces."""

    ADMIN = "Admin"
    RESEARCHER = "Researcher"
    VIEWER = "Viewer"


class Member(Model):
    """A person, group or service account of the tenant."""

    RULES: ClassVar = (
        Rule(
            cel="self.kind != 'ServiceAccount' || has(self.__namespace__)",
            holds=lambda it: it.kind != "ServiceAccount" or it.namespace is not None,
            message="namespace: missing for ServiceAccount {name}; it is where the account lives",
        ),
        Rule(
            cel="self.kind == 'ServiceAccount' || !has(self.__namespace__)",
            holds=lambda it: it.kind == "ServiceAccount" or it.namespace is None,
            message="namespace: must not be set for {kind} {name}; only a ServiceAccount lives in a namespace",
            at="namespace",
        ),
        Rule(
            cel="self.kind == 'ServiceAccount' || !self.name.startsWith('system:') || "
            "(self.kind == 'Group' && self.name.startsWith('system:serviceaccounts:'))",
            holds=lambda it: (
                it.kind == "ServiceAccount"
                or not it.name.startswith("system:")
                or (it.kind == "Group" and it.name.startswith("system:serviceaccounts:"))
            ),
            message="name: {name} is one of the cluster's own; give a {kind} of the tenant's people",
            at="name",
        ),
    )

    kind: Literal["User", "Group", "ServiceAccount"]
    """What `name` is the name of."""
    name: Annotated[str, Field(min_length=1, max_length=256)]
    """The name by which the API server knows the person, group or account."""
    namespace: DNSLabel | None = None
    """Where a ServiceAccount lives. Required for one, refused for anybody else."""
    role: Role
    """`Viewer` reads. `Researcher` also runs jobs and looks into their workers. `Admin` also deletes pods and manages
    ServiceAccounts. All of it in the tenant's namespaces only."""


class Isolation(Model):
    """How the tenant's namespaces are shut off from others."""

    network: Literal["Strict", "Open"] = "Strict"
    """`Strict`: pods reach the tenant's own namespaces and DNS, nothing else, and only its own pods reach them.
    `Open`: no network policies."""
    pod_security: Literal["privileged", "baseline", "restricted"] = "restricted"
    """The Pod Security Standard that its namespaces enforce. RDMA needs more than `restricted` and `baseline` allow."""


class WhenSpent(StrEnum):
    """What happens when the budget of a period is spent."""

    GUARANTEE_ONLY = "GuaranteeOnly"
    BLOCK = "Block"


class Budget(Model):
    """What a tenant may spend in a period."""

    gpu_hours: Annotated[Number, Field(ge=0, le=1e12)]
    """GPU-hours that the tenant may use in each period, over all its pools."""
    period_days: Annotated[Whole, Field(ge=1, le=3660)] = 30
    """Length of a period in days. The first begins when the operator first sees the budget."""
    when_spent: WhenSpent = WhenSpent.GUARANTEE_ONLY
    """`GuaranteeOnly`: until the next period, nothing above the guarantee starts. `Block`: nothing starts. What
    runs goes on."""


class Order(StrEnum):
    """The tenant's choice of order among its own jobs of equal priority."""

    FIRST_COME = "FirstCome"
    SHORTEST_FIRST = "ShortestFirst"


def reserved(namespace: str) -> bool:
    """Whether a namespace is the cluster's own or the operator's, and can be no tenant's."""
    return namespace.startswith("kube-") or namespace in ("default", "entente-system")


_RESERVED_CEL = "n.startsWith('kube-') || n in ['default', 'entente-system']"


class TenantSpec(Model):
    """Namespaces, quota, priorities, people."""

    RULES: ClassVar = (
        Rule(
            cel=f"self.namespaces.all(n, !({_RESERVED_CEL}))",
            holds=lambda it: not any(map(reserved, it.namespaces)),
            message="namespaces: {taken} cannot be a tenant's; "
            "kube-*, default and entente-system belong to the cluster and the operator",
            at="namespaces",
            values={
                "taken": Value(
                    cel=f"self.namespaces.filter(n, {_RESERVED_CEL})",
                    of=lambda it: filter(reserved, it.namespaces),
                ),
            },
        ),
        Rule(
            cel="!has(self.priorities) || self.priorities.filter(p, p.default).size() <= 1",
            holds=lambda it: sum(p.default for p in it.priorities) <= 1,
            message="priorities: {defaults} are all default; at most one may be",
            at="priorities",
            values={
                "defaults": Value(
                    cel="self.priorities.filter(p, p.default).map(p, p.name)",
                    of=lambda it: (p.name for p in it.priorities if p.default),
                ),
            },
        ),
        Rule(
            cel="!has(self.members) || self.members.all(a, self.members.exists_one(b, a.kind == b.kind && "
            "a.name == b.name && (a.kind != 'ServiceAccount' || "
            "(has(a.__namespace__) ? a.__namespace__ : '') == (has(b.__namespace__) ? b.__namespace__ : ''))))",
            holds=lambda it: len({(m.kind, m.name, m.namespace) for m in it.members}) == len(it.members),
            message="members: somebody is given twice; each member has one role",
            at="members",
        ),
    )

    namespaces: Annotated[tuple[DNSLabel, ...], Field(min_length=1, max_length=64), ListOf()]
    """Names of its namespaces. The operator makes and labels them; it takes one that exists only if nobody uses it."""
    pools: Annotated[tuple[PoolTerms, ...], Field(max_length=64), ListOf(("name",))] = ()
    """What the tenant may have of each pool. It gets nothing of a pool that is not here."""
    priorities: Annotated[tuple[Priority, ...], Field(max_length=64), ListOf(("name",))] = ()
    """The priorities that its jobs may name. Without any there is one, `default`, of value 0."""
    members: Annotated[tuple[Member, ...], Field(max_length=128)] = ()
    """Who may do what in its namespaces."""
    isolation: Isolation = Isolation()
    """How its namespaces are shut off from others."""
    budget: Budget | None = None
    """GPU-hours that it may use in a period; no limit when not set."""
    order: Order = Order.FIRST_COME
    """Which of its waiting jobs of equal priority goes first: `FirstCome` the oldest, `ShortestFirst` the one that is
    expected to be the shortest."""


class TenantPoolStatus(StatusModel):
    """A tenant's figures in one pool, and its memory of past borrowing (rule 3)."""

    name: str
    """Name of the GPUPool."""
    guaranteed: int = 0
    """GPUs guaranteed now: as promised, but whole hosts in an `Exclusive` pool, and less while it is overcommitted."""
    entitled: int = 0
    """GPUs in use by jobs within the guarantee."""
    borrowed: int = 0
    """GPUs charged above the guarantee."""
    lent: int = 0
    """GPUs of the guarantee that others use now."""
    due: int = 0
    """GPUs of the guarantee and of the tenant's fair part of the surplus."""
    borrowed_gpu_seconds: float = 0
    """GPU-seconds borrowed in the past; older ones count less (`GPUPool.spec.usage`)."""
    as_of: Timestamp | None = None
    """When `borrowedGpuSeconds` was true."""


class TenantTotal(StatusModel):
    """A tenant's figures summed over its pools."""

    guaranteed: int = 0
    """GPUs guaranteed now."""
    entitled: int = 0
    """GPUs in use by jobs within the guarantees."""
    borrowed: int = 0
    """GPUs charged above the guarantees."""
    lent: int = 0
    """GPUs of the guarantees that others use now."""

    @classmethod
    def of(cls, pools: Iterable[TenantPoolStatus]) -> "TenantTotal":
        """Sum the figures of pools."""
        each = tuple(pools)
        return cls(
            guaranteed=sum(pool.guaranteed for pool in each),
            entitled=sum(pool.entitled for pool in each),
            borrowed=sum(pool.borrowed for pool in each),
            lent=sum(pool.lent for pool in each),
        )


class TenantBudgetStatus(StatusModel):
    """What was spent in the current period."""

    period_start: Timestamp
    """When the current period began."""
    spent_gpu_hours: float = 0
    """GPU-hours charged since then. Time in which no operator ran is not counted."""


class TenantStatus(StatusModel):
    """What the operator says of a tenant; nothing of any other tenant."""

    pools: Annotated[tuple[TenantPoolStatus, ...], ListOf(("name",))] = ()
    """Its figures in each of its pools."""
    total: TenantTotal | None = None
    """The same figures, summed over its pools."""
    budget: TenantBudgetStatus | None = None
    """What of its budget is used."""
    namespaces: tuple[str, ...] | None = None
    """The namespaces that it has now. One that its `spec` names may not be available; a condition says why."""
    observed_generation: int = 0
    """The `metadata.generation` that this status is about."""
    conditions: Annotated[tuple[Condition, ...], ListOf(("type",))] = ()
    """`Ready`: its namespaces, rights and isolation are in place. Others say what needs attention."""


class Tenant(StatusModel):
    """An organisation (or a joint programme of several), its namespaces, people and quota."""

    RULES: ClassVar = (PLAIN_NAME,)

    api_version: Literal["entente.dev/v1alpha1"] = API_VERSION
    kind: Literal["Tenant"] = "Tenant"
    metadata: ObjectMeta
    spec: TenantSpec
    status: TenantStatus = TenantStatus()

    @property
    def held_namespaces(self) -> tuple[str, ...]:
        """Those whose jobs are the tenant's: what it has; as long as nobody has looked, what it names."""
        return self.spec.namespaces if self.status.namespaces is None else self.status.namespaces
