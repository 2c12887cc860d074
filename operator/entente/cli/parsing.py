"""Objects of a cluster as models; one that cannot be read does not keep the others from being shown."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from pydantic import ValidationError

from entente.cli.cluster import Object

Read = TypeVar("Read")


def parsed(objects: Iterable[Object], read: Callable[[Object], Read], warn: Callable[[str], None]) -> list[Read]:
    """The objects that can be read; `warn` is told of each other one."""
    found = []
    for obj in objects:
        try:
            found.append(read(obj))
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            meta = obj["metadata"]
            name = "/".join(part for part in (meta.get("namespace"), meta["name"]) if part)
            where = ".".join(str(part) for part in first["loc"])
            warn(f"left out: {obj['kind']} {name} cannot be read: {where}: {first['msg']}")
    return found
