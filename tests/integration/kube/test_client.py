"""What the unit tests take for granted of an API server, asked of a real one."""

import asyncio
from typing import Any

import pytest

from entente.kube.client import KubeClient
from entente.kube.config import Connection
from entente.kube.errors import (
    AlreadyExistsError,
    ConflictError,
    ForbiddenError,
    GoneError,
    InvalidError,
    NotFoundError,
)
from entente.kube.kinds import GPU_POOL, NAMESPACE, POD, SERVICE
from localplane import LocalPlane
from tests.support import crds
from tests.support.plane import Corner, gpu_pod


def service(namespace: str, name: str) -> dict[str, Any]:
    return {"metadata": {"namespace": namespace, "name": name}, "spec": {"clusterIP": "None", "ports": [{"port": 1}]}}


async def test_an_object_lives_its_life(client: KubeClient, corner: Corner) -> None:
    namespace = corner.namespace()
    made = await client.create(SERVICE, service(namespace, "s"))
    with pytest.raises(AlreadyExistsError):
        await client.create(SERVICE, service(namespace, "s"))
    label = {"metadata": {"labels": {"k": "v"}, "resourceVersion": made["metadata"]["resourceVersion"]}}
    patched = await client.patch(SERVICE, "s", label, namespace=namespace)
    assert patched["metadata"]["labels"] == {"k": "v"}
    with pytest.raises(ConflictError):
        await client.patch(SERVICE, "s", label, namespace=namespace)

    uid = made["metadata"]["uid"]
    assert not await client.delete(SERVICE, "s", namespace=namespace, uid="00000000-0000-0000-0000-000000000000")
    assert await client.delete(SERVICE, "s", namespace=namespace, uid=uid)
    assert not await client.delete(SERVICE, "s", namespace=namespace)
    with pytest.raises(NotFoundError):
        await client.get(SERVICE, "s", namespace)


async def test_a_patch_for_an_object_of_another_uid_is_refused(client: KubeClient, corner: Corner) -> None:
    namespace = corner.namespace()
    await client.create(SERVICE, service(namespace, "s"), decode=False)

    with pytest.raises(ConflictError):
        await client.patch(
            SERVICE,
            "s",
            {"metadata": {"uid": "00000000-0000-0000-0000-000000000000", "labels": {"k": "v"}}},
            namespace=namespace,
        )


async def test_server_side_apply_makes_and_changes_what_it_owns(client: KubeClient, corner: Corner) -> None:
    namespace = corner.namespace()
    for value in ("one", "two"):
        body = service(namespace, "s")
        body["metadata"]["labels"] = {"k": value}
        applied = await client.apply(SERVICE, body)
        assert applied["metadata"]["labels"] == {"k": value}

    managers = {entry["manager"] for entry in applied["metadata"]["managedFields"]}
    assert managers == {"entente"}


async def test_answers_that_nobody_reads_are_accepted_for_all_writes(client: KubeClient, corner: Corner) -> None:
    namespace = corner.namespace()
    pod = {**gpu_pod("p", corner.product), "metadata": {"name": "p", "namespace": namespace}}

    assert await client.create(POD, pod, decode=False) == {}
    assert await client.patch(POD, "p", {"metadata": {"labels": {"a": "b"}}}, namespace=namespace, decode=False) == {}
    assert await client.apply(SERVICE, service(namespace, "s"), decode=False) == {}
    read = await client.get(POD, "p", namespace)
    assert (read["metadata"]["labels"], read["spec"]["restartPolicy"]) == ({"a": "b"}, "Never")
    assert await client.delete(POD, "p", namespace=namespace, grace_period_seconds=0)


async def test_bad_bodies_and_missing_rights_are_told_apart(
    client: KubeClient, plane: LocalPlane, corner: Corner
) -> None:
    namespace = corner.namespace()
    bad = service(namespace, "s")
    bad["spec"]["ports"] = [{"port": 0}]
    with pytest.raises(InvalidError, match="port"):
        await client.create(SERVICE, bad)
    with pytest.raises(NotFoundError):
        await client.create(SERVICE, service(corner.unique("nowhere"), "s"))

    stranger = Connection.from_kubeconfig(plane.user_kubeconfig(corner.unique("stranger")))
    async with KubeClient(stranger) as other:
        with pytest.raises(ForbiddenError):
            await other.get(NAMESPACE, namespace)


async def test_a_list_comes_in_pages(client: KubeClient, corner: Corner) -> None:
    namespace = corner.namespace()
    await asyncio.gather(*(client.create(SERVICE, service(namespace, f"s{n}"), decode=False) for n in range(7)))

    pages = [page async for page in client.list_pages(SERVICE, namespace, limit=3)]

    assert [len(page.items) for page in pages] == [3, 3, 1]
    assert len({page.resource_version for page in pages}) == 1


async def test_a_version_that_is_too_old_to_watch_is_gone(client: KubeClient, plane: LocalPlane) -> None:
    crds.install(plane)  # nothing can be watched from before its kind was known
    with pytest.raises(GoneError):
        async for _ in client.watch(GPU_POOL, resource_version="1"):
            pass
