"""Amounts in the sentences of messages, events and the command line."""


def count(number: int, noun: str, spec: str = "") -> str:
    """`1 GPU`, `2 GPUs`: of a noun whose plural takes an s.

    Args:
        number: how many.
        noun: what of, in the singular.
        spec: format specification of the number: with `,` the number is written `1,024`.
    """
    return f"{number:{spec}} {noun}" if number == 1 else f"{number:{spec}} {noun}s"
