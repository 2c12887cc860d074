"""The errors that the local plane reports to whoever started it."""

from __future__ import annotations


class PlaneError(Exception):
    """Something that keeps the plane from starting or working, told in a sentence that says what to do."""


class PortTakenError(PlaneError):
    """A port that was free when it was chosen was taken when a component bound it: choose again."""
