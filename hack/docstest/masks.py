"""What differs from run to run and is not compared. CONTRIBUTING.md lists the same masks for authors of pages."""

from __future__ import annotations

import re
from dataclasses import dataclass

_GENERATED = "[bcdfghjklmnpqrstvwxz2456789]"
"""The letters of names that Kubernetes makes up: k8s.io/apimachinery/pkg/util/rand."""


@dataclass(frozen=True)
class Mask:
    """A form of text and the word that takes its place.

    Attributes:
        word: What stands for it in a mismatch.
        form: What it looks like.
    """

    word: str
    form: re.Pattern[str]


MASKS = (
    Mask("<time>", re.compile(r"\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)?)?")),
    Mask(  # Tue Dec  1 15:00:27 2026, and as in HTTP: Tue, 01 Dec 2026 15:00:27 GMT
        "<time>",
        re.compile(
            r"\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? +(?:[A-Z][a-z]{2} +\d{1,2}|\d\d [A-Z][a-z]{2} \d{4})"
            r" +\d\d:\d\d:\d\d(?: \d{4}| GMT)?"
        ),
    ),
    Mask("<time>", re.compile(r"\b\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|\b)")),
    # One or more of 5d, 3h, 2m, 10s, 250ms; `12 s` and `250 ms`; `in 3 seconds`. `64 h` of GPU time is none.
    Mask("<duration>", re.compile(r"(?<![\w.-])(?:\d+(?:\.\d+)?(?:ms|[dhms]))+(?![\w-])")),
    Mask("<duration>", re.compile(r"(?<![\w.-])\d+(?:\.\d+)? (?:ms|s|seconds?)(?![\w-])")),
    Mask("<hash>", re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")),
    Mask("<hash>", re.compile(r"\b(?:sha256:)?(?=[a-f]*\d)(?=\d*[a-f])[0-9a-f]{12,64}\b")),
    Mask("-<generated>", re.compile(rf"(?:-{_GENERATED}{{8,10}})?-{_GENERATED}{{5}}(?![\w-])")),
    Mask("-<host>", re.compile(r"(?<=[a-z0-9])-\d{4}(?=x\d|[^\w-]|$)")),
    Mask("<address>", re.compile(r"\b(?:\d{1,3}(?:\.\d{1,3}){3}|localhost)(?::\d{2,5})?\b")),
    # Lines under a heading are as long as what stands below it.
    Mask("---", re.compile(r"[-─━═]{3,}")),
)
_BLANKS = re.compile(r"\s+")


def masked(line: str) -> str:
    """Return a line as it is compared: masks in place of what differs, and one blank between words."""
    for mask in MASKS:
        line = mask.form.sub(mask.word, line)
    return _BLANKS.sub(" ", line).strip()
