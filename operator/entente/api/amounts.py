"""Amounts in the sentences of messages, events and the command line."""


def count(number: int, noun: str) -> str:
    """`1 GPU`, `2 GPUs`: of a noun whose plural takes an s."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
