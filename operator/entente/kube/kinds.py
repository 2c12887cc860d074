"""The kinds of objects that Entente reads and writes, and where the API server keeps them."""

from dataclasses import dataclass
from functools import cached_property
from urllib.parse import quote

from entente.api.names import GROUP, VERSION


@dataclass(frozen=True)
class Kind:
    """A kind of object as the API server serves it."""

    group: str
    """Empty for the core group."""
    version: str
    kind: str
    plural: str
    namespaced: bool

    @cached_property
    def api_version(self) -> str:
        """`group/version`, or the version alone in the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @cached_property
    def _root(self) -> str:
        return f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"

    def path(self, namespace: str | None = None, name: str | None = None, subresource: str | None = None) -> str:
        """URL path of the collection, of one object of it, or of its subresource.

        Without a namespace, a namespaced kind's path is that of the collection over all namespaces.

        Raises:
            ValueError: a namespace for a cluster-scoped kind, an object of a namespaced kind without its namespace,
                or a subresource without a name.
        """
        if namespace and not self.namespaced:
            msg = f"namespace: {namespace!r} given, but {self.kind} is cluster-scoped"
            raise ValueError(msg)
        if name and self.namespaced and not namespace:
            msg = f"namespace: missing for {self.kind} {name!r}"
            raise ValueError(msg)
        if subresource and not name:
            msg = f"name: missing for subresource {subresource!r} of {self.kind}"
            raise ValueError(msg)
        parts = [self._root]
        if namespace:
            parts += ("namespaces", quote(namespace, safe=""))
        parts.append(self.plural)
        if name:
            parts.append(quote(name, safe=""))
        if subresource:
            parts.append(subresource)
        return "/".join(parts)


POD = Kind("", "v1", "Pod", "pods", namespaced=True)
NODE = Kind("", "v1", "Node", "nodes", namespaced=False)
SERVICE = Kind("", "v1", "Service", "services", namespaced=True)
SERVICE_ACCOUNT = Kind("", "v1", "ServiceAccount", "serviceaccounts", namespaced=True)
PERSISTENT_VOLUME_CLAIM = Kind("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims", namespaced=True)
NAMESPACE = Kind("", "v1", "Namespace", "namespaces", namespaced=False)
RESOURCE_QUOTA = Kind("", "v1", "ResourceQuota", "resourcequotas", namespaced=True)
EVENT = Kind("", "v1", "Event", "events", namespaced=True)
ROLE = Kind("rbac.authorization.k8s.io", "v1", "Role", "roles", namespaced=True)
ROLE_BINDING = Kind("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings", namespaced=True)
CLUSTER_ROLE = Kind("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", namespaced=False)
CLUSTER_ROLE_BINDING = Kind(
    "rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", "clusterrolebindings", namespaced=False
)
PRIORITY_CLASS = Kind("scheduling.k8s.io", "v1", "PriorityClass", "priorityclasses", namespaced=False)
NETWORK_POLICY = Kind("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies", namespaced=True)
LEASE = Kind("coordination.k8s.io", "v1", "Lease", "leases", namespaced=True)
CRD = Kind("apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions", namespaced=False)
GPU_POOL = Kind(GROUP, VERSION, "GPUPool", "gpupools", namespaced=False)
TENANT = Kind(GROUP, VERSION, "Tenant", "tenants", namespaced=False)
TRAINING_JOB = Kind(GROUP, VERSION, "TrainingJob", "trainingjobs", namespaced=True)
