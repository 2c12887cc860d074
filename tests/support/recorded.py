"""A cluster that was recorded: objects as the API server gives them, and what the caller may not read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from entente.cli.cluster import ForbiddenError, NotThereError, Object
from entente.kube.kinds import Kind


@dataclass
class Recorded:
    """Reads like a cluster.

    `closed` holds what is forbidden: the plural of a kind for all of it, `plural/namespace`, or `plural/name` of one
    object of a cluster-scoped kind.
    """

    objects: list[Object]
    closed: set[str] = field(default_factory=set)
    namespace: str = "default"

    def get(self, kind: Kind, name: str, namespace: str | None = None) -> Object:
        place = f"{kind.plural}/{namespace or name}"
        if place in self.closed:
            message = f'{kind.plural} "{name}" is forbidden: User "ada" cannot get resource'
            raise ForbiddenError(message)
        for obj in self._of(kind, namespace):
            if obj["metadata"]["name"] == name:
                return obj
        message = f'{kind.plural}.{kind.group} "{name}" not found'
        raise NotThereError(message)

    def list(self, kind: Kind, namespace: str | None = None) -> list[Object]:
        place = f"{kind.plural}/{namespace}" if namespace else kind.plural
        if place in self.closed:
            message = f'{kind.plural} is forbidden: User "ada" cannot list resource "{kind.plural}"'
            raise ForbiddenError(message)
        return list(self._of(kind, namespace))

    def _of(self, kind: Kind, namespace: str | None) -> Iterable[Object]:
        for obj in self.objects:
            if obj["kind"] == kind.kind and namespace in (None, obj["metadata"].get("namespace")):
                yield obj
