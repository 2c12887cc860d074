"""What the pages tell a reader to do works, and prints what they show. `make docs-update` writes what they show."""

import pytest

from docstest import pages
from docstest.run import TOOLS, run
from localplane.binaries import PLANE

BINARIES = (*PLANE, *TOOLS)
PAGE_S = 600
"""More than all deadlines of a page that hangs in one block."""


@pytest.mark.timeout(PAGE_S)
@pytest.mark.parametrize("name", pages.names())
def test_a_page_does_what_it_says(name: str) -> None:
    report = run(pages.read(name), print)

    assert not report.failures, "\n\n".join(report.failures)
