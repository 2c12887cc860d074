"""What holds for all tests."""

import gc
from collections.abc import Iterator

import pytest

from tests.support import profiles  # noqa: F401 - loads the profile, for all tests: none takes random examples


@pytest.fixture(scope="module", autouse=True)
def _nothing_is_left_open() -> Iterator[None]:
    """Collect garbage as a module ends, so that a connection or process left open is blamed on that module."""
    yield
    gc.collect()
