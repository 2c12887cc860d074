"""How long properties are looked for.

By default the same examples every time, few enough for CI. `ENTENTE_PROPERTIES=soak` takes random ones, for as long as
it takes; `brief` takes a few, for a look at a mutant.
"""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings

from tests.support.checked import checked

_SLOW_IS_FINE = (HealthCheck.too_slow, HealthCheck.data_too_large)

settings.register_profile(
    "ci",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=200,
    stateful_step_count=30,
    suppress_health_check=_SLOW_IS_FINE,
    print_blob=True,
)
settings.register_profile(
    "brief",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=40,
    stateful_step_count=40,
    suppress_health_check=_SLOW_IS_FINE,
    phases=(Phase.explicit, Phase.generate),
)
settings.register_profile(
    "soak",
    deadline=None,
    max_examples=5_000,
    stateful_step_count=60,
    suppress_health_check=_SLOW_IS_FINE,
    phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.target, Phase.shrink),
    print_blob=True,
)
settings.load_profile(os.environ.get("ENTENTE_PROPERTIES", "ci"))

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
