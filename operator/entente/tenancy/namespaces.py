"""Taking, keeping and giving up namespaces."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from entente.api.names import ANNOTATION_RELEASED_BY
from entente.api.tenant import Tenant
from entente.kube.client import KubeClient
from entente.kube.errors import AlreadyExistsError, ConflictError, NotFoundError
from entente.kube.kinds import (
    NAMESPACE,
    NETWORK_POLICY,
    PERSISTENT_VOLUME_CLAIM,
    POD,
    ROLE_BINDING,
    SERVICE,
    Kind,
)
from entente.tenancy.claims import Claim, judge
from entente.tenancy.findings import NAMESPACE_TAKEN, NAMESPACE_WAITS, Finding
from entente.tenancy.isolation import namespace_labels
from entente.tenancy.wanted import selector

_SIGNS_OF_USE: tuple[Kind, ...] = (POD, SERVICE, PERSISTENT_VOLUME_CLAIM, ROLE_BINDING, NETWORK_POLICY)
"""Who has one of these in a namespace uses it, has rights in it, or has opened it to others."""


@dataclass(frozen=True, slots=True)
class Settled:
    """The namespaces of a tenant after a pass."""

    held: tuple[str, ...]
    findings: tuple[Finding, ...]


async def settle(client: KubeClient, tenant: Tenant, tenants: Iterable[Tenant]) -> Settled:
    """Take what the tenant names and may have; keep the labels of what it has.

    Raises:
        ApiError: the API server failed or refused.
    """
    everybody = tuple(tenants)
    held: list[str] = []
    findings: list[Finding] = []
    for name in tenant.spec.namespaces:
        finding = await _take(client, name, tenant, everybody)
        if finding is None:
            held.append(name)
        else:
            findings.append(finding)
    return Settled(tuple(held), tuple(findings))


async def _take(client: KubeClient, name: str, tenant: Tenant, tenants: tuple[Tenant, ...]) -> Finding | None:
    namespace = await _find(client, name)
    verdict = judge(name, namespace, tenant, tenants)
    labels = namespace_labels(tenant)
    try:
        if namespace is None:
            if verdict.claim is not Claim.CREATE:
                return _taken(name, verdict.why)
            await client.create(NAMESPACE, {"metadata": {"name": name, "labels": labels}})
            return None
        if verdict.claim is Claim.WAIT:
            text = f"namespace {name} is being deleted; the operator makes it anew when it is gone"
            return Finding(NAMESPACE_WAITS, "NamespaceTerminating", text)
        why = verdict.why
        if verdict.claim is Claim.ADOPT_IF_EMPTY:
            why = await _signs_of_use(client, name)
        if verdict.claim is Claim.REFUSE or why:
            return _taken(name, why)
        await _label(client, namespace, labels)
    except (AlreadyExistsError, ConflictError):
        text = f"somebody else changed namespace {name} just now; the operator looks at it again"
        return Finding(NAMESPACE_WAITS, "NamespaceChanged", text)
    return None


async def owned(client: KubeClient, tenant: str) -> list[str]:
    """Namespaces that carry the tenant's label.

    Raises:
        ApiError: the API server failed or refused.
    """
    pages = client.list_pages(NAMESPACE, label_selector=selector(tenant))
    return sorted([item["metadata"]["name"] async for page in pages for item in page.items])


async def release(client: KubeClient, tenant: Tenant, name: str) -> None:
    """Give a namespace up: it stays, with all that it holds, and no other tenant gets it.

    Raises:
        ApiError: the API server failed or refused.
    """
    labels = dict.fromkeys(namespace_labels(tenant))
    annotations = {ANNOTATION_RELEASED_BY: tenant.metadata.name}
    try:
        await client.patch(NAMESPACE, name, {"metadata": {"labels": labels, "annotations": annotations}})
    except NotFoundError:
        return


async def _find(client: KubeClient, name: str) -> Mapping[str, Any] | None:
    try:
        return await client.get(NAMESPACE, name)
    except NotFoundError:
        return None


async def _label(client: KubeClient, namespace: Mapping[str, Any], labels: Mapping[str, str]) -> None:
    """Put the labels on, if they are not; only on the namespace that was looked at."""
    meta = namespace["metadata"]
    there = meta.get("labels") or {}
    released = ANNOTATION_RELEASED_BY in (meta.get("annotations") or {})
    if not released and all(there.get(name) == value for name, value in labels.items()):
        return
    change: dict[str, Any] = {"resourceVersion": meta["resourceVersion"], "labels": dict(labels)}
    if released:
        change["annotations"] = {ANNOTATION_RELEASED_BY: None}
    await client.patch(NAMESPACE, meta["name"], {"metadata": change})


async def _signs_of_use(client: KubeClient, name: str) -> str:
    """What a namespace holds, in words; empty when nobody uses it."""
    found = []
    for kind in _SIGNS_OF_USE:
        async for page in client.list_pages(kind, name, limit=1):
            if page.items:
                found.append(kind.plural)
            break
    return f"it holds {', '.join(found)}" if found else ""


def _taken(name: str, why: str) -> Finding:
    reason = f": {why}" if why else ""
    text = f"namespace {name} is not available{reason}; name another in spec.namespaces"
    return Finding(NAMESPACE_TAKEN, NAMESPACE_TAKEN, text)
