"""All pages can be read by the test, and what needs no commands is right."""

import re

import pytest

from docstest import pages, samples
from docstest.page import PageError

NAMES = pages.names()


@pytest.mark.parametrize("name", NAMES)
def test_a_page_can_be_tested(name: str) -> None:
    for block in pages.read(name).blocks:
        assert not samples.complaint(block), f"{name}:{block.line}"


@pytest.mark.parametrize("name", NAMES)
def test_a_test_that_runs_a_skipped_block_is_there(name: str) -> None:
    for block in pages.read(name).blocks:
        for path in re.findall(r"\btests/[\w/]+\.py", block.asks.skip):
            assert (pages.ROOT / path).is_file(), f"{name}:{block.line}: {path}"


def test_pages_are_chosen_by_a_part_of_their_path() -> None:
    everything = ["README.md", "docs/how-to/install.md", "docs/how-to/what-if.md"]

    assert pages.chosen(everything, []) == everything
    assert pages.chosen(everything, ["how-to", "install"]) == everything[1:]


def test_a_page_that_is_none_is_refused_with_those_that_are() -> None:
    with pytest.raises(PageError, match=r"^nowhere\.md: no such page; there are README\.md$"):
        pages.chosen(["README.md"], ["nowhere.md"])
