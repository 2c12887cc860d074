"""Seconds since the epoch, as the engine counts, and whole-second times, as a status holds them."""

from datetime import UTC, datetime


def moment(now: float) -> datetime:
    """The time as it comes back from the API server: whole seconds, UTC."""
    return datetime.fromtimestamp(int(now), tz=UTC)


def seconds(value: datetime) -> float:
    """Seconds since the epoch."""
    return value.timestamp()


def seconds_or_none(value: datetime | None) -> float | None:
    """Seconds since the epoch, where there is a time."""
    return value.timestamp() if value else None
