"""What is left in a namespace, in numbers and in words."""

import pytest

from entente.tenancy.unfinished import Unfinished


@pytest.mark.parametrize(
    ("left", "words"),
    [
        (Unfinished("a", running=2, gpus=16, workers=2), "2 jobs with 16 GPUs in a"),
        (Unfinished("a", running=1, gpus=1, waiting=3), "1 job with 1 GPU and 3 jobs without GPUs in a"),
        (Unfinished("a", waiting=1), "1 job without GPUs in a"),
        (Unfinished("a", workers=1), "1 worker of jobs that are gone in a"),
    ],
)
def test_what_is_left_is_said_with_numbers(left: Unfinished, words: str) -> None:
    assert str(left) == words
    assert not left.nothing


def test_nothing_left_is_nothing() -> None:
    assert Unfinished("a").nothing
