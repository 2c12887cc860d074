"""The quick way of reading YAML gives what PyYAML's own constructor gives, and refuses what it refuses."""

import pytest
import yaml

from entente.cli.yaml_reading import Loader, load_all

SAME = {
    "nothing": "",
    "an empty document between two": "a: 1\n---\n---\nb: 2\n",
    "numbers, flags and nothing": "[1, -2, 0x1f, 0o17, 017, 1_000, 1.5, 1e3, .inf, true, No, ~, null, '']",
    "text in quotes that looks like something else": "{a: '1', b: \"true\", c: 'null', d: ''}",
    "a field without a value": "a:\nb: {}\nc: []\n",
    "times stay text": "at: 2026-11-23T12:00:00Z\non: 2026-11-23\n",
    "keys that are no text": "1: a\ntrue: b\nnull: c\n",
    "a field given twice": "a: 1\na: 2\n",
    "blocks of text": "a: |\n  one\n  two\nb: >-\n  one\n  two\n",
    "nested lists and mappings": "a:\n- b: [1, {c: d}]\n  e: f\n- - g\n",
    "an anchor": "a: &x {b: 1}\nc: *x\nd: [&y text, *y]\n",
    "the same anchor in two documents": "a: &x 1\nb: *x\n---\na: &x 2\nb: *x\n",
    "a merged mapping": "a: &x {b: 1, c: 2}\nd: {<<: *x, c: 3}\n",
    "a tag": "a: !!str 1\nb: !!set {c, d}\n",
    "the value key": "{=: 1}",
    "a byte-order mark inside a document": "a: '\ufeff'\n",
}

REFUSED = {
    "a mapping as a key": "? {a: 1}\n: b\n",
    "an alias of nothing": "a: *x\n",
    "a tag that nobody knows": "a: !secret b\n",
    "a mapping that does not end": "a: {b: 1\n",
    "a tab that indents": "a:\n\tb: 1\n",
    "an integer with too many digits": f"a: {'9' * 5000}\n",
}


@pytest.mark.parametrize("text", SAME.values(), ids=SAME)
def test_documents_are_what_pyyaml_makes_of_them(text: str) -> None:
    mine, theirs = load_all(text), list(yaml.load_all(text, Loader=Loader))
    assert repr(mine) == repr(theirs)


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED)
def test_what_pyyaml_refuses_is_refused_with_the_same_words(text: str) -> None:
    def words(error: BaseException) -> str:
        return f"{type(error).__name__}: {error}"

    with pytest.raises((yaml.YAMLError, ValueError)) as mine:
        load_all(text)
    with pytest.raises((yaml.YAMLError, ValueError)) as theirs:
        list(yaml.load_all(text, Loader=Loader))
    assert words(mine.value) == words(theirs.value)


def test_an_alias_is_the_very_thing_that_it_names_even_inside_itself() -> None:
    (found,) = load_all("a: &x [1]\nb: *x\nc: &y {d: *y}\n")
    assert found["a"] is found["b"]
    assert found["c"]["d"] is found["c"]
