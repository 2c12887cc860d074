from textwrap import dedent

import pytest

from docstest.page import DEADLINE_S, Asks, Needs, PageError, parse


def page(text: str) -> str:
    return dedent(text).lstrip()


def test_output_belongs_to_the_commands_before_it() -> None:
    source = page("""
        # A page

        ```sh
        echo 1
        ```

        It prints:

        ```text
        1
        ```

        Words.

        ```sh
        true
        ```
        """)

    first, second = parse("a.md", source).blocks

    assert (first.text, first.line) == ("echo 1\n", 4)
    assert first.shown is not None
    assert (first.shown.text, first.shown.line, first.shown.lines) == ("1\n", 10, 1)
    assert second.shown is None


def test_a_block_in_a_list_is_read_without_its_indentation() -> None:
    source = page("""
        1. First:

           ```sh
           cat <<EOF
             x
           EOF
           ```
        """)

    (block,) = parse("a.md", source).blocks

    assert block.text == "cat <<EOF\n  x\nEOF\n"
    assert block.indent == "   "


DIRECTIVES = {
    "none": ("", Asks()),
    "a reason to leave it out": ("skip: needs docker", Asks(skip="needs docker")),
    "in the background": ('background: until "is ready"', Asks(until="is ready")),
    "a deadline": ("within 60 s", Asks(within_s=60.0)),
    "polling": ("eventually", Asks(eventually=True)),
    "an exit code": ("exit 3", Asks(exit_code=3)),
    "a file": ("file job.yaml", Asks(file="job.yaml")),
}


@pytest.mark.parametrize("case", DIRECTIVES)
def test_a_directive_asks_something_of_the_next_block(case: str) -> None:
    directive, asks = DIRECTIVES[case]
    comment = f"<!-- docs-test: {directive} -->\n" if directive else ""

    (block,) = parse("a.md", f"{comment}```sh\ntrue\n```\n").blocks

    assert block.asks == asks


def test_directives_add_up_and_end_with_their_block() -> None:
    source = page("""
        <!-- docs-test: eventually -->
        <!-- docs-test: within 5 s -->
        ```sh
        one
        ```
        ```sh
        two
        ```
        """)

    one, two = parse("a.md", source).blocks

    assert (one.asks.eventually, one.asks.within_s) == (True, 5)
    assert (two.asks.eventually, two.asks.within_s) == (False, DEADLINE_S)


def test_other_comments_are_no_directives() -> None:
    (block,) = parse("a.md", "<!-- Generated. -->\n```sh\ntrue\n```\n").blocks

    assert block.asks == Asks()


@pytest.mark.parametrize("needs", Needs)
def test_a_page_says_what_it_needs(needs: Needs) -> None:
    assert parse("a.md", f"# A page\n\n<!-- docs-test: needs {needs} -->\n\nWords.\n").needs is needs


def test_a_page_that_says_nothing_needs_nothing() -> None:
    assert parse("a.md", "# A page\n").needs is Needs.NOTHING


MISTAKES = {
    "a directive that is none": ("<!-- docs-test: sleep 5 -->\n```sh\ntrue\n```\n", "a.md:1: 'sleep 5' is none of"),
    "a skip without a reason": ("<!-- docs-test: skip: -->\n```sh\ntrue\n```\n", "a.md:1: 'skip:' is none of"),
    "a directive before words": (
        "<!-- docs-test: eventually -->\n\nWords.\n\n```sh\ntrue\n```\n",
        "a.md:1: this directive must stand right before a block",
    ),
    "a directive at the end": ("<!-- docs-test: exit 1 -->\n", "a.md:1: this directive must stand right before"),
    "a directive among words": (
        "Words. <!-- docs-test: exit 1 -->\n\n```sh\ntrue\n```\n",
        "a.md:1: `docs-test:` stands in a comment on lines of its own",
    ),
    "a block without its end": ("Words.\n\n```sh\ntrue\n", "a.md:3: the end of this block is missing: ```"),
    "needs after a block": ("```sh\ntrue\n```\n<!-- docs-test: needs plane -->\n", "a.md:4: `needs` stands once"),
    "commands in a language that nobody runs": ("```bash\ntrue\n```\n", "a.md:1: commands are a block of `sh`"),
    "a block without a language": ("```\ntrue\n```\n", "a.md:1: commands are a block of `sh`"),
    "output of nothing": ("```text\n1\n```\n", "a.md:1: a block of `text` is the next one after `sh`"),
    "output after another block": (
        "```sh\ntrue\n```\n```json\n1\n```\n```text\n1\n```\n",
        "a.md:7: a block of `text` is the next one after `sh`",
    ),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_told_with_page_and_line(case: str) -> None:
    source, message = MISTAKES[case]

    with pytest.raises(PageError) as error:
        parse("a.md", source)

    assert str(error.value).startswith(message)


def test_a_page_has_the_lines_that_its_parser_counts() -> None:
    (block,) = parse("a.md", "Words\f\u2028 of\x0b old.\n\n- an item:\n\n  ```sh\n  true\n  ```\n").blocks

    assert (block.line, block.lines, block.indent) == (6, 1, "  ")


def test_text_that_is_no_output_says_so() -> None:
    (block,) = parse("a.md", "<!-- docs-test: skip: an example of a table -->\n```text\n1\n```\n").blocks

    assert block.asks.skip == "an example of a table"
