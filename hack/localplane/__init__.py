"""A real Kubernetes control plane on loopback, with fake GPU nodes, for tests and demonstrations.

`LocalPlane` starts etcd, kube-apiserver, kube-controller-manager, kube-scheduler and kwok, and stops them for sure.
See the README beside this file for its use and for what pods and nodes can be told to do.
"""

from localplane.api import ApiClient, ApiFailure
from localplane.errors import PlaneError
from localplane.plane import LocalPlane

__all__ = ["ApiClient", "ApiFailure", "LocalPlane", "PlaneError"]
