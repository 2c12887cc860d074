"""What the operator can be told from outside; nothing else reads flags or the environment."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of one operator process. Times are in seconds."""

    kubeconfig: str | None = None
    """None: the pod's service account, else `$KUBECONFIG`, else `~/.kube/config`."""
    context: str | None = None
    user: str | None = None
    """Whom to act as; the kubeconfig's own user when none."""
    groups: tuple[str, ...] = ()
    namespace: str = "entente-system"
    """Where the Lease lives."""
    lease_name: str = "entente-operator"
    lease_s: int = 15
    """A standby takes over at most this long after the leader fell silent."""
    host: str = "127.0.0.1"
    """Address of `/metrics`, `/healthz` and `/readyz`."""
    port: int = 8080
    """0: a free one, which is logged."""
    debug_port: int | None = None
    """Of `/debug/snapshot` and `/debug/plan`, on 127.0.0.1 alone; they are not served when none."""
    writes: int = 32
    """Requests that change something, in flight at once."""
    debounce_s: float = 0.05
    """Time from the first change to the cycle that looks at it, so that one cycle sees many."""
    idle_s: float = 5.0
    """Longest time between two decisions."""
    relist_s: float = 300.0
    """Time between complete lists of the jobs, which drop what a watch has missed."""
    explain_s: float = 15.0
    """Shortest time between two writes of a waiting job's status that only bring its message up to date."""
    status_s: float = 2.0
    """Shortest time between two writes of a tenant's or pool's figures; longer where there are many of them."""
    stuck_s: float = 60.0
    """`/healthz` fails when no cycle ended for this long."""
    start_timeout_s: float = 600.0
    """How long a gang may hold GPUs before all its workers are ready."""
    drain_s: float = 5.0
    """Time for writes under way when the operator is told to stop."""
    check_invariants: bool = False
    """Check each plan by counting everything anew, and log what it breaks."""
    log_level: str = "INFO"
    log_format: str = "text"
    """`text` or `json`."""
