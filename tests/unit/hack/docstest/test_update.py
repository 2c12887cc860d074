from textwrap import dedent

from docstest.page import parse
from docstest.update import Revision, revised

SOURCE = dedent("""
    ```sh
    one
    ```

    ```text
    1
    ```

    - In a list:

      ```sh
      two
      ```

      ```text
      ```

    The end.
    """)


def test_new_output_takes_the_place_of_the_old_at_its_indentation() -> None:
    first, second = (block.shown for block in parse("a.md", SOURCE).blocks)
    assert first
    assert second

    text = revised(SOURCE, [Revision.of(first, ["2", "3"]), Revision.of(second, ["4", "", "  5"])])

    expected = SOURCE.replace("text\n1\n", "text\n2\n3\n").replace("  ```text\n", "  ```text\n  4\n\n    5\n")
    assert text == expected


def test_a_page_without_revisions_stays_as_it_is() -> None:
    assert revised(SOURCE, []) == SOURCE
