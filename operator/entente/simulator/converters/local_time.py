"""Times of a place's clock as seconds since 1970, where clocks are set back in autumn."""

from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


class UnknownZoneError(Exception):
    """No such time zone is known on this machine: says which."""


def zone(name: str) -> ZoneInfo:
    """A time zone by its IANA name. Raises UnknownZoneError."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # a folder, or a name too long for a file
        message = f"{name!r} is no time zone that this machine knows; without tzdata: pip install tzdata"
        raise UnknownZoneError(message) from error


def seconds(local: datetime, place: ZoneInfo, not_before: float = 0.0) -> int:
    """Seconds since 1970-01-01 UTC of what a clock in a place shows.

    The hour in which clocks are set back comes twice. A time in it is the first of the two, unless that is before
    `not_before`, in seconds since 1970: then it is the second.
    """
    first = local.replace(tzinfo=place, fold=0).timestamp()
    if first < not_before:
        return int(local.replace(tzinfo=place, fold=1).timestamp())
    return int(first)
