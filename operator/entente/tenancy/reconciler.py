"""Keeps a tenant as its spec says; level-triggered: each pass looks at what is there, whatever happened before."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from entente.api.base import Condition
from entente.api.names import FINALIZER
from entente.api.pool import GPUPool
from entente.api.tenant import Tenant, TenantStatus
from entente.kube.client import KubeClient
from entente.kube.errors import ConflictError, NotFoundError
from entente.kube.kinds import TENANT
from entente.tenancy.desired import desired, unknown_pools
from entente.tenancy.findings import DELETING, RELEASING, Finding, conditions
from entente.tenancy.namespaces import owned, release, settle
from entente.tenancy.objects import enforce
from entente.tenancy.unfinished import Unfinished, unfinished

_ATTEMPTS = 5
"""Of a write that others' writes to the same Tenant came before."""


@dataclass(frozen=True, slots=True)
class Outcome:
    namespaces: tuple[str, ...]
    """Those that the tenant has now."""
    findings: tuple[Finding, ...] = ()
    corrected: int = 0
    """Objects that were not as they should be."""
    gone: bool = False
    """The tenant was deleted, and nothing of it is left."""

    @property
    def settled(self) -> bool:
        """Whether nothing is left to do, and nothing to wait for."""
        return not self.findings


class TenantReconciler:
    """Brings tenants into being, keeps them so, and lets them go.

    Args:
        client: asks and writes.
        clock: seconds since the epoch, for conditions.
    """

    def __init__(self, client: KubeClient, clock: Callable[[], float]) -> None:
        self._client = client
        self._clock = clock

    async def reconcile(self, tenant: Tenant, tenants: Iterable[Tenant], pools: Collection[GPUPool]) -> Outcome:
        """Do what a tenant needs now, and write its conditions when they changed.

        Args:
            tenant: to look at.
            tenants: all there are, since two may name one namespace.
            pools: all there are.

        Raises:
            ApiError: the API server failed or refused; what was done so far stays, and the next pass goes on.
        """
        if tenant.metadata.deletion_timestamp is not None:
            outcome = await self._retire(tenant, pools)
        else:
            outcome = await self._keep(tenant, tenants, pools)
        if not outcome.gone:
            await self._tell(tenant, outcome)
        return outcome

    async def _keep(self, tenant: Tenant, tenants: Iterable[Tenant], pools: Collection[GPUPool]) -> Outcome:
        name = tenant.metadata.name
        # Before anything is made: a tenant deleted from now on leaves nothing behind.
        await self._mark(tenant, ours=True)
        settled = await settle(self._client, tenant, tenants)
        given_up = [
            namespace for namespace in await owned(self._client, name) if namespace not in tenant.spec.namespaces
        ]
        left = [await unfinished(self._client, name, namespace) for namespace in given_up]
        busy = [each for each in left if not each.nothing]
        held = (*settled.held, *(each.namespace for each in busy))
        corrected = await enforce(self._client, name, desired(tenant, held, pools))
        for each in left:
            if each.nothing:
                await release(self._client, tenant, each.namespace)
        findings = (*settled.findings, *unknown_pools(tenant, pools), *map(_still_needed, busy))
        return Outcome(held, findings, corrected)

    async def _retire(self, tenant: Tenant, pools: Collection[GPUPool]) -> Outcome:
        """Let a deleted tenant go once its jobs are finished; until then it stays as it is."""
        name = tenant.metadata.name
        namespaces = tuple(await owned(self._client, name))
        left = [await unfinished(self._client, name, namespace) for namespace in namespaces]
        busy = [each for each in left if not each.nothing]
        if busy:
            corrected = await enforce(self._client, name, desired(tenant, namespaces, pools))
            return Outcome(namespaces, (_blocked(busy),), corrected)
        corrected = await enforce(self._client, name, ())
        for namespace in namespaces:
            await release(self._client, tenant, namespace)
        await self._mark(tenant, ours=False)
        return Outcome((), corrected=corrected, gone=True)

    async def _mark(self, tenant: Tenant, *, ours: bool) -> None:
        """Put our finalizer on the tenant, or take it off."""
        if (FINALIZER in tenant.metadata.finalizers) == ours:
            return

        def change(current: Mapping[str, Any]) -> dict[str, Any]:
            kept = [each for each in current["metadata"].get("finalizers") or () if each != FINALIZER]
            return {"metadata": {"finalizers": [*kept, FINALIZER] if ours else kept}}

        await self._update(tenant, change)

    async def _tell(self, tenant: Tenant, outcome: Outcome) -> None:
        """Write the conditions, unless they are written."""
        wanted = self._status(tenant, outcome, tenant.status.conditions)
        written = tenant.status.to_wire()
        if all(written.get(name) == value for name, value in wanted.items()):
            return

        def change(current: Mapping[str, Any]) -> dict[str, Any]:
            fresh = TenantStatus.model_validate(current.get("status") or {})
            return {"status": self._status(tenant, outcome, fresh.conditions)}

        await self._update(tenant, change, subresource="status")

    def _status(self, tenant: Tenant, outcome: Outcome, present: Iterable[Condition]) -> dict[str, Any]:
        """The part of the status that is written here."""
        made = conditions(
            present,
            outcome.findings,
            ready=f"namespaces: {', '.join(outcome.namespaces)}; members: {len(tenant.spec.members)}",
            generation=tenant.metadata.generation,
            now=self._clock(),
        )
        return {
            "conditions": [condition.to_wire() for condition in made],
            "namespaces": list(outcome.namespaces),
            "observedGeneration": tenant.metadata.generation,
        }

    async def _update(
        self,
        tenant: Tenant,
        change: Callable[[Mapping[str, Any]], dict[str, Any]],
        *,
        subresource: str | None = None,
    ) -> None:
        """Change a tenant as it is now, not as it was seen: lists are written whole."""
        name = tenant.metadata.name
        for attempt in range(_ATTEMPTS):
            try:
                current = await self._client.get(TENANT, name)
                if current["metadata"]["uid"] != tenant.metadata.uid:
                    return
                patch = change(current)
                patch.setdefault("metadata", {})["resourceVersion"] = current["metadata"]["resourceVersion"]
                await self._client.patch(TENANT, name, patch, subresource=subresource)
            except NotFoundError:
                return
            except ConflictError:
                if attempt == _ATTEMPTS - 1:
                    raise
            else:
                return


def _still_needed(left: Unfinished) -> Finding:
    text = f"{left}: the tenant gives the namespace up when these have finished; the namespace stays, with all it holds"
    return Finding(RELEASING, "JobsRemain", text)


def _blocked(left: Sequence[Unfinished]) -> Finding:
    text = f"{', '.join(map(str, left))}: the tenant goes when these have finished or are deleted"
    return Finding(DELETING, "JobsRemain", text)
