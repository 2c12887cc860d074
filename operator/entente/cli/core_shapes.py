"""What a Node and a Pod must look like to be read, so that whatever is wrong is refused with its field."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

from entente.api.core import whole_units


def _resources(given: dict[str, Any]) -> dict[str, Any]:
    for name, quantity in given.items():
        if "/" in name:
            try:
                whole_units(quantity)
            except ValueError as error:
                message = f"{name}: {error}"
                raise ValueError(message) from None
    return given


_Resources = Annotated[dict[str, Any], AfterValidator(_resources)]
_Name = Annotated[str, StringConstraints(min_length=1)]


class _Shape(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, extra="ignore", strict=True)


class _Owner(_Shape):
    kind: _Name
    name: _Name


class _Meta(_Shape):
    name: _Name
    namespace: str | None = None
    labels: dict[str, str] = {}
    owner_references: list[_Owner] = []


class _Taint(_Shape):
    key: str


class _Condition(_Shape):
    type: str
    status: str


class _NodeSpec(_Shape):
    unschedulable: bool = False
    taints: list[_Taint] = []


class _NodeStatus(_Shape):
    allocatable: _Resources = {}
    conditions: list[_Condition] = []


class NodeShape(_Shape):
    """The part of a Node that is read."""

    metadata: _Meta
    spec: _NodeSpec = _NodeSpec()
    status: _NodeStatus = _NodeStatus()


class _Requirements(_Shape):
    requests: _Resources = {}
    limits: _Resources = {}


class _Container(_Shape):
    resources: _Requirements = _Requirements()


class _PodSpec(_Shape):
    node_name: str | None = None
    containers: Annotated[list[_Container], Field(default_factory=list)]
    init_containers: Annotated[list[_Container], Field(default_factory=list)]


class _PodStatus(_Shape):
    phase: str = "Pending"


class PodShape(_Shape):
    """The part of a Pod that is read."""

    metadata: _Meta
    spec: _PodSpec
    status: _PodStatus = _PodStatus()
