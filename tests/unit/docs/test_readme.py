"""What README shows is what is in the repository."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SHOWN = re.findall(r"\[\w+\.yaml\]\((?P<path>[^)]+)\)[^`]*```yaml\n(?P<text>.*?)```", README, re.DOTALL)


def test_both_manifests_of_the_heart_are_shown() -> None:
    assert [path for path, _ in SHOWN] == ["examples/borrowing/guest.yaml", "examples/borrowing/owner.yaml"]


@pytest.mark.parametrize(("path", "text"), SHOWN, ids=[path for path, _ in SHOWN])
def test_a_manifest_is_shown_as_it_is_but_for_its_first_comment(path: str, text: str) -> None:
    comment, rest = (ROOT / path).read_text(encoding="utf-8").split("\n", 1)
    assert comment.startswith("# ")
    assert text == rest
