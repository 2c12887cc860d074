"""Where workers are, in words."""

import pytest

from entente.cli.places import place
from entente.engine.model import Node, Pool, Snapshot

LEVELS = ("topology.entente.dev/block", "topology.entente.dev/rack", "kubernetes.io/hostname")


def host(name: str, block: str, rack: str, pool: str = "h100") -> Node:
    """Labels that are empty are missing."""
    path = (block, f"{block}/{rack}" if rack else "", f"{block}/{rack}/{name}")
    return Node(name, pool, 8, path)


HOSTS = [
    host("a1", "b1", "r1"),
    host("a2", "b1", "r1"),
    host("b1", "b1", "r2"),
    host("c1", "b2", "r9"),
    host("x", "b2", ""),
]
TWINS = [*HOSTS, host("t1", "b3", "r1"), host("t2", "b3", "r1")]
"""Racks of two blocks have the same name."""
TWO_POOLS = [*HOSTS, host("z", "b1", "r1", "b200")]

CASES = {
    "one host": (HOSTS, ["a1"], "host a1"),
    "one rack": (HOSTS, ["a1", "a2"], "2 hosts of rack r1"),
    "one block": (HOSTS, ["a1", "b1"], "2 hosts of block b1"),
    "nothing in common": (HOSTS, ["a1", "c1"], "2 hosts of pool h100"),
    "a label that is missing": (HOSTS, ["c1", "x"], "2 hosts of block b2"),
    "a name that two racks have": (TWINS, ["t1", "t2"], "2 hosts of rack b3/r1"),
    "several pools": (TWO_POOLS, ["a1", "a2"], "2 hosts of rack r1 in pool h100"),
    "several pools and nothing in common": (TWO_POOLS, ["a1", "c1"], "2 hosts of pool h100"),
}


@pytest.mark.parametrize(("hosts", "names", "text"), CASES.values(), ids=CASES.keys())
def test_hosts_are_named_by_the_narrowest_domain_that_has_them_all(
    hosts: list[Node], names: list[str], text: str
) -> None:
    pools = {
        it.pool: Pool(it.pool, LEVELS, 300, 600, 3600, exclusive=False, handover_s=None, half_life_s=0) for it in hosts
    }
    assert place(names, Snapshot(0.0, pools, {it.name: it for it in hosts}, {}, {}, ())) == text
