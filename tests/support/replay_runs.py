"""Runs that leave a note when they are made, in whatever process."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Noted:
    """Doubles a number; fails for one below 0."""

    notes: Path
    number: int

    @property
    def label(self) -> str:
        return f"noted-{self.number}"

    def key(self) -> str:
        """What the result rests on."""
        return f"{self.number:064}"

    def make(self) -> int:
        """Leave a note. Raises ValueError."""
        with self.notes.open("a", encoding="utf-8") as notes:
            notes.write(f"{self.number}\n")
        if self.number < 0:
            message = f"number: {self.number}"
            raise ValueError(message)
        return self.number * 2


def noted(notes: Path) -> list[str]:
    """Who left a note, in order."""
    return notes.read_text(encoding="utf-8").splitlines()
