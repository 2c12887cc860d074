"""A message says what there is and what ends the wait, and can be taken apart again."""

from __future__ import annotations

import pytest

from entente.api.reasons import Reason


@pytest.mark.parametrize("reason", Reason)
def test_a_message_can_be_taken_apart_again(reason: Reason) -> None:
    assert reason.parts(reason.message("It asks for 8 GPUs.")) == ("It asks for 8 GPUs.", reason.remedy)
    assert reason.parts(reason.message("It asks.", "somebody acts")) == ("It asks.", "somebody acts")


@pytest.mark.parametrize("reason", Reason)
def test_what_a_message_lacks_the_reason_says(reason: Reason) -> None:
    assert reason.parts("") == (reason.meaning, reason.remedy)
    assert reason.parts("The numbers.") == ("The numbers.", reason.remedy)


@pytest.mark.parametrize("reason", Reason)
def test_meaning_and_remedy_fit_into_their_sentences(reason: Reason) -> None:
    assert reason.meaning.endswith(".")
    assert not reason.remedy.endswith(".")
    assert not reason.remedy[0].isupper()


def test_the_words_between_numbers_and_remedy_may_stand_in_a_name() -> None:
    numbers = "Its tenant has no priority 'It can start when I say'; it has: default."

    assert Reason.UNKNOWN_PRIORITY.parts(Reason.UNKNOWN_PRIORITY.message(numbers)) == (
        numbers,
        Reason.UNKNOWN_PRIORITY.remedy,
    )
