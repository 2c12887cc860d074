"""The generated reference pages say something about everything."""

import gendocs

PAGES = gendocs.pages()
ROWS = {
    page: [
        [cell.strip() for cell in line.strip("|").replace("\\|", "/").split("|")]
        for line in text.splitlines()
        if line.startswith("| `")
    ]
    for page, text in PAGES.items()
}


def test_each_field_of_a_resource_has_a_row() -> None:
    fields = {cells[0] for cells in ROWS["resources.md"]}
    assert {"`noticeSeconds`", "`pools[].guaranteed`", "`members[].role`", "`hold.until`"} <= fields


def test_no_row_of_a_generated_page_is_without_text() -> None:
    empty = [f"{page}: {cells[0]}" for page, rows in ROWS.items() for cells in rows if not cells[-1]]
    assert not empty, "describe the field at its declaration in operator/entente/api"


def test_a_description_is_made_of_whole_sentences() -> None:
    texts = {cells[0]: cells[-1] for cells in ROWS["resources.md"]}
    assert not [name for name, text in texts.items() if text[0].islower() or text[-1] != "."]
