"""Where workers are, in words: hosts, and the narrowest domain that has all of them."""

from collections.abc import Collection

from entente.api.amounts import count
from entente.engine.model import Node, Snapshot


def place(names: Collection[str], snapshot: Snapshot) -> str:
    """`host gpu-07`, or `4 hosts of rack r2`; with its pool where the estate has several."""
    hosts = [snapshot.nodes[name] for name in sorted(names)]
    pool = hosts[0].pool
    if len(hosts) == 1:
        text = f"host {hosts[0].name}"
    elif (domain := _domain(hosts, snapshot)) is not None:
        text = f"{count(len(hosts), 'host')} of {domain}"
    else:
        return f"{count(len(hosts), 'host')} of pool {pool}"
    return f"{text} in pool {pool}" if len(snapshot.pools) > 1 else text


def _domain(hosts: Collection[Node], snapshot: Snapshot) -> str | None:
    """The narrowest domain that these hosts share, such as `rack r2`."""
    pool = next(iter(hosts)).pool
    for depth, level in reversed(list(enumerate(snapshot.pools[pool].levels))):
        shared = {host.domains[depth] for host in hosts}
        if len(shared) == 1 and (path := next(iter(shared))):
            everywhere = {node.domains[depth] for node in snapshot.nodes.values() if node.pool == pool}
            value = path.rpartition("/")[2]
            alike = [other for other in everywhere if other.rpartition("/")[2] == value]
            return f"{level.rpartition('/')[2]} {path if len(alike) > 1 else value}"
    return None
