"""Docstrings of fields, as schemas and pages tell them."""

from entente.api.base import Model
from entente.api.described import descriptions


class Wide(Model):
    first: int
    """Of them
    all."""
    bare: int

    _LIMIT = 3
    """No field."""


class Narrow(Wide):
    second: int
    """The other."""
    first: int
    """Told anew."""


def test_the_string_behind_a_field_describes_it() -> None:
    assert descriptions(Wide) == {"first": "Of them\nall."}


def test_what_is_inherited_is_described_too_and_the_nearest_word_counts() -> None:
    assert descriptions(Narrow) == {"first": "Told anew.", "second": "The other."}


def test_schemas_have_the_descriptions_under_the_names_of_the_wire() -> None:
    properties = Narrow.model_json_schema()["properties"]
    assert properties["second"]["description"] == "The other."
    assert "description" not in properties["bare"]
