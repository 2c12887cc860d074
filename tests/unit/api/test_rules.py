"""One rule, two forms."""

from typing import ClassVar

import pytest
from pydantic import ValidationError

from entente.api.base import Model
from entente.api.rules import Rule, Value

SHARE = Rule(
    cel="self.part.taken <= self.wholeAmount",
    holds=lambda it: it.part.taken <= it.whole_amount,
    message="part.taken: {part.taken} is 100% too much of {wholeAmount}; it's {names}",
    at="part.taken",
    values={"names": Value(cel="self.names", of=lambda it: it.names)},
)


class Part(Model):
    taken: int


class Whole(Model):
    RULES: ClassVar = (SHARE,)

    part: Part
    whole_amount: int
    names: tuple[str, ...] = ()


def test_the_message_in_python_has_the_values() -> None:
    with pytest.raises(ValidationError) as refused:
        Whole.model_validate({"part": {"taken": 3}, "wholeAmount": 2, "names": ["a", "b{c}"]})
    (error,) = refused.value.errors()
    assert error["loc"] == ("part", "taken")
    assert error["msg"] == 'part.taken: 3 is 100% too much of 2; it\'s ["a", "b{c}"]'


def test_the_message_in_cel_has_the_same_values() -> None:
    text = "'part.taken: %s is 100%% too much of %s; it\\'s %s'"
    assert SHARE.to_schema() == {
        "rule": "self.part.taken <= self.wholeAmount",
        "messageExpression": f"{text}.format([self.part.taken, self.wholeAmount, self.names])",
        "fieldPath": ".part.taken",
    }


def test_a_message_without_values_is_plain() -> None:
    assert Rule(cel="true", holds=bool, message="no").to_schema() == {"rule": "true", "message": "no"}
