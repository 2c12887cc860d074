"""The control plane that all integration tests share, started with the first test that asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from localplane import LocalPlane, binaries
from tests.support.estate import Estate
from tests.support.operators import OperatorProcess
from tests.support.plane import Corner

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker("integration")


def pytest_collection_finish(session: pytest.Session) -> None:
    """Build what is missing before the first test begins: its time limit is not meant for that."""
    missing = binaries.missing(sorted({name for item in session.items for name in _needed(item)}))
    if session.config.option.collectonly or not missing:
        return
    capture = session.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        binaries.ensure_all(missing)


def _needed(item: pytest.Item) -> tuple[str, ...]:
    """The binaries that a test runs: those of the plane, and those that its module names in `BINARIES`."""
    own: tuple[str, ...] = getattr(getattr(item, "module", None), "BINARIES", ())
    return (*own, *binaries.PLANE) if "plane" in getattr(item, "fixturenames", ()) else own


@pytest.fixture(scope="session")
def plane() -> Iterator[LocalPlane]:
    with LocalPlane() as running:
        yield running


@pytest.fixture
def corner(plane: LocalPlane) -> Iterator[Corner]:
    """A part of the plane of the test's own."""
    own = Corner(plane)
    yield own
    own.leave()


@pytest.fixture
def estate(operator: OperatorProcess, corner: Corner) -> Iterator[Estate]:
    """A pool and tenants of the test's own, under the operator of its module."""
    assert operator.leads()
    own = Estate(corner)
    yield own
    own.leave()
