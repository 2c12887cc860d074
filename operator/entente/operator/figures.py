"""Writing the figures of tenants and pools, at a low rate, and only what has changed."""

import logging
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from entente.api.amounts import count
from entente.api.core import NodeRecord
from entente.api.pool import GPUPool, GPUPoolStatus
from entente.api.tenant import Tenant
from entente.engine.decisions import PoolBook
from entente.kube.client import KubeClient
from entente.kube.errors import ApiError, FencedError, NotFoundError
from entente.kube.kinds import GPU_POOL, TENANT, Kind
from entente.kube.writer import Writer
from entente.operator.accounts import Accounts, pool_status
from entente.workload.notes import find, with_condition, without_condition

_log = logging.getLogger(__name__)

_MOVING = frozenset({"asOf", "borrowedGpuSeconds", "spentGpuHours"})
"""Figures that change with time alone; they are written at the low rate even when nothing else has changed."""

_ROUNDED = "GuaranteeRoundedDown"

_WRITES_A_SECOND = 10.0
"""Of all objects together, however many they are."""

_STILL_S = 60.0
"""How often figures are written that change with time alone."""


class Figures:
    """Writes `Tenant.status` (pools and budget) and `GPUPool.status`.

    Args:
        client: writes.
        writer: runs the writes.
        accounts: of the tenants.
        least_s: shortest time between two writes of one object.
    """

    def __init__(self, client: KubeClient, writer: Writer, accounts: Accounts, least_s: float) -> None:
        self._client = client
        self._writer = writer
        self._accounts = accounts
        self._least_s = least_s
        self._written: dict[tuple[str, str], tuple[float, dict[str, Any]]] = {}

    def write(
        self,
        tenants: Iterable[Tenant],
        pools: Iterable[GPUPool],
        nodes: Iterable[NodeRecord],
        books: Mapping[str, PoolBook],
        now: float,
    ) -> None:
        tenants, pools, nodes = tuple(tenants), tuple(pools), tuple(nodes)
        least_s = max(self._least_s, (len(tenants) + len(pools)) / _WRITES_A_SECOND)
        for tenant in tenants:
            if self._may(TENANT, tenant.metadata.name, now, least_s):
                self._tell_rounding(tenant, books, now)
                figures = self._accounts.tenant_figures(tenant, books, now)
                self._submit(TENANT, tenant.metadata.name, figures, now)
        for pool in pools:
            name = pool.metadata.name
            if not self._may(GPU_POOL, name, now, least_s):
                continue
            known = self._written.get((GPU_POOL.plural, name))
            status = GPUPoolStatus.model_validate(known[1]) if known and known[1] else pool.status
            promised = sum(terms.guaranteed for t in tenants for terms in t.spec.pools if terms.name == name)
            figures = pool_status(
                pool,
                books.get(name),
                nodes=sum(selects(pool, node) for node in nodes),
                promised=promised,
                conditions=status.conditions,
                now=now,
            )
            self._submit(GPU_POOL, name, figures, now)

    def _may(self, kind: Kind, name: str, now: float, least_s: float) -> bool:
        known = self._written.get((kind.plural, name))
        return known is None or now - known[0] >= least_s

    def _submit(self, kind: Kind, name: str, figures: dict[str, Any], now: float) -> None:
        known = self._written.get((kind.plural, name))
        if known is not None:
            same = _still(figures) == _still(known[1])
            if same and now - known[0] < _STILL_S:
                return
        self._written[kind.plural, name] = (now, figures)
        self._writer.submit(f"{kind.plural}/{name}", partial(self._patch, kind, name, figures), slot="figures")

    def _tell_rounding(self, tenant: Tenant, books: Mapping[str, PoolBook], now: float) -> None:
        """Say where whole hosts make less of a guarantee than was promised."""
        name = tenant.metadata.name
        rounded = [
            f"{terms.name}: {books[terms.name].tenants[name].guaranteed} of {count(terms.guaranteed, 'GPU')}"
            for terms in tenant.spec.pools
            if terms.name in books
            and name in books[terms.name].tenants
            and books[terms.name].tenants[name].rounded_down
        ]
        text = f"whole hosts hold less than the tenant was promised: {'; '.join(rounded)}" if rounded else ""
        told = find(tenant.status.conditions, _ROUNDED)
        if (told.message if told else "") != text:
            self._writer.submit(f"tenants/{name}", partial(self._write_rounding, name, text, now), slot="rounding")

    async def _write_rounding(self, name: str, text: str, now: float) -> None:
        """Change this one condition of those that are there now: others write theirs into the same list."""
        with suppress(ApiError, FencedError):  # tried again with the next figures
            fresh = Tenant.model_validate(await self._client.get(TENANT, name))
            present = fresh.status.conditions
            made = without_condition(present, _ROUNDED)
            if text:
                made = with_condition(present, _ROUNDED, holds=True, reason="WholeHosts", message=text, now=now)
            patch = {
                "metadata": {"resourceVersion": fresh.metadata.resource_version},
                "status": {"conditions": [condition.to_wire() for condition in made]},
            }
            await self._client.patch(TENANT, name, patch, subresource="status", decode=False)

    async def _patch(self, kind: Kind, name: str, figures: dict[str, Any]) -> None:
        try:
            await self._client.patch(kind, name, {"status": figures}, subresource="status", decode=False)
        except (NotFoundError, FencedError):
            return
        except ApiError as error:
            self._written[kind.plural, name] = (self._written[kind.plural, name][0], {})
            _log.warning("cannot write the status of %s %s: %s %s", kind.kind, name, error.status, error.reason)


def selects(pool: GPUPool, node: NodeRecord) -> bool:
    return all(node.labels.get(key) == value for key, value in pool.spec.node_selector.items())


def _still(figures: Any) -> Any:  # noqa: ANN401 - JSON
    """The figures without those that change with time alone."""
    if isinstance(figures, dict):
        return {key: _still(value) for key, value in figures.items() if key not in _MOVING}
    return [_still(value) for value in figures] if isinstance(figures, list) else figures
