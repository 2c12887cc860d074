"""Properties of the engine: how long they may take, and how much of it they looked at."""

import os
from pathlib import Path

import pytest

from tests.support.checked import checked

HERE = Path(__file__).parent
_LONGEST_S = 1800.0
"""On two busy processors the longest takes many times as long as by itself."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents and os.environ.get("ENTENTE_PROPERTIES") != "soak":
            item.add_marker(pytest.mark.timeout(_LONGEST_S))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how much was looked at."""
    terminalreporter.write_line(f"{checked():,} decisions of the engine were checked against its invariants")
