"""What each component of the plane is started with: pure functions from where things lie to command lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from localplane.certificates import Authority, KeyPair, SigningKeys, signing_keys
from localplane.ports import LOOPBACK

ETCD = "etcd"
API_SERVER = "kube-apiserver"
CONTROLLER_MANAGER = "kube-controller-manager"
SCHEDULER = "kube-scheduler"
KWOK = "kwok"
COMPONENTS = (ETCD, API_SERVER, CONTROLLER_MANAGER, SCHEDULER, KWOK)

SERVICE_RANGE = "10.96.0.0/16"
FIRST_SERVICE_ADDRESS = "10.96.0.1"
POD_RANGE = "10.128.0.0/9"

CLIENT_QPS = 2000
"""Requests per second that controllers and scheduler may send: the plane is its tests' alone."""

NODE_LEASE_SECONDS = 40
STAGES = Path(__file__).with_name("stages")

AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {"level": "None", "userGroups": ["system:serviceaccounts:kube-system"]},
        # What programs that run with rights of their own ask for; everybody else costs nothing.
        {"level": "Metadata", "userGroups": ["system:serviceaccounts"]},
        {"level": "None"},
    ],
}


@dataclass(frozen=True)
class Credentials:
    """All keys of one plane."""

    authority: Authority
    etcd_authority: Authority
    front_proxy_authority: Authority
    etcd: KeyPair
    etcd_client: KeyPair
    api_server: KeyPair
    front_proxy: KeyPair
    admin: KeyPair
    controller_manager: KeyPair
    scheduler: KeyPair
    kwok: KeyPair
    service_accounts: SigningKeys

    @classmethod
    def create(cls, directory: Path) -> Credentials:
        """Write a new set of keys into a directory."""
        authority = Authority(directory, "ca")
        etcd_authority = Authority(directory, "etcd-ca")
        front_proxy_authority = Authority(directory, "front-proxy-ca")
        names = ["kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"]
        local = [LOOPBACK, "localhost"]
        return cls(
            authority=authority,
            etcd_authority=etcd_authority,
            front_proxy_authority=front_proxy_authority,
            etcd=etcd_authority.issue("etcd", "etcd", hosts=local),
            etcd_client=etcd_authority.issue("etcd-client", "kube-apiserver"),
            api_server=authority.issue(
                "kube-apiserver", "kube-apiserver", hosts=[*local, FIRST_SERVICE_ADDRESS, *names]
            ),
            front_proxy=front_proxy_authority.issue("front-proxy-client", "front-proxy-client"),
            admin=authority.issue("admin", "localplane-admin", ["system:masters"]),
            controller_manager=authority.issue(
                "kube-controller-manager", "system:kube-controller-manager", hosts=local
            ),
            scheduler=authority.issue("kube-scheduler", "system:kube-scheduler", hosts=local),
            # kwok stands for all kubelets at once, which no built-in role covers.
            kwok=authority.issue("kwok", "localplane-kwok", ["system:masters"]),
            service_accounts=signing_keys(directory, "service-accounts"),
        )


@dataclass(frozen=True)
class Layout:
    """Where everything of one plane lies and listens.

    Attributes:
        directory: Holds logs, data and configuration; its subdirectory `keys` the credentials.
        ports: One per component.
        binaries: The files to run, by name.
        credentials: The plane's keys.
    """

    directory: Path
    ports: Mapping[str, int]
    binaries: Mapping[str, Path]
    credentials: Credentials

    def url(self, component: str) -> str:
        """Return where a component serves."""
        scheme = "http" if component == KWOK else "https"
        return f"{scheme}://{LOOPBACK}:{self.ports[component]}"

    def kubeconfig(self, user: str) -> Path:
        """Return the path of the kubeconfig of a component or user."""
        return self.directory / "kubeconfigs" / f"{user}.yaml"

    def argv(self, component: str) -> list[str]:
        flags = _FLAGS[component](self)
        return [str(self.binaries[component]), *(f"--{name}={value}" for name, value in flags.items())]

    def write_configuration(self) -> None:
        """Write the files that components read besides their flags."""
        self.audit_policy.write_text(yaml.safe_dump(AUDIT_POLICY), encoding="utf-8")
        self._scheduler_configuration.write_text(yaml.safe_dump(_scheduler_configuration(self)), encoding="utf-8")
        stages = [path.read_text(encoding="utf-8") for path in sorted(STAGES.glob("*.yaml"))]
        self._kwok_configuration.write_text(
            "\n---\n".join([yaml.safe_dump(_kwok_configuration(self)), *stages]), encoding="utf-8"
        )

    @property
    def audit_policy(self) -> Path:
        """Return the path of what the API server writes to the audit log."""
        return self.directory / "audit.yaml"

    @property
    def audit_log(self) -> Path:
        """Return the path of the requests of service accounts, one JSON object a line."""
        return self.directory / "audit.log"

    @property
    def _scheduler_configuration(self) -> Path:
        return self.directory / "scheduler.yaml"

    @property
    def _kwok_configuration(self) -> Path:
        return self.directory / "kwok.yaml"


def _etcd(layout: Layout) -> dict[str, Any]:
    keys = layout.credentials
    return {
        "name": "localplane",
        "data-dir": layout.directory / "etcd",
        "listen-client-urls": layout.url(ETCD),
        "advertise-client-urls": layout.url(ETCD),
        # There is no peer: the port is whatever the kernel gives.
        "listen-peer-urls": f"http://{LOOPBACK}:0",
        "cert-file": keys.etcd.certificate,
        "key-file": keys.etcd.key,
        "trusted-ca-file": keys.etcd_authority.files.certificate,
        "client-cert-auth": "true",
        "unsafe-no-fsync": "true",  # nothing is to survive the machine
        "quota-backend-bytes": 4 * 1024**3,
        "log-level": "warn",
    }


def _api_server(layout: Layout) -> dict[str, Any]:
    keys = layout.credentials
    return {
        "bind-address": LOOPBACK,
        "advertise-address": LOOPBACK,
        "secure-port": layout.ports[API_SERVER],
        "endpoint-reconciler-type": "none",  # a loopback address is no valid endpoint
        "etcd-servers": layout.url(ETCD),
        "etcd-cafile": keys.etcd_authority.files.certificate,
        "etcd-certfile": keys.etcd_client.certificate,
        "etcd-keyfile": keys.etcd_client.key,
        "tls-cert-file": keys.api_server.certificate,
        "tls-private-key-file": keys.api_server.key,
        "client-ca-file": keys.authority.files.certificate,
        "requestheader-client-ca-file": keys.front_proxy_authority.files.certificate,
        "requestheader-allowed-names": "front-proxy-client",
        "requestheader-username-headers": "X-Remote-User",
        "requestheader-group-headers": "X-Remote-Group",
        "requestheader-extra-headers-prefix": "X-Remote-Extra-",
        "proxy-client-cert-file": keys.front_proxy.certificate,
        "proxy-client-key-file": keys.front_proxy.key,
        "service-account-issuer": "https://kubernetes.default.svc.cluster.local",
        "service-account-signing-key-file": keys.service_accounts.private,
        "service-account-key-file": keys.service_accounts.public,
        "authorization-mode": "Node,RBAC",
        "enable-admission-plugins": "NodeRestriction",  # beside the default ones, as kubeadm does
        "service-cluster-ip-range": SERVICE_RANGE,
        "allow-privileged": "true",
        "audit-policy-file": layout.audit_policy,
        "audit-log-path": layout.audit_log,
        "profiling": "false",
    }


def _controller_manager(layout: Layout) -> dict[str, Any]:
    keys = layout.credentials
    own = layout.kubeconfig(CONTROLLER_MANAGER)
    return {
        "bind-address": LOOPBACK,
        "secure-port": layout.ports[CONTROLLER_MANAGER],
        "kubeconfig": own,
        "authentication-kubeconfig": own,
        "authorization-kubeconfig": own,
        "tls-cert-file": keys.controller_manager.certificate,
        "tls-private-key-file": keys.controller_manager.key,
        "root-ca-file": keys.authority.files.certificate,
        "client-ca-file": keys.authority.files.certificate,
        "cluster-signing-cert-file": keys.authority.files.certificate,
        "cluster-signing-key-file": keys.authority.files.key,
        "service-account-private-key-file": keys.service_accounts.private,
        "use-service-account-credentials": "true",
        "controllers": "*",
        "leader-elect": "false",  # it is alone; waiting for a lease would only cost time
        "concurrent-namespace-syncs": 20,
        "concurrent-resource-quota-syncs": 20,
        "kube-api-qps": CLIENT_QPS,
        "kube-api-burst": CLIENT_QPS,
        "profiling": "false",
    }


def _scheduler(layout: Layout) -> dict[str, Any]:
    keys = layout.credentials
    own = layout.kubeconfig(SCHEDULER)
    return {
        "config": layout.directory / "scheduler.yaml",
        "bind-address": LOOPBACK,
        "secure-port": layout.ports[SCHEDULER],
        "authentication-kubeconfig": own,
        "authorization-kubeconfig": own,
        "client-ca-file": keys.authority.files.certificate,
        "tls-cert-file": keys.scheduler.certificate,
        "tls-private-key-file": keys.scheduler.key,
    }


def _kwok(layout: Layout) -> dict[str, Any]:
    return {
        "kubeconfig": layout.kubeconfig(KWOK),
        "config": layout.directory / "kwok.yaml",
    }


def _scheduler_configuration(layout: Layout) -> dict[str, Any]:
    return {
        "apiVersion": "kubescheduler.config.k8s.io/v1",
        "kind": "KubeSchedulerConfiguration",
        "clientConnection": {
            "kubeconfig": str(layout.kubeconfig(SCHEDULER)),
            "qps": CLIENT_QPS,
            "burst": CLIENT_QPS,
        },
        "leaderElection": {"leaderElect": False},
        "enableProfiling": False,
    }


def _kwok_configuration(layout: Layout) -> dict[str, Any]:
    return {
        "apiVersion": "config.kwok.x-k8s.io/v1alpha1",
        "kind": "KwokConfiguration",
        "metadata": {"name": "localplane"},
        "options": {
            "manageAllNodes": True,
            "cidr": POD_RANGE,
            "nodeIP": LOOPBACK,
            "serverAddress": f"{LOOPBACK}:{layout.ports[KWOK]}",
            "enableDebuggingHandlers": False,
            "enableProfilingHandler": False,
            "nodeLeaseDurationSeconds": NODE_LEASE_SECONDS,
            "nodeLeaseParallelism": 8,
            "nodePlayStageParallelism": 16,
            "podPlayStageParallelism": 16,
        },
    }


_FLAGS = {
    ETCD: _etcd,
    API_SERVER: _api_server,
    CONTROLLER_MANAGER: _controller_manager,
    SCHEDULER: _scheduler,
    KWOK: _kwok,
}
