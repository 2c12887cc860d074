"""One word for one thing: the glossary has each word once, and pages and messages use no other for it."""

import ast
import re
from pathlib import Path

import pytest

from tests.support.pages import ROOT, Page, pages

GLOSSARY = Page(ROOT / "docs" / "reference" / "glossary.md")
MOST_WORDS = 40

BANNED = {
    r"\battempts?\b": "a start of a gang is a start; a request is tried",
    r"\b(he|his|him|himself)\b": "a user is they",
    r"\b1 (GPUs|workers|hosts|nodes|jobs|tenants)\b": "one is singular",
}

ELSEWHERE = {"docs/reference/cli.md", "examples/scenarios/README.md"}
"""Pages that speak of traces, too: in Philly's a start is called an attempt."""

SPEAKING = ("api/reasons.py", "cli", "engine/telling.py", "tenancy/findings.py", "workload/notes.py")
"""Modules whose texts people read."""

LEFT_OUT = {"cli/trace.py"}
"""Of these the one that speaks of traces, in which a start is called an attempt."""

CODE = ROOT / "operator" / "entente"


def _rows() -> list[tuple[str, str]]:
    return re.findall(r"^\| \*\*(.+?)\*\* \| (.+?) \|$", GLOSSARY.text, re.MULTILINE)


def _misused(text: str) -> list[str]:
    return [
        f"{found.group()!r}: {instead}"
        for pattern, instead in BANNED.items()
        for found in re.finditer(pattern, text, re.IGNORECASE)
    ]


def test_the_glossary_has_few_words_and_each_once() -> None:
    words = [word.lower() for word, _ in _rows()]
    assert 0 < len(words) <= MOST_WORDS
    assert len(set(words)) == len(words)
    assert words == sorted(words)


@pytest.mark.parametrize(("word", "meaning"), _rows())
def test_a_word_of_the_glossary_is_explained_in_a_sentence_or_two(word: str, meaning: str) -> None:
    assert meaning.endswith("."), word
    assert len(re.findall(r"[.!?](?: |$)", meaning)) <= 2


@pytest.mark.parametrize("page", [page for page in pages() if page.name not in ELSEWHERE], ids=lambda page: page.name)
def test_a_page_keeps_to_the_words(page: Page) -> None:
    assert not _misused(page.words)


def _texts(path: Path) -> str:
    """The strings of a module, docstrings included: commands show theirs."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return "\n".join(
        node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def _speaking() -> list[Path]:
    found = []
    for name in SPEAKING:
        path = CODE / name
        found.extend(sorted(path.rglob("*.py")) if path.is_dir() else [path])
    return found


@pytest.mark.parametrize(
    "path",
    [path for path in _speaking() if str(path.relative_to(CODE)) not in LEFT_OUT],
    ids=lambda path: str(path.relative_to(CODE)),
)
def test_what_people_are_told_keeps_to_the_words(path: Path) -> None:
    assert not _misused(_texts(path))
