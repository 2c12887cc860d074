"""`Tenant`: an organisation (or a joint programme of several), its namespaces, people and quota."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from entente.api.base import Condition, DNSLabel, Model, ObjectMeta, StatusModel, Timestamp
from entente.api.names import API_VERSION


class PoolTerms(Model):
    """What a tenant may have of one pool, in whole GPUs."""

    name: DNSLabel
    guaranteed: Annotated[int, Field(ge=0)]
    """GPUs that the tenant can always have back within the pool's notice."""
    lend_limit: Annotated[int, Field(ge=0)] | None = None
    """How many of its guaranteed GPUs others may use at most; all when not set."""
    borrow_limit: Annotated[int, Field(ge=0)] | None = None
    """How many GPUs above its guarantee the tenant may use at most; no limit when not set."""
    weight: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    """Share of the surplus, relative to other borrowers."""


class Priority(Model):
    """One of the tenant's own research priorities; never compared across tenants."""

    name: DNSLabel
    value: Annotated[int, Field(ge=-1_000_000, le=1_000_000)]
    default: bool = False
    """What a job that names none gets; at most one."""


class Role(StrEnum):
    """What a member may do in the tenant's namespaces."""

    ADMIN = "Admin"
    RESEARCHER = "Researcher"
    VIEWER = "Viewer"


class Member(Model):
    """A person, group or service account of the tenant."""

    kind: Literal["User", "Group", "ServiceAccount"]
    name: Annotated[str, Field(min_length=1)]
    namespace: DNSLabel | None = None
    """Of a ServiceAccount."""
    role: Role


class Isolation(Model):
    """How the tenant's namespaces are shut off from others."""

    network: Literal["Strict", "Open"] = "Strict"
    """Strict: nothing comes in or goes out but inside the tenant's namespaces, and DNS."""
    pod_security: Literal["privileged", "baseline", "restricted"] = "restricted"
    """Pod Security Standard that is enforced."""


class WhenSpent(StrEnum):
    """What happens when the budget of a period is spent."""

    GUARANTEE_ONLY = "GuaranteeOnly"
    BLOCK = "Block"


class Budget(Model):
    """GPU-hours per period."""

    gpu_hours: Annotated[float, Field(ge=0)]
    period_days: Annotated[int, Field(ge=1)] = 30
    when_spent: WhenSpent = WhenSpent.GUARANTEE_ONLY


class Order(StrEnum):
    """The tenant's choice of order among its own jobs of equal priority."""

    FIRST_COME = "FirstCome"
    SHORTEST_FIRST = "ShortestFirst"


class TenantSpec(Model):
    """Namespaces, quota, priorities, people."""

    namespaces: Annotated[tuple[DNSLabel, ...], Field(min_length=1)]
    """Created, labelled and owned by the operator."""
    pools: tuple[PoolTerms, ...] = ()
    priorities: tuple[Priority, ...] = ()
    members: tuple[Member, ...] = ()
    isolation: Isolation = Isolation()
    budget: Budget | None = None
    order: Order = Order.FIRST_COME


class TenantPoolStatus(StatusModel):
    """A tenant's figures in one pool, and its memory of past borrowing (rule 3)."""

    name: str
    guaranteed: int = 0
    entitled: int = 0
    borrowed: int = 0
    lent: int = 0
    due: int = 0
    borrowed_gpu_seconds: float = 0
    """GPU-seconds borrowed, decayed to `as_of`."""
    as_of: Timestamp | None = None


class TenantBudgetStatus(StatusModel):
    """What was spent in the current period."""

    period_start: Timestamp
    spent_gpu_hours: float = 0


class TenantStatus(StatusModel):
    """What the operator says of a tenant; nothing of any other tenant."""

    pools: tuple[TenantPoolStatus, ...] = ()
    budget: TenantBudgetStatus | None = None
    observed_generation: int = 0
    conditions: tuple[Condition, ...] = ()


class Tenant(StatusModel):
    """A tenant of the estate (cluster-scoped)."""

    api_version: Literal["entente.dev/v1alpha1"] = API_VERSION
    kind: Literal["Tenant"] = "Tenant"
    metadata: ObjectMeta
    spec: TenantSpec
    status: TenantStatus = TenantStatus()
