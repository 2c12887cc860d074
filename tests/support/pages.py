"""The repository's Markdown pages, as far as tests look at them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

_NOT_OURS = frozenset({"build", "dist", "node_modules"})
_FENCE = re.compile(r"^(?P<fence>```+)(?P<language>\w*)[^\n]*\n(?P<text>.*?)^(?P=fence)\s*$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`[^`\n]*`")
_LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\]]*\])*\]\(\s*<?([^)\s>]+)>?[^)]*\)")
_HEADING = re.compile(r"^#{1,6} +(.+?) *#*$", re.MULTILINE)
_QUOTE = re.compile(r"^<!-- quote: (?P<file>\S+) -->\n```\w*\n(?P<text>.*?)^```\s*$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Page:
    path: Path

    @property
    def name(self) -> str:
        """Its path from the root of the repository."""
        return str(self.path.relative_to(ROOT))

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def prose(self) -> str:
        """What is not in a code block; the lines keep their numbers."""
        return _FENCE.sub(lambda block: "\n" * block.group().count("\n"), self.text)

    @property
    def words(self) -> str:
        """The prose without what is code in it."""
        return _CODE.sub("", self.prose)

    @property
    def links(self) -> Iterator[str]:
        """Targets of its links and pictures."""
        yield from _LINK.findall(_CODE.sub("", self.prose))

    @cached_property
    def anchors(self) -> frozenset[str]:
        """What a link to this page may have behind its `#`, as GitHub makes it of the headings."""
        seen: dict[str, int] = {}
        found = set()
        for heading in _HEADING.findall(self.prose):
            slug = re.sub(r"[^\w\- ]", "", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()).replace(" ", "-")
            found.add(f"{slug}-{seen[slug]}" if slug in seen else slug)
            seen[slug] = seen.get(slug, 0) + 1
        return frozenset(found)

    @property
    def quotes(self) -> Iterator[tuple[str, str]]:
        """Files of the repository that it quotes, each with what it says they have."""
        for quote in _QUOTE.finditer(self.text):
            yield quote["file"], quote["text"]


def pages() -> list[Page]:
    """All pages of the repository."""
    found = (path.relative_to(ROOT) for path in ROOT.rglob("*.md"))
    return [
        Page(ROOT / path)
        for path in sorted(found)
        if not any((part.startswith(".") and part != ".github") or part in _NOT_OURS for part in path.parts)
    ]
