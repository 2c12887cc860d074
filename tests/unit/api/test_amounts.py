"""How amounts read."""

from __future__ import annotations

import pytest

from entente.api.amounts import count


@pytest.mark.parametrize(("number", "text"), [(0, "0 GPUs"), (1, "1 GPU"), (2, "2 GPUs"), (1024, "1024 GPUs")])
def test_only_one_is_singular(number: int, text: str) -> None:
    assert count(number, "GPU") == text
