"""Reads a page: its blocks in order, what each one asks of the test, and the output that is shown for it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum

from markdown_it import MarkdownIt
from markdown_it.token import Token

COMMANDS, OUTPUT = "sh", "text"
MISTAKEN_LANGUAGES = {"", "bash", "console", "shell", "shell-session", "zsh"}
"""Blocks of these would be left out without a word."""

DEADLINE_S = 120.0
_COMMENT = re.compile(r"<!--(.*?)-->", re.DOTALL)
_PREFIX = "docs-test:"


class PageError(Exception):
    """A page that cannot be tested: says page and line, what is wrong, and what to write."""


class Needs(StrEnum):
    """What a page's commands find when they begin."""

    NOTHING = "nothing"
    PLANE = "plane"
    ESTATE = "estate"


@dataclass(frozen=True)
class Asks:
    """What a block asks of the test.

    Attributes:
        skip: Why it is left out; empty when it is not.
        until: It runs in the background, and the page goes on when this text is printed; empty when in the foreground.
        within_s: Deadline of its commands.
        eventually: Its commands are run again until exit code and output are right.
        exit_code: How its commands end.
        file: Where its text is written to before the page goes on; empty when nowhere.
    """

    skip: str = ""
    until: str = ""
    within_s: float = DEADLINE_S
    eventually: bool = False
    exit_code: int = 0
    file: str = ""


@dataclass(frozen=True)
class Block:
    """One fenced block.

    Attributes:
        language: The first word of its fence.
        text: Its lines, without the indentation of the fence.
        line: Where its first line stands in the page, from 1.
        lines: How many lines it has in the page.
        indent: What stands before its fence.
        asks: What it asks of the test.
        shown: The block of its output, if there is one.
    """

    language: str
    text: str
    line: int
    lines: int
    indent: str = ""
    asks: Asks = field(default_factory=Asks)
    shown: Block | None = None


@dataclass(frozen=True)
class Page:
    """A page as the test sees it.

    Attributes:
        name: Its path in the repository.
        source: Its whole text.
        needs: What it finds when it begins.
        blocks: All blocks but those of output, in order.
    """

    name: str
    source: str
    needs: Needs
    blocks: tuple[Block, ...]


_DIRECTIVES: dict[str, re.Pattern[str]] = {
    "skip: REASON": re.compile(r"skip: (?P<skip>\S.*)"),
    'background: until "TEXT"': re.compile(r'background: *until "(?P<until>.+)"'),
    "within N s": re.compile(r"within (?P<within_s>\d+) s"),
    "eventually": re.compile(r"(?P<eventually>eventually)"),
    "exit N": re.compile(r"exit (?P<exit_code>\d+)"),
    "file NAME": re.compile(r"file (?P<file>[\w.-]+)"),
    f"needs {'|'.join(Needs)}": re.compile(rf"needs (?P<needs>{'|'.join(Needs)})"),
}


def parse(name: str, source: str) -> Page:
    """Return a page by its path in the repository and its text.

    Raises:
        PageError: a directive that is unknown or stands before no block, a block of commands in another language than
            `sh`, a block of output that follows no commands.
    """
    return _Reader(name, source).read()


class _Reader:
    """Walks over the tokens of one page."""

    def __init__(self, name: str, source: str) -> None:
        self._name = name
        self._source = source
        self._lines = source.split("\n")  # as the parser counts them
        self._needs: Needs | None = None
        self._asked: dict[str, str] = {}
        self._asked_at = 0
        self._blocks: list[Block] = []
        self._may_show = False
        """Whether the last block was one of commands."""

    def read(self) -> Page:
        for token in MarkdownIt("commonmark").parse(self._source):
            if token.type == "html_block" and (comments := list(_comments(token))):
                for line, comment in comments:
                    self._direct(line, comment)
            elif token.type == "fence":
                self._take(token)
            elif _PREFIX in token.content:
                raise self._error((token.map or [0])[0] + 1, f"`{_PREFIX}` stands in a comment on lines of its own")
            else:
                self._end_directives()
        self._end_directives()
        return Page(self._name, self._source, self._needs or Needs.NOTHING, tuple(self._blocks))

    def _direct(self, line: int, comment: str) -> None:
        if not comment.startswith(_PREFIX):
            return
        text = comment.removeprefix(_PREFIX).strip()
        found = next((match for form in _DIRECTIVES.values() if (match := form.fullmatch(text))), None)
        if found is None:
            raise self._error(line, f"{text!r} is none of: {'; '.join(_DIRECTIVES)}")
        asked = found.groupdict()
        if "needs" in asked:
            if self._needs or self._blocks:
                raise self._error(line, "`needs` stands once, before the first block")
            self._needs = Needs(asked["needs"])
        else:
            self._asked |= asked
            self._asked_at = line

    def _end_directives(self) -> None:
        if self._asked:
            raise self._error(self._asked_at, "this directive must stand right before a block")

    def _take(self, token: Token) -> None:
        block = self._block(token)
        if block.language in MISTAKEN_LANGUAGES:
            raise self._error(block.line - 1, f"commands are a block of `{COMMANDS}`, output is one of `{OUTPUT}`")
        if block.language != OUTPUT:
            self._blocks.append(block)
        elif self._may_show:
            self._blocks[-1] = replace(self._blocks[-1], shown=block)
        elif not block.asks.skip:
            message = f"a block of `{OUTPUT}` is the next one after `{COMMANDS}`, or says: <!-- {_PREFIX} skip: ... -->"
            raise self._error(block.line - 1, message)
        else:
            self._blocks.append(block)
        self._may_show = block.language == COMMANDS

    def _block(self, token: Token) -> Block:
        first, end = token.map or (0, 0)
        fence = self._lines[first]
        if not self._lines[end - 1].strip().endswith(token.markup):
            raise self._error(first + 1, f"the end of this block is missing: {token.markup}")
        asked, self._asked = self._asked, {}
        asks = Asks(
            skip=asked.get("skip", ""),
            until=asked.get("until", ""),
            within_s=float(asked.get("within_s", DEADLINE_S)),
            eventually="eventually" in asked,
            exit_code=int(asked.get("exit_code", 0)),
            file=asked.get("file", ""),
        )
        return Block(
            language=(token.info.split() or [""])[0],
            text=token.content,
            line=first + 2,
            lines=end - first - 2,
            indent=fence[: len(fence) - len(fence.lstrip())],
            asks=asks,
        )

    def _error(self, line: int, message: str) -> PageError:
        return PageError(f"{self._name}:{line}: {message}")


def _comments(token: Token) -> Iterator[tuple[int, str]]:
    """The HTML comments of a token, with their lines."""
    first = (token.map or [0])[0] + 1
    for match in _COMMENT.finditer(token.content):
        yield first + token.content.count("\n", 0, match.start()), match[1].strip()
