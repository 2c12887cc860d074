"""Makes the objects of a tenant what they should be, and removes what should not be."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from entente.kube.client import KubeClient
from entente.kube.errors import InvalidError, NotFoundError
from entente.kube.kinds import (
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
    NETWORK_POLICY,
    PRIORITY_CLASS,
    RESOURCE_QUOTA,
    ROLE,
    ROLE_BINDING,
    Kind,
)
from entente.tenancy.wanted import Key, Wanted, key_of, selector

KINDS: tuple[Kind, ...] = (
    PRIORITY_CLASS,
    NETWORK_POLICY,
    RESOURCE_QUOTA,
    ROLE,
    ROLE_BINDING,
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
)
"""In the order in which they are made: people come in last. They are removed in the opposite order."""


async def enforce(client: KubeClient, tenant: str, wanted: Iterable[Wanted]) -> int:
    """Remove the tenant's objects that are not wanted, then make those that are missing or not as wanted.

    Stopped between two requests it leaves less than is wanted, or what was there before; the next pass goes on.

    Returns:
        The number of objects that were not as they should be.

    Raises:
        ApiError: the API server failed or refused.
    """
    present = await _present(client, tenant)
    order = {kind.plural: place for place, kind in enumerate(KINDS)}
    wishes = sorted(wanted, key=lambda wish: order[wish.kind.plural])
    keys = {wish.key for wish in wishes}
    needless = sorted((key for key in present if key not in keys), key=lambda key: order[key[0]], reverse=True)
    for key in needless:
        kind, obj = present[key]
        await _remove(client, kind, obj)
    missing = [wish for wish in wishes if wish.key not in present or not wish.is_met_by(present[wish.key][1])]
    for wish in missing:
        await _put(client, wish)
    return len(needless) + len(missing)


async def _present(client: KubeClient, tenant: str) -> dict[Key, tuple[Kind, Mapping[str, Any]]]:
    async def items(kind: Kind) -> list[tuple[Kind, Mapping[str, Any]]]:
        pages = client.list_pages(kind, label_selector=selector(tenant))
        return [(kind, item) async for page in pages for item in page.items]

    found = await asyncio.gather(*map(items, KINDS))
    return {key_of(kind, item): (kind, item) for each in found for kind, item in each}


async def _put(client: KubeClient, wish: Wanted) -> None:
    """Apply an object; where that cannot make it what it should be, make it anew.

    The value of a PriorityClass and the role of a binding cannot change, and server-side apply leaves what others added
    to a map.
    """
    body = dict(wish.body)
    made: Mapping[str, Any]
    try:
        made = await client.apply(wish.kind, body)
        if wish.is_met_by(made):
            return
    except InvalidError:
        made = await _get(client, wish)
        if not made:
            raise
    await _remove(client, wish.kind, made)
    await client.apply(wish.kind, body)


async def _get(client: KubeClient, wish: Wanted) -> Mapping[str, Any]:
    meta = wish.body["metadata"]
    try:
        return await client.get(wish.kind, meta["name"], meta.get("namespace"))
    except NotFoundError:
        return {}


async def _remove(client: KubeClient, kind: Kind, obj: Mapping[str, Any]) -> None:
    meta = obj["metadata"]
    await client.delete(kind, meta["name"], namespace=meta.get("namespace"), uid=meta["uid"])
