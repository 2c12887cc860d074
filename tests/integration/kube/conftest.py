"""A client of the shared control plane, with the administrator's rights."""

from collections.abc import AsyncIterator

import pytest

from entente.kube.client import KubeClient
from entente.kube.config import Connection
from localplane import LocalPlane


@pytest.fixture
def connection(plane: LocalPlane) -> Connection:
    return Connection.from_kubeconfig(plane.kubeconfig)


@pytest.fixture
async def client(connection: Connection) -> AsyncIterator[KubeClient]:
    async with KubeClient(connection) as client:
        yield client
