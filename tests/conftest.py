"""What holds for all tests."""

import gc
from collections.abc import Iterator

import pytest

from localplane import binaries
from tests.support import profiles  # noqa: F401 - loads the profile, for all tests: none takes random examples


@pytest.fixture(scope="module", autouse=True)
def _nothing_is_left_open() -> Iterator[None]:
    """Collect garbage as a module ends, so that a connection or process left open is blamed on that module."""
    yield
    gc.collect()


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
